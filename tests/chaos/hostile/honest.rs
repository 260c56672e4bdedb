//! Charges of a well-behaved client.

use std::fmt;
use std::time::Duration;

use gateway_tests::{Gateway, HttpResponse};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

const PER_SECOND: u32 = 200;
/// Requests in flight of an honest client: an address may open 512 connections. On a machine that is too slow,
/// charges are late, and their latency shows it.
const IN_FLIGHT_MAX: usize = 400;
/// What no other caller charges.
pub(super) const AMOUNT: u64 = 1_200;
/// How many failed charges are reported.
const WRONG_MAX: usize = 20;

/// The results of the charges.
#[derive(Default)]
pub(crate) struct HonestCharges {
    /// Measured from the scheduled time of each charge, sorted.
    latencies: Vec<Duration>,
    pub(crate) transactions: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

/// Charges at a fixed rate, whatever the responses are, each under its own key.
pub(crate) async fn charge_for(gateway: &Gateway<'_>, name: &str, length: Duration) -> HonestCharges {
    let mut ticks = interval(Duration::from_secs(1) / PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (start, mut honest, mut in_flight) = (Instant::now(), HonestCharges::default(), JoinSet::new());
    let body = json!({
        "provider": "stripe", "amount": AMOUNT, "currency": "USD", "paymentMethodId": "pm_card_visa",
    });
    let body = body.to_string();
    for n in 0_u64.. {
        let due = ticks.tick().await;
        if due.duration_since(start) >= length {
            break;
        }
        while in_flight.len() >= IN_FLIGHT_MAX
            && let Some(done) = in_flight.join_next().await
        {
            honest.record(done.unwrap());
        }
        let request = gateway.request(Method::POST, "/payments/charge");
        let request = request.header("content-type", "application/json").body(body.clone());
        let request = request.header("idempotency-key", format!("honest-{name}-{n}"));
        in_flight.spawn(async move {
            (HttpResponse::try_of(request).await.map_err(|error| format!("{error:?}")), due.elapsed())
        });
        while let Some(done) = in_flight.try_join_next() {
            honest.record(done.unwrap());
        }
    }
    while let Some(done) = in_flight.join_next().await {
        honest.record(done.unwrap());
    }
    honest.latencies.sort_unstable();
    honest
}

impl HonestCharges {
    fn record(&mut self, (answer, took): (Result<HttpResponse, String>, Duration)) {
        let wrong = match answer {
            Ok(answer) if answer.status == 200 && answer.at("/status") == "completed" => {
                self.latencies.push(took);
                self.transactions.push(answer.at("/transactionId"));
                return;
            }
            Ok(answer) => format!("after {took:?}, {} {}", answer.status, answer.text()),
            Err(error) => format!("after {took:?}, {error}"),
        };
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(wrong);
        }
    }

    /// The given percentile of the latencies.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or_default()
    }
}

impl fmt::Display for HonestCharges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |percent| format!("{:.1}", self.percentile(percent).as_secs_f64() * 1_000.0);
        write!(f, "{} charges made, p50 {} ms, p99 {} ms", self.transactions.len(), ms(50), ms(99))
    }
}
