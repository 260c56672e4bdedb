//! One run: faults by a seed's schedule, then recovery, then judgement.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::audit;
use crate::canaries;
use crate::cluster::Cluster;
use crate::judge::{judge, undecided};
use crate::model::Broken;
use crate::records::Records;
use crate::schedule::{Shape, draw};
use crate::workload::{Clients, Reader};

const CLIENTS: usize = 8;
/// Readers of the event log, each cut every few seconds.
const READERS: usize = 50;
const TICK: Duration = Duration::from_millis(50);
/// Everything must be decided within this time after the last fault.
const DECIDED_WITHIN: Duration = Duration::from_secs(60);

/// Every reader must have seen everything within this time after it was decided.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// A slower recovery is reported.
const SLOW: Duration = Duration::from_secs(30);

/// How many broken promises are reported in full detail.
const DOSSIERS_MAX: usize = 5;

/// The result of a run.
pub(crate) struct ChaosReport {
    seed: u64,
    pub(crate) shape: Shape,
    length: Duration,
    /// The executed actions, with their times.
    executed: Vec<String>,
    pub(crate) broken: Vec<Broken>,
    pub(crate) summary: String,
    /// Details of the payments involved.
    dossier: String,
    logs: Vec<PathBuf>,
}

/// `None`: a required server is not installed, which was reported. `is_watched`: print progress to the terminal.
pub(crate) async fn run(seed: u64, shape: Shape, length: Duration, is_watched: bool) -> Option<ChaosReport> {
    let say = |line: String| {
        if is_watched {
            let _ = writeln!(std::io::stderr(), "seed {seed}: {line}");
        }
    };
    let mut cluster = Cluster::start(shape).await?;
    say(format!("{shape:?}, {} s", length.as_secs()));
    let clients = Arc::new(Clients::new(&cluster));
    let mut tasks = JoinSet::new();
    for number in 0..CLIENTS {
        tasks.spawn(clients.client(number, seed).work());
    }

    let mut readers = JoinSet::new();
    for number in 0..READERS {
        readers.spawn(Reader::new(number, seed).read(clients.clone()));
    }

    let executed = run_schedule(&mut cluster, &clients, seed, shape, length, &say).await;
    clients.end();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    cluster.repair().await;
    say("the faults are over".to_owned());

    let (open, _, took) = quiet(&mut cluster, &clients).await;
    // A run that was cut short may have left the database without writes.
    let unfinished = if clients.history.is_broken() { Vec::new() } else { cluster.finish_commands().await };
    clients.repeat_everything().await;
    let records = Records::read(&clients.history, &cluster).await;
    say(format!("quiet after {} s", took.as_secs()));
    if let Some(last) = records.events.iter().max_by_key(|event| event.at).filter(|_| took > SLOW) {
        say(format!("decided last:\n{}", records.about(&last.payment)));
    }
    let mut broken = clients.history.entries().broken.clone();
    broken.extend(unfinished);
    broken
        .extend(open.into_iter().map(|request| Broken::new("P10", format!("no final answer to {request}"))));
    broken.extend(judge(&records));
    let mut readers = readers.join_all().await;
    catch_up(&mut readers, &clients, &records).await;
    let later = Records::read(&clients.history, &cluster).await;
    for reader in readers {
        let client = reader.client();
        broken.extend(reader.judge(&records.trail_of(client), &later.trail_of(client)));
    }
    broken.extend(canaries::in_logs(&cluster));
    // A run that was cut short may have left servers dead, or the database without writes.
    if broken.is_empty() {
        broken.extend(canaries::in_stores(&cluster).await);
        broken.extend(audit::judge(&cluster).await);
    }
    let summary = summary(&records, executed.len(), took);
    say(summary.clone());
    if !broken.is_empty() {
        say(format!("{} BROKEN PROMISES", broken.len()));
        cluster.keep_logs();
    }
    let named: String = broken.iter().take(DOSSIERS_MAX).map(|broken| format!("{} ", broken.what)).collect();
    let dossier = records.about(&named);
    Some(ChaosReport { seed, shape, length, executed, broken, summary, dossier, logs: cluster.logs() })
}

/// Executes the schedule and returns the executed actions.
async fn run_schedule(
    cluster: &mut Cluster,
    clients: &Clients,
    seed: u64,
    shape: Shape,
    length: Duration,
    say: &impl Fn(String),
) -> Vec<String> {
    let mut schedule = draw(seed, shape, length).into_iter().peekable();
    let mut executed = Vec::new();
    let start = Instant::now();
    // Stops at the first promise that a client sees broken, which eases the diagnosis.
    while (start.elapsed() < length || schedule.peek().is_some()) && !clients.history.is_broken() {
        let mut news = cluster.watch();
        while let Some(scheduled) = schedule.next_if(|scheduled| scheduled.at <= start.elapsed()) {
            cluster.carry_out(&scheduled.action).await;
            news.push(scheduled.action.to_string());
        }
        for line in news {
            let line = format!("{:>7.3} s  {line}", start.elapsed().as_secs_f64());
            say(line.clone());
            executed.push(line);
        }
        sleep(TICK).await;
    }
    executed
}

/// Clients retry open requests until everything is decided or the time is up.
pub(crate) async fn quiet(cluster: &mut Cluster, clients: &Clients) -> (Vec<String>, Records, Duration) {
    let start = Instant::now();
    let deadline = start + DECIDED_WITHIN;
    let open = watched(cluster, clients.retry_open_requests(deadline)).await;
    loop {
        cluster.watch();
        let records = Records::read(&clients.history, cluster).await;
        if undecided(&records).is_empty() || Instant::now() > deadline {
            return (open, records, start.elapsed());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// All at the same time: were streams broken, each would take as long as it may.
async fn catch_up(readers: &mut [Reader], clients: &Clients, records: &Records) {
    let readers = readers.iter_mut().map(|reader| async move {
        let trail = records.trail_of(reader.client());
        reader.catch_up(clients, &trail, READ_WITHIN).await;
    });
    join_all(readers).await;
}

/// Restarts processes that end meanwhile, as a supervisor does: a process may have started before its database.
async fn watched<T>(cluster: &mut Cluster, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = sleep(TICK) => drop(cluster.watch()),
        }
    }
}

fn summary(records: &Records, actions: usize, quiet_after: Duration) -> String {
    let responses: usize = records.requests.iter().map(|request| request.responses.len()).sum();
    format!(
        "{actions} actions, {} keys, {responses} answers, {} payments, {} refunds, {} effects; decided {:.1} s after the last fault",
        records.requests.len(),
        records.payments.len(),
        records.refunds.len(),
        records.effects.len(),
        quiet_after.as_secs_f64(),
    )
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:?} with seed {}: {}", self.shape, self.seed, self.summary)?;
        for Broken { promise, what } in &self.broken {
            writeln!(f, "BROKEN {promise}: {what}")?;
        }
        for line in &self.executed {
            writeln!(f, "  {line}")?;
        }
        write!(f, "{}", self.dossier)?;
        for logs in &self.logs {
            writeln!(f, "logs: {}", logs.display())?;
        }
        let (shape, seconds) = (format!("{:?}", self.shape).to_lowercase(), self.length.as_secs());
        write!(f, "again: make chaos SHAPE={shape} SEED={} SECONDS={seconds}", self.seed)
    }
}
