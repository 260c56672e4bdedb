//! Charges at a steady rate for any length of time, with the same faults every minute. Responses must stay correct,
//! nothing may stay undecided, and memory must stay flat.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use gateway_tests::PipeReader;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use test_services::proxy::Mode;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::canaries;
use crate::cluster::Cluster;
use crate::judge::judge;
use crate::model::Broken;
use crate::run::quiet;
use crate::schedule::{Action, Process, ScheduledAction, Shape, Wire};
use crate::workload::Clients;

const PER_SECOND: u32 = 300;
/// Charges that wait for their answers at once: what arrives in the longest of the faults, twice. A slow machine sends
/// fewer charges then, and the run says so.
const IN_FLIGHT_MAX: usize = 6_000;
/// So many of a hundred charges may be left out before the rate counts as missed.
const LEFT_OUT_PERCENT: u64 = 5;
/// Clients that also capture, cancel, refund and read.
const CLIENTS: usize = 2;
/// So many broken promises are printed with the trail of their payments.
const EXPLAINED: usize = 3;
const TICK: Duration = Duration::from_millis(50);
const MINUTE: Duration = Duration::from_secs(60);

/// The memory baseline starts here at the latest: caches and pools are full.
const WARM_MINUTES: usize = 10;
/// The minutes at each end that are compared, at most.
const COMPARED_MINUTES: usize = 5;
const GROWTH_PERCENT: u64 = 5;
/// Allocator slack after a burst: otherwise processes below 80 MiB would be judged by single pages.
const SLACK_BYTES: u64 = 4 << 20;

/// Returns the broken promises. `None`: a required server is not installed, which was reported.
pub(crate) async fn run(length: Duration) -> Option<Vec<Broken>> {
    // Requests wait for each other's answers while something stalls.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum }).unwrap();
    let mut cluster = Cluster::start(Shape::Distributed).await?;
    let clients = Arc::new(Clients::new(&cluster));
    let mut tasks = JoinSet::new();
    for number in 0..CLIENTS {
        tasks.spawn(clients.client(number, 1).work());
    }
    let charges = tokio::spawn(charges(clients.clone()));
    let memory = run_schedule(&mut cluster, &clients, length).await;
    clients.end();
    tasks.join_all().await;
    let rate = charges.await.unwrap();
    cluster.repair().await;

    let (open, records, took) = quiet(&mut cluster, &clients).await;
    say(&format!(
        "{} payments, {} refunds, {} effects; decided {:.1} s after the last fault",
        records.payments.len(),
        records.refunds.len(),
        records.effects.len(),
        took.as_secs_f64()
    ));
    if let Some(last) = records.events.iter().max_by_key(|event| event.at) {
        say(&format!("decided last:\n{}", records.about(&last.payment)));
    }
    let mut broken = clients.history.entries().broken.clone();
    broken
        .extend(open.into_iter().map(|request| Broken::new("P10", format!("no final answer to {request}"))));
    broken.extend(judge(&records));
    broken.extend(canaries::in_logs(&cluster));
    if broken.is_empty() {
        broken.extend(canaries::in_stores(&cluster).await);
    }
    broken.extend(growth(&memory));
    broken.extend(rate.missed());
    for (number, Broken { promise, what }) in broken.iter().enumerate() {
        let about = if number < EXPLAINED { records.about(what) } else { String::new() };
        say(format!("BROKEN {promise}: {what}\n{about}").trim_end());
    }
    if !broken.is_empty() {
        cluster.keep_logs();
        say(&format!("logs: {:?}", cluster.logs()));
    }
    Some(broken)
}

/// New charges: those that were sent, and those that were left out because too many waited for their answers.
#[derive(Default)]
struct Rate {
    sent: u64,
    left_out: u64,
}

impl Rate {
    fn missed(&self) -> Option<Broken> {
        let Self { sent, left_out } = self;
        let is_missed = left_out * 100 > (sent + left_out) * LEFT_OUT_PERCENT;
        let what =
            format!("{left_out} charges left out beside {sent} sent: the machine or the gateway is too slow");
        is_missed.then(|| Broken::new("rate", what))
    }
}

