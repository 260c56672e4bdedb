//! How many charges per second the whole gateway sustains, and their cost. Envoy, control plane, PostgreSQL and
//! provider sandbox share this machine with the load generator.

use std::time::Duration;

use serde_json::json;
use test_services::{PairsOfCommits, PostgresServer};

use crate::bench_stack::BenchStack;
use crate::connection::{PreparedRequest, SERIAL};
use crate::load::{Load, LoadResult};
use crate::{screen, table};

const CONNECTIONS: usize = 256;
const RUN_TIME: Duration = Duration::from_secs(6);
/// A rate is sustained if its last response comes at most this long after its last request: no backlog.
const BEHIND_MAX: Duration = Duration::from_millis(300);
/// The precision of the highest rate, in charges per second.
const PRECISION: f64 = 100.0;
const TRIES: u32 = 2;
const HELD_RATE: f64 = 1_000.0;
const HELD_SECONDS: u64 = 60;
const PGBENCH_CLIENTS: [usize; 2] = [64, 256];
const PROCESSES: [&str; 5] = ["load", "Envoy", "control plane", "sandbox", "PostgreSQL"];

pub(crate) async fn run() {
    let Some(postgres) = PostgresServer::own().await else {
        screen::line("without a PostgreSQL there is nothing to say of charges");
        return;
    };
    let programs = postgres.programs().expect("a server of our own");
    let pairs = PairsOfCommits::new(programs, postgres.database().await).await;
    let database = postgres.database().await;
    // Without webhooks, whose timing is the provider's, so that only charges are measured.
    let quiet = [("SANDBOX_STRIPE_WEBHOOK_URL", ""), ("SANDBOX_PAYPAL_WEBHOOK_URL", "")];
    // As many threads as Envoy has: all processes share the machine.
    let one_thread = ("TOKIO_WORKER_THREADS", "1");
    let settings = [("DB_URI", database.uri()), quiet[0], quiet[1], one_thread];
    let bench_stack = BenchStack::set(&settings, None).await.on(&postgres);
    let charges = charges(&bench_stack);

    let mut beside = vec![pgbench(&pairs)];
    let highest = highest(&bench_stack, &charges).await;
    beside.push(pgbench(&pairs));
    screen::progress(&format!("charges: {HELD_RATE:.0} a second for {} s", held_time().as_secs()));
    let held = RateRun::run(&bench_stack, &charges, HELD_RATE, held_time()).await;
    beside.push(pgbench(&pairs));
    bench_stack.stack.stop().await;

    let database = postgres.database().await;
    let settings = [("DB_URI", database.uri()), quiet[0], quiet[1], one_thread, ("LOCAL_TLS", "on")];
    let bench_stack = BenchStack::set(&settings, None).await.on(&postgres);
    screen::progress(&format!(
        "charges: {HELD_RATE:.0} a second for {} s, with TLS inside",
        held_time().as_secs()
    ));
    let charges = self::charges(&bench_stack);
    charges.closed(RUN_TIME).await;
    let encrypted = RateRun::run(&bench_stack, &charges, HELD_RATE, held_time()).await;
    bench_stack.stack.stop().await;

    screen::progress("");
    beside.sort_by(f64::total_cmp);
    report(&highest, &held, &encrypted, beside[beside.len() / 2]);
}

/// Each with its own key.
pub(crate) fn charges(bench_stack: &BenchStack) -> Load {
    let body = json!({
        "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
    });
    let headers = BenchStack::client_headers(&format!("bench-charge-{SERIAL}"));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let charge =
        PreparedRequest::new("POST", "/payments/charge", &headers, body.to_string().as_bytes(), (200, false));
    Load::new(bench_stack.address(), vec![charge]).from(CONNECTIONS)
}

