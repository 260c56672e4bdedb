//! The connection to the broker, reopened whenever it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use payments::model::work::Due;
use payments::ports::clock::Clock;
use payments::ports::queue::Queue;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::publisher::count;
use super::session::{PARKED, Session, SessionError};
use super::topology::{QueuePrefix, Topology};
use super::uri::AmqpUri;
use crate::jobs::runner::Runner;

/// Announcements that may wait for the broker. Further ones are dropped; the sweep finds their work in the database.
const WAITING_MAX: usize = 1_024;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A connection that lasted this long resets the backoff.
const LASTING: Duration = Duration::from_secs(30);

/// The gateway's side of the queue.
pub struct RabbitQueue {
    announcements: mpsc::Sender<Due>,
    is_connected: AtomicBool,
}

impl RabbitQueue {
    /// Whether the broker accepts announcements now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Acquire)
    }

    fn set_connected(&self, connected: bool) {
        self.is_connected.store(connected, Ordering::Release);
        metrics::gauge!("queue_connected").set(f64::from(u8::from(connected)));
    }
}

impl Queue for RabbitQueue {
    fn announce(&self, due: Due) {
        if self.announcements.try_send(due).is_err() {
            count("dropped", 1);
        }
    }
}

/// The broker's side of the queue.
pub struct RabbitConnection {
    uri: AmqpUri,
    topology: Topology,
    clock: Arc<dyn Clock>,
    rabbit: Arc<RabbitQueue>,
    announcements: mpsc::Receiver<Due>,
}

/// Connects only when the connection is run, so an unavailable broker does not prevent startup.
#[must_use]
pub fn open(
    uri: AmqpUri,
    prefix: QueuePrefix,
    clock: Arc<dyn Clock>,
) -> (Arc<RabbitQueue>, RabbitConnection) {
    let (sender, announcements) = mpsc::channel(WAITING_MAX);
    let rabbit = Arc::new(RabbitQueue { announcements: sender, is_connected: AtomicBool::new(false) });
    let connection = RabbitConnection {
        uri,
        topology: Topology::new(prefix),
        clock,
        rabbit: rabbit.clone(),
        announcements,
    };
    (rabbit, connection)
}

impl RabbitConnection {
    /// Sends announcements until `drained`, and processes deliveries until `stop`.
    pub async fn run(mut self, runner: Option<Runner>, stop: CancellationToken, drained: CancellationToken) {
        // Present from the first scrape, so that an alert on 0 does not wait for the first connection.
        self.rabbit.set_connected(false);
        metrics::gauge!(PARKED).set(0.0);
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let Err(trouble) = self.run_once(&runner, &stop, &drained).await else { break };
            failures = if began.elapsed() > LASTING { 1 } else { failures + 1 };
            note(&trouble, failures);
            if drained.run_until_cancelled(tokio::time::sleep(pause(failures))).await.is_none() {
                break;
            }
        }
    }

    /// Opens one connection and runs it until it ends. Returns `Ok` once no connection is needed any more.
    async fn run_once(
        &mut self,
        runner: &Option<Runner>,
        stop: &CancellationToken,
        drained: &CancellationToken,
    ) -> Result<(), SessionError> {
        let opening = Session::open(&self.uri, self.topology.clone());
        let Some(session) = drained.run_until_cancelled(opening).await.transpose()? else { return Ok(()) };
        tracing::info!("connected to RabbitMQ");
        self.rabbit.set_connected(true);
        let runner = runner.clone().filter(|_| !stop.is_cancelled());
        let ended = session.run(&mut self.announcements, runner, &self.clock, stop, drained).await;
        self.rabbit.set_connected(false);
        session.close().await;
        ended
    }
}

/// Warns about the first failure only; later ones repeat it.
fn note(trouble: &SessionError, failures: u32) {
    if failures == 1 {
        tracing::warn!(error = %trouble, "RabbitMQ is unavailable; due work is found in the database");
    } else {
        tracing::debug!(error = %trouble, failures, "RabbitMQ is still unavailable");
    }
}

/// Full jitter, so that the processes of a gateway do not all reconnect at once.
fn pause(failures: u32) -> Duration {
    let longest = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(failures)).min(PAUSE_MAX);
    rand::random_range(PAUSE_MIN..=longest)
}
