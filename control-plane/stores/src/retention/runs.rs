//! Runs: one at a time, each kept with what it has ended.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use payments::model::id::AttemptId;
use payments::ports::clock::{Entropy as _, SystemEntropy};

use super::rows::RunRow;
use super::steps::{RetentionRun, RunProgress, What};
use super::tally::Tally;
use super::{RetentionProblem, Schedule};
use crate::sql::{Database, Purpose, Query};

/// The lease on a run. A batch takes a second, and a statement a minute at most, so a run that is silent for this long
/// is dead.
const HELD_FOR: SignedDuration = SignedDuration::from_mins(3);

/// `$1`: holder, `$2`: end of the lease, `$3`: now.
const TAKE_OVER: &str = "UPDATE retention_runs SET holder = $1, held_until = $2
    WHERE finished_at IS NULL AND held_until <= $3";
/// `$1`: by, `$2`: now, `$3`: holder, `$4`: end of the lease, `$5`: schedule.
const BEGIN: &str =
    "INSERT INTO retention_runs (began_by, began_at, holder, held_until, schedule, place, ended)
    VALUES ($1, $2, $3, $4, $5, '', '{}') ON CONFLICT DO NOTHING";
macro_rules! columns {
    ($which:literal) => {
        concat!(
            "SELECT number, began_by, began_at, held_until, place, ended, finished_at FROM retention_runs ",
            $which
        )
    };
}
const UNFINISHED: &str = columns!("WHERE finished_at IS NULL");
/// `$1`: limit.
const LAST: &str = columns!("ORDER BY number DESC LIMIT $1");
/// `$1`: number, `$2`: holder, `$3`: end of the lease, `$4`: place, `$5`: counts, `$6`: finished at.
const KEEP: &str = "UPDATE retention_runs SET held_until = $3, place = $4, ended = $5, finished_at = $6
    WHERE number = $1 AND holder = $2 AND finished_at IS NULL";
/// `$1`: number, `$2`: holder, `$3`: now.
const RELEASE: &str = "UPDATE retention_runs SET held_until = $3
    WHERE number = $1 AND holder = $2 AND finished_at IS NULL";

/// A run as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    pub number: i64,
    pub began_by: String,
    pub began_at: Timestamp,
    /// `None`: it is under way, or was interrupted.
    pub finished_at: Option<Timestamp>,
    /// How much ended, by kind.
    pub ended: BTreeMap<String, u64>,
}

impl PastRun {
    fn of(row: RunRow) -> Option<Self> {
        Some(Self {
            number: row.number,
            began_by: row.began_by,
            began_at: Timestamp::from_microsecond(row.began_at).ok()?,
            finished_at: row.finished_at.and_then(|at| Timestamp::from_microsecond(at).ok()),
            ended: serde_json::from_str(&row.ended).ok()?,
        })
    }
}

/// The run that a process is at.
#[derive(Debug)]
pub(super) struct HeldRun {
    number: i64,
    holder: String,
}

/// Begins a run, or continues one whose process has died.
pub(super) async fn begin(
    database: &impl Database,
    schedule: Schedule,
    by: &str,
    now: Timestamp,
) -> Result<RetentionRun, RetentionProblem> {
    let holder = AttemptId::new(now, SystemEntropy.bytes()).to_string();
    let until = (now + HELD_FOR).as_microsecond();
    let take = Query::new(TAKE_OVER).with(holder.as_str()).with(until).with(now.as_microsecond());
    let begin = Query::new(BEGIN)
        .with(by)
        .with(now.as_microsecond())
        .with(holder.as_str())
        .with(until)
        .with(serde_json::to_string(&schedule).unwrap_or_default());
    let is_taken = database.execute(Purpose::Operators, take).await? == 1;
    let is_begun = is_taken || database.execute(Purpose::Operators, begin).await? == 1;
    let row = database.one_written::<RunRow>(Purpose::Operators, Query::new(UNFINISHED)).await?;
    let Some(row) = row else { return Err(RetentionProblem::TakenOver) };
    if !is_begun {
        return Err(RetentionProblem::Busy(Timestamp::from_microsecond(row.held_until).unwrap_or(now)));
    }
    let began_at = Timestamp::from_microsecond(row.began_at).unwrap_or(now);
    let mut place: RunProgress = serde_json::from_str(&row.place).unwrap_or_default();
    let ended: BTreeMap<String, u64> = serde_json::from_str(&row.ended).unwrap_or_default();
    // An earlier release has kept this much of what it did.
    for what in What::ALL {
        if let Some(ended) = ended.get(what.name()) {
            let tally = place.tallies.entry(what).or_default();
            tally.ended = tally.ended.max(*ended);
        }
    }
    tracing::info!(run = row.number, by, continued = is_taken, "ending data whose time is over");
    let (continued_from, held) = (is_taken.then_some(row.began_by), HeldRun { number: row.number, holder });
    Ok(RetentionRun { schedule, began_at, place, continued_from, held: Some(held) })
}

/// How much ended, by the names of the kinds.
fn ended(tallies: &BTreeMap<What, Tally>) -> BTreeMap<&'static str, u64> {
    let some = tallies.iter().filter(|(_, tally)| tally.ended > 0);
    some.map(|(what, tally)| (what.name(), tally.ended)).collect()
}

/// Keeps the progress and the counts, and renews the lease.
pub(super) async fn keep(
    database: &impl Database,
    ending: &RetentionRun,
    now: Timestamp,
    finished_at: Option<Timestamp>,
) -> Result<(), RetentionProblem> {
    let Some(held) = &ending.held else { return Ok(()) };
    let keep = Query::new(KEEP)
        .with(held.number)
        .with(held.holder.as_str())
        .with((now + HELD_FOR).as_microsecond())
        .with(serde_json::to_string(&ending.place).unwrap_or_default())
        .with(serde_json::to_string(&ended(&ending.place.tallies)).unwrap_or_default())
        .with(finished_at.map(Timestamp::as_microsecond));
    match database.execute(Purpose::Operators, keep).await? {
        0 => Err(RetentionProblem::TakenOver),
        _ => Ok(()),
    }
}

/// Ends the lease, unless another process has it by now.
pub(super) async fn release(
    database: &impl Database,
    ending: &RetentionRun,
    now: Timestamp,
) -> Result<(), RetentionProblem> {
    let Some(held) = &ending.held else { return Ok(()) };
    let release = Query::new(RELEASE).with(held.number).with(held.holder.as_str()).with(now.as_microsecond());
    database.execute(Purpose::Operators, release).await?;
    Ok(())
}

pub(super) async fn last(database: &impl Database, limit: u32) -> Result<Vec<PastRun>, RetentionProblem> {
    let query = Query::new(LAST).with(i64::from(limit));
    let rows: Vec<RunRow> = database.all(Purpose::Operators, query).await?;
    Ok(rows.into_iter().filter_map(PastRun::of).collect())
}