fn held_time() -> Duration {
    let wanted = std::env::var("BENCH_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(wanted.unwrap_or(HELD_SECONDS))
}

/// The best of several numbers of clients, in pairs of commits per second.
fn pgbench(pairs: &PairsOfCommits<'_>) -> f64 {
    let rates = PGBENCH_CLIENTS.iter().filter_map(|clients| {
        screen::progress(&format!("pgbench: two commits of a single row, {clients} clients"));
        pairs.per_second(*clients, RUN_TIME)
    });
    rates.fold(0.0, f64::max)
}

/// Bisects between sustained and unsustained rates. A closed loop gives the starting point; the machine may have been
/// slow then, so it excludes nothing above.
async fn highest(bench_stack: &BenchStack, charges: &Load) -> RateRun {
    screen::progress("charges: warming up");
    charges.closed(RUN_TIME).await;
    screen::progress("charges: as many as are taken");
    let mut rate = charges.closed(RUN_TIME).await.per_second() * 0.9;
    let mut best = RateRun::default();
    let mut not_held = f64::INFINITY;
    while not_held - best.rate > PRECISION {
        screen::progress(&format!("charges: {rate:.0} a second? {:.0} were held so far", best.rate));
        match held(bench_stack, charges, rate).await {
            Some(step) => best = step,
            None => not_held = rate,
        }
        rate = if not_held.is_finite() { f64::midpoint(best.rate, not_held) } else { best.rate * 1.1 };
    }
    best
}

/// `None` if it is not sustained in two attempts: other work on the machine may disturb one.
async fn held(bench_stack: &BenchStack, charges: &Load, rate: f64) -> Option<RateRun> {
    for _ in 0..TRIES {
        let step = RateRun::run(bench_stack, charges, rate, RUN_TIME).await;
        if step.is_held() {
            return Some(step);
        }
    }
    None
}

/// One rate and its result.
#[derive(Default)]
struct RateRun {
    rate: f64,
    all: LoadResult,
    time: Duration,
    cpu_seconds: Vec<(&'static str, f64)>,
}

impl RateRun {
    async fn run(bench_stack: &BenchStack, charges: &Load, rate: f64, time: Duration) -> Self {
        let before = bench_stack.cpu_seconds();
        let all = charges.open(rate, time).await;
        let used = bench_stack.cpu_seconds().into_iter().zip(before);
        let cpu_seconds = used.map(|((name, after), (_, before))| (name, after - before)).collect();
        Self { rate, all, time, cpu_seconds }
    }

    fn is_held(&self) -> bool {
        self.all.wrong == 0 && self.all.took <= self.time + BEHIND_MAX
    }

    #[expect(clippy::cast_precision_loss, reason = "a number to be printed")]
    fn row(&self, name: String) -> Vec<String> {
        let ms = |us: u32| format!("{:.1}", f64::from(us) / 1_000.0);
        let numbers = [
            format!("{:.0}", self.rate),
            ms(self.all.percentile(50)),
            ms(self.all.percentile(99)),
            self.all.wrong.to_string(),
        ];
        let cpu = PROCESSES.iter().map(|process| {
            let found = self.cpu_seconds.iter().find(|(name, _)| name == process);
            let each = |seconds: f64| format!("{:.2}", seconds / self.all.right.max(1) as f64 * 10_000.0);
            found.map_or_else(|| "-".to_owned(), |(_, seconds)| each(*seconds))
        });
        std::iter::once(name).chain(numbers).chain(cpu).collect()
    }
}

fn report(highest: &RateRun, held: &RateRun, encrypted: &RateRun, pairs: f64) {
    let head = ["charges, each with its own key", "a second", "p50 ms", "p99 ms", "errors"];
    let head = [head.as_slice(), &PROCESSES].concat();
    let time = held.time.as_secs();
    let rows = [
        highest.row("the highest rate that is held".to_owned()),
        held.row(format!("held for {time} s")),
        encrypted.row("the same, with TLS between Envoy and control plane".to_owned()),
    ];
    for line in table::lines(&head, &rows) {
        screen::line(&line);
    }
    screen::line(
        "the last columns are CPU seconds for 10,000 charges; the sandbox delivers no webhooks meanwhile",
    );
    if held.all.wrong == 0 && !held.is_held() {
        screen::line(&format!(
            "{HELD_RATE:.0} a second are more than this machine does: the last answers came late"
        ));
    }
    screen::line(&format!(
        "pgbench, two commits of a single row for each charge: {pairs:.0} a second; charges by pgbench: {:.2}",
        highest.rate / pairs
    ));
}
