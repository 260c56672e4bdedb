//! Compares a load with plain proxying, in alternating rounds, so that both see the same machine.

use std::time::Duration;

use crate::bench_stack::BenchStack;
use crate::load::{Load, LoadResult};
use crate::screen;

const ROUNDS: usize = 3;
const SECONDS: u64 = 4;
const WARM_UP: Duration = Duration::from_secs(1);

/// The length of a round: `BENCH_SECONDS`, longer for steadier results.
fn time() -> Duration {
    let wanted = std::env::var("BENCH_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(wanted.unwrap_or(SECONDS))
}

/// One line of a table.
#[derive(Debug)]
pub(crate) struct TableRow {
    pub(crate) per_second: f64,
    /// Latency in microseconds, at half of the throughput of the compared load.
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    pub(crate) wrong: u64,
    /// By process, for 10,000 requests.
    pub(crate) cpu_seconds: Vec<(&'static str, f64)>,
}

/// A load, plain proxying, and the median ratio over the rounds.
pub(crate) struct Comparison {
    pub(crate) plain: TableRow,
    pub(crate) load: TableRow,
    pub(crate) ratio: f64,
}

pub(crate) async fn compare(name: &str, bench_stack: &BenchStack, plain: &Load, load: &Load) -> Comparison {
    let loads = [("plain proxying", plain), (name, load)];
    for (_, load) in loads {
        load.closed(WARM_UP).await;
    }
    let mut rounds = [Vec::new(), Vec::new()];
    for n in 1..=ROUNDS {
        for ((which, load), rounds) in loads.iter().zip(&mut rounds) {
            screen::progress(&format!("{name}: round {n} of {ROUNDS}, {which}"));
            rounds.push(Round::run(bench_stack, load).await);
        }
    }
    let [plain_rounds, load_rounds] = &rounds;
    let by_plain =
        load_rounds.iter().zip(plain_rounds).map(|(load, plain)| load.per_second() / plain.per_second());
    let ratio = median(by_plain.collect());

    let rate = median(load_rounds.iter().map(Round::per_second).collect()) / 2.0;
    screen::progress(&format!("{name}: latencies at {rate:.0} requests per second"));
    let plain_open = plain.open(rate, time()).await;
    let load_open = load.open(rate, time()).await;
    screen::progress("");
    Comparison { plain: summary(plain_rounds, &plain_open), load: summary(load_rounds, &load_open), ratio }
}

struct Round {
    all: LoadResult,
    cpu_seconds: Vec<(&'static str, f64)>,
}

impl Round {
    async fn run(bench_stack: &BenchStack, load: &Load) -> Self {
        let before = bench_stack.cpu_seconds();
        let all = load.closed(time()).await;
        let after = bench_stack.cpu_seconds();
        let used = after.into_iter().zip(before).map(|((name, after), (_, before))| (name, after - before));
        Self { all, cpu_seconds: used.collect() }
    }

    fn per_second(&self) -> f64 {
        self.all.per_second()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number to be printed")]
fn summary(rounds: &[Round], open: &LoadResult) -> TableRow {
    let names =
        rounds.first().map(|round| round.cpu_seconds.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let cpu_of = |name: &'static str| {
        let each = rounds.iter().filter_map(|round| {
            let (_, seconds) = round.cpu_seconds.iter().find(|(other, _)| *other == name)?;
            Some(seconds / round.all.right.max(1) as f64 * 10_000.0)
        });
        (name, median(each.collect()))
    };
    TableRow {
        per_second: median(rounds.iter().map(Round::per_second).collect()),
        p50: open.percentile(50),
        p99: open.percentile(99),
        wrong: rounds.iter().map(|round| round.all.wrong).sum::<u64>() + open.wrong,
        cpu_seconds: names.unwrap_or_default().into_iter().map(cpu_of).collect(),
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
