//! Hostile traffic from many addresses, as much as the machine can generate, alongside honest charges from another.

mod attackers;
mod attacks;
mod documents;
mod honest;
mod mutations;
mod payloads;
mod refusal;
mod sound;
mod written;

use std::fmt;
use std::time::Duration;

use gateway_tests::{Gateway, OwnGateway};
use serde_json::{Value, json};
use test_services::{PostgresServer, RedisServer};
use tokio::time::sleep;

use self::attackers::{AttackResults, Attackers};
use self::honest::{AMOUNT, HonestCharges, charge_for};

/// Latencies are judged only from this length on: with fewer charges, the p99 is random.
const JUDGED_FROM: Duration = Duration::from_secs(60);
/// The longest baseline measurement without attackers.
const QUIET_MAX: Duration = Duration::from_secs(30);
const P99_FACTOR: u32 = 3;

/// Memory may grow during the first third, while caches fill; afterwards by at most a tenth, plus allocator slack.
const GROWTH: u64 = 10;
const SLACK_BYTES: u64 = 24 << 20;
const PARTS: [&str; 2] = ["envoy", "control-plane"];

/// Production limits: those of a local stack are for a single address and client.
const LIMITS: [(&str, &str); 7] = [
    ("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "1000"),
    ("GATEWAY_ADDRESS_WEBHOOKS_PER_SECOND", "500"),
    ("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "500"),
    ("GATEWAY_REQUESTS_PER_SECOND", "2000"),
    ("GATEWAY_WEBHOOKS_PER_SECOND", "1000"),
    ("GATEWAY_ADDRESS_CONNECTIONS", "512"),
    ("GATEWAY_ADDRESS_NEW_CONNECTIONS_PER_SECOND", "50"),
];

/// The results of a run.
pub(crate) struct HostileReport {
    length: Duration,
    quiet: HonestCharges,
    attacked: HonestCharges,
    /// The responses to attackers, by attack.
    attackers: String,
    memory: Vec<String>,
    pub(crate) broken: Vec<String>,
}

/// `None`: a required server is not installed, which was reported.
pub(crate) async fn run(length: Duration) -> Option<HostileReport> {
    let (postgres, redis) = (PostgresServer::own().await?, RedisServer::own(&[]).await?);
    let database = postgres.database().await;
    let servers = [("DB_URI", database.uri()), ("REDIS_URI", redis.uri()), ("LOG_LEVEL", "warn")];
    let own = OwnGateway::start(&[servers.as_slice(), &LIMITS].concat()).await;
    let gateway = own.gateway();

    // Warm-up: opens connections and fills caches.
    charge_for(&gateway, "warm", Duration::from_secs(2)).await;
    let quiet = charge_for(&gateway, "quiet", (length / 3).min(QUIET_MAX)).await;
    let sound = sound::execute(&gateway).await;
    let attackers = Attackers::start(&gateway);
    let charges = charge_for(&gateway, "attack", length);
    let (attacked, (early, late)) = tokio::join!(charges, memory_twice(&gateway, length));
    let AttackResults { summary, wrong } = attackers.end();

    let mut report =
        HostileReport { length, quiet, attacked, attackers: summary, memory: Vec::new(), broken: wrong };
    report.judge_answers();
    report.judge_memory(&early, &late);
    report.judge_effects(&gateway).await;
    match sound {
        Ok(payment) => report.broken.extend(sound::judge(&gateway, &payment).await),
        Err(answer) => report.broken.push(answer),
    }
    let reloads = gateway.filter_reloads().await;
    if reloads > 0 {
        report.broken.push(format!("the filter died and came back {reloads} times"));
    }
    Some(report)
}

/// The memory of each part after a third of the time, and shortly before the end.
async fn memory_twice(gateway: &Gateway<'_>, length: Duration) -> ([u64; 2], [u64; 2]) {
    sleep(length / 3).await;
    let early = PARTS.map(|part| gateway.resident_bytes(part));
    sleep(length * 3 / 5).await;
    (early, PARTS.map(|part| gateway.resident_bytes(part)))
}

impl HostileReport {
    fn judge_answers(&mut self) {
        for honest in [&self.quiet, &self.attacked] {
            self.broken
                .extend(honest.wrong.iter().map(|wrong| format!("an honest charge was not made: {wrong}")));
        }
        let (quiet, attacked) = (self.quiet.percentile(99), self.attacked.percentile(99));
        if self.length >= JUDGED_FROM && attacked > quiet * P99_FACTOR {
            let summary =
                format!("honest charges had a p99 of {attacked:?} beside the attack, {quiet:?} without");
            self.broken.push(summary);
        }
    }

    fn judge_memory(&mut self, early: &[u64], late: &[u64]) {
        for ((part, early), late) in PARTS.iter().zip(early).zip(late) {
            self.memory.push(format!("{part} {} -> {} MiB", early >> 20, late >> 20));
            if *late > early + early / GROWTH + SLACK_BYTES {
                self.broken.push(format!("{part} grew from {early} to {late} bytes"));
            }
        }
    }

    /// P1, by the provider's ledger.
    async fn judge_effects(&mut self, gateway: &Gateway<'_>) {
        let ledger = gateway.sandbox.ledger().await;
        let mut made = std::collections::HashMap::<&str, u32>::new();
        for effect in ledger.iter().filter(|effect| effect["kind"] == "charge") {
            *made.entry(effect["transactionId"].as_str().unwrap_or_default()).or_default() += 1;
        }
        for transaction in self.quiet.transactions.iter().chain(&self.attacked.transactions) {
            let times = made.get(transaction.as_str()).copied().unwrap_or_default();
            if times != 1 {
                self.broken.push(format!("P1: {transaction} was charged {times} times"));
            }
        }
        self.broken.extend(of_attackers(&ledger));
    }
}

/// What attackers send is refused or declined, so the ledger has nothing of it.
fn of_attackers(ledger: &[Value]) -> impl Iterator<Item = String> {
    let others = ledger.iter().filter(|effect| effect["kind"] != "charge" || effect["amount"] != AMOUNT);
    others.map(|effect| format!("no honest caller asked for this effect: {effect}"))
}

impl fmt::Display for HostileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{} s of hostile traffic", self.length.as_secs())?;
        writeln!(f, "honest without: {}", self.quiet)?;
        writeln!(f, "honest beside it: {}", self.attacked)?;
        writeln!(f, "memory: {}", self.memory.join(", "))?;
        write!(f, "attackers were answered:{}", self.attackers)?;
        for broken in &self.broken {
            write!(f, "\nBROKEN {broken}")?;
        }
        Ok(())
    }
}

#[test]
fn an_effect_that_no_honest_caller_asked_for_is_found() {
    let effect = |kind: &str, amount: u64| json!({ "kind": kind, "amount": amount });
    assert_eq!(of_attackers(&[effect("charge", AMOUNT)]).count(), 0);
    let ledger = [effect("charge", AMOUNT), effect("charge", 900), effect("authorize", AMOUNT)];
    assert_eq!(of_attackers(&ledger).count(), 2);
}
