//! `control-plane retention`: shows what would end by the schedule, and ends it.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use crash_points::CrashPoints;
use jiff::Timestamp;
use payments::ports::clock::{Clock as _, SystemClock};
use payments_stores::keys::Scrubbed;
use payments_stores::retention::{
    PastRun, Retention, RetentionRun, Schedule, StepReport, Tally, What, open_retention,
};
use payments_stores::{DatabaseSettings, MigrateOnStart};
use serde::Serialize;

use super::free_text::free_text;
use super::interruption::Interruption;
use super::operator::{Access, Operator, Recorded, open_trail};
use crate::config::{Source, database, schedule, unusable};
use crate::process::gateway_setup::is_there;

const INTERRUPTED: &str = "interrupted; run it again to continue";

#[derive(Subcommand)]
pub enum Command {
    /// Show what would end now, and what is kept because money still depends on it; changes nothing
    Plan(PlanArgs),
    /// End what is over, a little at a time, while services run. An interrupted run continues where it was
    Run(RunArgs),
}

#[derive(Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pace: PaceArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    pace: PaceArgs,
    /// The operator's name, which the run is recorded with; by default SUDO_USER, else USER
    #[arg(long, value_parser = free_text)]
    by: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// SQLite: remove what the file still holds of what has ended also if it is larger than 64 MiB. Writers wait
    /// meanwhile, about a second for each 100 MB
    #[arg(long)]
    vacuum: bool,
}

#[derive(Args)]
struct PaceArgs {
    /// Rows looked at per second, 1 to 100000
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    per_second: u32,
}

/// Runs a command and returns the text to print.
///
/// # Errors
/// The configuration is invalid, the database unavailable, or another run under way.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<String> {
    let settings = database(source).map_err(|errors| unusable(&errors))?;
    let schedule = schedule(source).map_err(|errors| unusable(&errors))?;
    is_there(&settings.uri)?;
    let is_sealed = settings.encryption.wrapping.is_some();
    let settings = DatabaseSettings { migrate_on_start: MigrateOnStart::Never, ..settings };
    let trail = open_trail(settings.clone()).await?;
    let retention = open_retention(settings).await.context("DB_URI: the database cannot be opened")?;
    let (access, action, by) = match &command {
        Command::Plan(_) => (Access::Reads, "retention plan", None),
        Command::Run(args) => (Access::Changes, "retention run", args.by.clone()),
    };
    let operator = Operator::new(by, source);
    let recorded = Recorded { store: &*trail, operator: &operator, access, action, object: "", reason: None };
    let execute = async {
        match command {
            Command::Plan(args) => plan(&*retention, schedule, &args, is_sealed).await,
            Command::Run(args) => {
                arm(source)?;
                end(&*retention, schedule, &operator, &args, is_sealed).await
            }
        }
    };
    recorded.run(execute).await
}

async fn plan(
    retention: &dyn Retention,
    schedule: Schedule,
    args: &PlanArgs,
    is_sealed: bool,
) -> anyhow::Result<String> {
    let mut plan = retention.plan(schedule, SystemClock.now()).await?;
    all(retention, &mut plan, args.pace.per_second, &mut Interruption::listen()?).await?;
    if args.json {
        return to_json(&plan);
    }
    let last = retention.runs(1).await?;
    Ok(format!("{}\n{}", to_text(&plan, "would end", is_sealed), told(last.first())))
}

async fn end(
    retention: &dyn Retention,
    schedule: Schedule,
    operator: &Operator,
    args: &RunArgs,
    is_sealed: bool,
) -> anyhow::Result<String> {
    // Before the lease is taken, so that no signal leaves it behind.
    let mut interruption = Interruption::listen()?;
    let mut ending = retention.begin(schedule, &operator.name, SystemClock.now()).await?;
    if let Err(problem) = all(retention, &mut ending, args.pace.per_second, &mut interruption).await {
        // So that it can be run again at once; if this fails, then after the end of its lease.
        let _ = retention.release(&ending, SystemClock.now()).await;
        return Err(problem);
    }
    let scrubbed = retention.scrub(args.vacuum).await?;
    if args.json {
        return to_json(&ending);
    }
    let text = to_text(&ending, "ended", is_sealed);
    let continued = ending.continued_from().map_or_else(String::new, |(by, at)| {
        format!("\nthis went on with an interrupted run, begun by {by} at {at:.0}; the table is of all of it")
    });
    Ok(format!("{text}{continued}\n{}", after(scrubbed)))
}

