//! What encryption costs a charge: CPU time with stored values in plain text, with sealed ones, and with TLS between
//! Envoy and control plane as well, in alternating rounds of one run.

use std::time::Duration;

use test_services::PostgresServer;
use tokio::time::sleep;

use crate::bench_stack::BenchStack;
use crate::charge::charges;
use crate::load::Load;
use crate::{screen, table};

const RATE: f64 = 1_000.0;
const ROUNDS: u32 = 6;
const ROUND_TIME: Duration = Duration::from_secs(6);
/// Counted with the round: what a charge leaves to do in the background.
const AFTERWARDS: Duration = Duration::from_secs(2);
const PROCESSES: [&str; 3] = ["Envoy", "control plane", "PostgreSQL"];
const PLAIN_VALUES: (&str, &str) = ("ENCRYPTION_KEYS", "");
const PLAIN: &str = "stored values in plain text, plain HTTP/2 inside";
const TLS_INSIDE: (&str, &str) = ("LOCAL_TLS", "on");

/// One way to run a gateway, and the CPU seconds that its processes have used in its rounds.
struct Variant {
    name: &'static str,
    bench_stack: BenchStack,
    load: Load,
    _postgres: PostgresServer,
    used: [f64; PROCESSES.len()],
    charges: u64,
    wrong: u64,
}

pub(crate) async fn run() {
    let mut variants = Vec::new();
    for (name, settings) in [
        (PLAIN, vec![PLAIN_VALUES]),
        ("sealed values", vec![]),
        ("sealed values, TLS inside", vec![TLS_INSIDE]),
    ] {
        let Some(variant) = Variant::start(name, &settings).await else {
            screen::line("without a PostgreSQL there is nothing to say of encryption");
            return;
        };
        variants.push(variant);
    }
    for round in 1..=ROUNDS {
        // Each comes first as often as the others.
        variants.rotate_left(1);
        for variant in &mut variants {
            screen::progress(&format!("encryption: round {round} of {ROUNDS}, {}", variant.name));
            variant.round().await;
        }
    }
    screen::progress("");
    report(&variants);
    for variant in variants {
        variant.bench_stack.stack.stop().await;
    }
}

impl Variant {
    async fn start(name: &'static str, settings: &[(&str, &str)]) -> Option<Self> {
        let postgres = PostgresServer::own().await?;
        let database = postgres.database().await;
        let quiet = [("SANDBOX_STRIPE_WEBHOOK_URL", ""), ("SANDBOX_PAYPAL_WEBHOOK_URL", "")];
        let all = [&quiet, settings, &[("DB_URI", database.uri()), ("TOKIO_WORKER_THREADS", "1")]].concat();
        let bench_stack = BenchStack::set(&all, None).await.on(&postgres);
        screen::progress(&format!("encryption: warming up, {name}"));
        let load = charges(&bench_stack);
        load.closed(ROUND_TIME).await;
        let used = Default::default();
        Some(Self { name, bench_stack, load, _postgres: postgres, used, charges: 0, wrong: 0 })
    }

    async fn round(&mut self) {
        let before = self.seconds();
        let all = self.load.open(RATE, ROUND_TIME).await;
        sleep(AFTERWARDS).await;
        let after = self.seconds();
        for ((used, after), before) in self.used.iter_mut().zip(after).zip(before) {
            *used += after - before;
        }
        self.charges += all.right;
        self.wrong += all.wrong;
    }

    fn seconds(&self) -> [f64; PROCESSES.len()] {
        let all = self.bench_stack.cpu_seconds();
        let of = |process| all.iter().find(|(name, _)| *name == process).map_or(0.0, |(_, seconds)| *seconds);
        PROCESSES.map(of)
    }

    /// CPU seconds for 10,000 charges.
    #[expect(clippy::cast_precision_loss, reason = "a number to be printed")]
    fn for_ten_thousand(&self) -> [f64; PROCESSES.len()] {
        self.used.map(|seconds| seconds / self.charges.max(1) as f64 * 10_000.0)
    }
}

fn report(variants: &[Variant]) {
    let sum = |variant: &Variant| variant.for_ten_thousand().iter().sum::<f64>();
    let plain = variants.iter().find(|variant| variant.name == PLAIN).map_or(1.0, sum);
    let head =
        [["charges, each with its own key"].as_slice(), &PROCESSES, &["sum", "of plain", "errors"]].concat();
    let rows: Vec<_> = variants
        .iter()
        .map(|variant| {
            let all = variant.for_ten_thousand();
            let numbers = all.iter().copied().chain([sum(variant), sum(variant) / plain]);
            std::iter::once(variant.name.to_owned())
                .chain(numbers.map(|number| format!("{number:.2}")))
                .chain([variant.wrong.to_string()])
                .collect()
        })
        .collect();
    for line in table::lines(&head, &rows) {
        screen::line(&line);
    }
    screen::line(&format!("CPU seconds for 10,000 charges, at {RATE:.0} a second in {ROUNDS} rounds each"));
}