/// Sends new charges at the rate, regardless of earlier responses.
async fn charges(clients: Arc<Clients>) -> Rate {
    let mut rate = Rate::default();
    let mut ticks = interval(Duration::from_secs(1) / PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut in_flight = JoinSet::new();
    while clients.is_running() {
        ticks.tick().await;
        while in_flight.try_join_next().is_some() {}
        if in_flight.len() >= IN_FLIGHT_MAX {
            rate.left_out += 1;
            continue;
        }
        rate.sent += 1;
        in_flight.spawn(clients.clone().charge_until_answered());
    }
    in_flight.join_all().await;
    rate
}

/// The schedule of each minute.
fn round() -> Vec<ScheduledAction> {
    let process = |part, gateway| Process { part, gateway };
    let provider = |gateway, mode| Action::Set { wire: Wire::ControlPlaneToProviders, gateway, mode };
    let schedule = [
        (2, Action::Log(process("control-plane", 0), PipeReader::Stalls)),
        (3, Action::Log(process("worker", 1), PipeReader::IsGone)),
        (8, Action::Log(process("control-plane", 0), PipeReader::IsGone)),
        (12, Action::Log(process("control-plane", 0), PipeReader::Reads)),
        (13, Action::Log(process("worker", 1), PipeReader::Reads)),
        (14, Action::FillLogDisk(0)),
        (14, Action::FillLogDisk(1)),
        (20, Action::EmptyLogDisk(0)),
        (20, Action::EmptyLogDisk(1)),
        (22, provider(0, Mode::Silence)),
        (28, provider(1, Mode::Silence)),
        (34, Action::FailOver),
        (36, Action::AddStandby),
        (54, Action::FreezeRedis),
        (56, Action::ThawRedis),
    ];
    schedule.map(|(second, action)| ScheduledAction { at: Duration::from_secs(second), action }).into()
}

/// Returns the memory of each process at the end of each minute.
async fn run_schedule(
    cluster: &mut Cluster,
    clients: &Clients,
    length: Duration,
) -> Vec<BTreeMap<String, u64>> {
    let start = Instant::now();
    let mut memory = Vec::new();
    for minute in 0.. {
        // Later if the new standby of the minute before took long.
        let begin = Instant::now().max(start + MINUTE * minute);
        if begin.duration_since(start) >= length || !clients.is_running() {
            break;
        }
        for scheduled in round() {
            while begin.elapsed() < scheduled.at && clients.is_running() {
                cluster.watch().iter().for_each(|news| say(news));
                sleep(TICK).await;
            }
            cluster.carry_out(&scheduled.action).await;
        }
        let sizes: BTreeMap<_, _> =
            cluster.memory().into_iter().map(|(process, bytes)| (process.to_string(), bytes)).collect();
        let (requests, answered) = clients.counts();
        let sizes_mib: Vec<_> =
            sizes.iter().map(|(process, bytes)| format!("{process} {}", bytes >> 20)).collect();
        say(&format!(
            "minute {}: {requests} asked, {answered} answered for good; MiB: {}",
            minute + 1,
            sizes_mib.join(", ")
        ));
        memory.push(sizes);
    }
    memory
}

/// Compares each process's peak memory in the last minutes with its peak in those after the warm-up. A run of half an
/// hour compares five minutes, a shorter one a third of its own.
fn growth(memory: &[BTreeMap<String, u64>]) -> Vec<Broken> {
    let third = memory.len() / 3;
    let (warm, compared) = (third.min(WARM_MINUTES), third.min(COMPARED_MINUTES));
    let (Some(early), Some(late)) =
        (memory.get(warm..warm + compared), memory.len().checked_sub(compared).and_then(|n| memory.get(n..)))
    else {
        return Vec::new();
    };
    let Some(processes) = late.first() else {
        say("the run was too short to judge memory: it takes three minutes");
        return Vec::new();
    };
    if third < WARM_MINUTES {
        say(&format!("memory is judged after {warm} minutes, in which caches may not have filled"));
    }
    let most = |minutes: &[BTreeMap<String, u64>], process| {
        minutes.iter().filter_map(|sizes| sizes.get(process)).max().copied().unwrap_or_default()
    };
    let mut broken = Vec::new();
    for process in processes.keys() {
        let (before, after) = (most(early, process), most(late, process));
        if after > before + (before * GROWTH_PERCENT / 100).max(SLACK_BYTES) {
            broken.push(Broken::new("memory", format!("{process} grew from {before} to {after} bytes")));
        }
    }
    broken
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "soak: {line}");
}

#[test]
fn growing_memory_is_found_and_a_warm_up_is_not_taken_for_it() {
    let minutes = |mib: &dyn Fn(u64) -> u64, minutes: u64| -> Vec<_> {
        (0..minutes).map(|minute| BTreeMap::from([("envoy".to_owned(), mib(minute) << 20)])).collect()
    };
    let found = |mib: &dyn Fn(u64) -> u64, length| growth(&minutes(mib, length)).len();
    assert_eq!(found(&|_| 200, 30), 0);
    assert_eq!(found(&|minute| 100 + 10 * minute.min(10), 30), 0, "it warms up");
    assert_eq!(found(&|minute| 200 + minute, 30), 1, "a leak");
    assert_eq!(found(&|minute| 200 + 5 * minute, 9), 1, "one in a short run");
    assert_eq!(found(&|minute| 20 + minute / 10, 30), 0, "pages of a small process");
    assert_eq!(found(&|minute| 200 + minute, 2), 0, "too short to tell");
}