/// Tests crash the command between two steps.
fn arm(source: &Source) -> anyhow::Result<()> {
    if let Some(points) = source.get("CRASH_POINTS") {
        CrashPoints::parse(points).map_err(anyhow::Error::msg)?.arm();
    }
    Ok(())
}

/// Does all of it, unless a signal comes: then the step that is under way is the last one, and counts.
async fn all(
    retention: &dyn Retention,
    ending: &mut RetentionRun,
    per_second: u32,
    interruption: &mut Interruption,
) -> anyhow::Result<()> {
    while let Some(part) =
        retention.next(ending, SystemClock.now()).await.context("run it again to continue")?
    {
        tell(&part, ending);
        let rows = u32::try_from(part.seen).unwrap_or(u32::MAX);
        tokio::select! {
            biased;
            () = interruption.received() => bail!("{INTERRUPTED}"),
            () = tokio::time::sleep(Duration::from_secs(1) * rows / per_second) => {}
        }
    }
    Ok(())
}

fn tell(part: &StepReport, ending: &RetentionRun) {
    if part.is_done && std::io::stderr().is_terminal() {
        let ended = ending.tallies().get(&part.what).map_or(0, |tally| tally.ended);
        let _ = writeln!(std::io::stderr(), "{}: {ended} rows", part.what.name());
    }
}

fn told(last: Option<&PastRun>) -> String {
    let Some(PastRun { began_by, began_at, finished_at, .. }) = last else {
        return "nothing has been ended so far".to_owned();
    };
    let finished = finished_at.map_or_else(
        || "is under way, or was interrupted: `retention run` continues it".to_owned(),
        |at| format!("finished at {at:.0}"),
    );
    format!("the last run, begun by {began_by} at {began_at:.0}, {finished}")
}

fn after(scrubbed: Scrubbed) -> &'static str {
    match scrubbed {
        Scrubbed::Done => "the database's files hold nothing of it any more",
        Scrubbed::TooLarge { .. } => {
            "the file may still hold parts of it. Remove them in a quiet hour: run it again with --vacuum"
        }
        Scrubbed::Busy => {
            "the write-ahead log could not be emptied, because it is being read all the time. Run it again"
        }
        Scrubbed::LeftToServer => {
            "the server keeps deleted rows until it vacuums, and in its write-ahead log; erased keys are vacuumed"
        }
    }
}

fn to_text(ending: &RetentionRun, ended: &str, is_sealed: bool) -> String {
    let ended = ended.to_uppercase();
    // Writing to a string cannot fail.
    let mut text = format!("{:<18}  {:<20}  {:>12}  {:>9}  KEPT\n", "WHAT", "OLDER THAN", ended, "DATA KEYS");
    for (what, tally) in ending.tallies() {
        let before = tally.before.map_or_else(|| "kept for good".to_owned(), |at| format!("{at:.0}"));
        let Tally { ended, keys, .. } = tally;
        let _ = writeln!(text, "{:<18}  {before:<20}  {ended:>12}  {keys:>9}  {}", what.name(), tally.kept());
    }
    for (what, tally) in ending.tallies() {
        for held in &tally.held {
            let with = held.with.map_or_else(String::new, |(since, until)| {
                format!(", and with it all values of {since:.0} to {until:.0}")
            });
            let _ = writeln!(text, "{}: kept, because {} is not done{with}", what.name(), held.by);
        }
    }
    if !is_sealed {
        text.push_str(
            "values are stored as they are (ENCRYPTION_KEYS is not set), so what payments hold of payers does not end\n",
        );
    }
    text.trim_end().to_owned()
}

fn to_json(ending: &RetentionRun) -> anyhow::Result<String> {
    let kinds: Vec<_> = ending.tallies().iter().map(KindJson::from).collect();
    Ok(serde_json::to_string(&kinds)?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KindJson<'a> {
    what: &'static str,
    older_than: Option<Timestamp>,
    ended: u64,
    data_keys: u64,
    kept: u64,
    kept_because_of: Vec<&'a str>,
}

impl<'a> From<(&What, &'a Tally)> for KindJson<'a> {
    fn from((what, tally): (&What, &'a Tally)) -> Self {
        Self {
            what: what.name(),
            older_than: tally.before,
            ended: tally.ended,
            data_keys: tally.keys,
            kept: tally.kept(),
            kept_because_of: tally.held.iter().map(|held| held.by.as_str()).collect(),
        }
    }
}
