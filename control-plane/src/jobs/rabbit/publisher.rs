//! Sends announcements to the broker. An announcement counts as sent once the broker confirms it.

use std::time::Duration;

use jiff::Timestamp;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};
use payments::model::work::Due;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::message;
use super::topology::Topology;

/// A broker that takes longer than this is treated as broken.
const CONFIRM_MAX: Duration = Duration::from_secs(10);
/// Announcements in flight at once.
const BATCH: usize = 64;
const PERSISTENT: u8 = 2;

/// Why an announcement counts as not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsent {
    /// Messages are `mandatory`, since the broker confirms unroutable ones, too.
    #[error("the broker has no such queue")]
    Returned,
    #[error("the broker refused it, e.g. because the queue is full")]
    Refused,
    #[error("the broker did not confirm in time")]
    Late,
    #[error(transparent)]
    Broken(#[from] lapin::Error),
}

impl Unsent {
    const fn name(&self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Refused => "refused",
            Self::Late | Self::Broken(_) => "unconfirmed",
        }
    }
}

#[derive(Clone)]
pub(super) struct Publisher {
    channel: Channel,
    topology: Topology,
    /// Cancelled when only a new connection can help.
    broken: CancellationToken,
}

impl Publisher {
    pub(super) async fn open(connection: &Connection, topology: Topology) -> lapin::Result<Self> {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { channel, topology, broken: CancellationToken::new() })
    }

    pub(super) async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Sends announcements until `drained` and none is left, or until the connection is broken.
    pub(super) async fn pump(
        &self,
        announcements: &mut mpsc::Receiver<Due>,
        now: impl Fn() -> Timestamp,
        drained: &CancellationToken,
    ) {
        while !self.broken.is_cancelled() {
            let mut batch = Vec::with_capacity(BATCH);
            tokio::select! {
                biased;
                _ = announcements.recv_many(&mut batch, BATCH) => {}
                () = drained.cancelled() => {}
            }
            if batch.is_empty() {
                return;
            }
            self.publish_all(&batch, now()).await;
        }
    }

    async fn publish_all(&self, batch: &[Due], now: Timestamp) {
        let mut open = Open(batch.len());
        let mut confirms = Vec::with_capacity(batch.len());
        for due in batch {
            let queue = self.topology.queue_for(due.at.duration_since(now));
            match self.send(queue, due).await {
                Ok(confirm) => confirms.push(confirm),
                Err(problem) => return self.note(&Unsent::Broken(problem)),
            }
        }
        crash_points::reach("after_publish_before_confirm").await;
        let mut is_full = false;
        for confirm in confirms {
            let outcome = confirmed(confirm).await;
            open.close(&outcome);
            match outcome {
                Ok(()) => {}
                Err(Unsent::Refused) => is_full = true,
                // The rest of the batch counts as unsent, too.
                Err(problem) => return self.note(&problem),
            }
        }
        if is_full {
            self.note(&Unsent::Refused);
        }
    }

    /// Returns once the broker has confirmed the message in `queue`.
    pub(super) async fn publish(&self, queue: String, due: &Due) -> Result<(), Unsent> {
        let mut open = Open(1);
        let outcome = match self.send(queue, due).await {
            Ok(confirm) => {
                crash_points::reach("after_publish_before_confirm").await;
                confirmed(confirm).await
            }
            Err(problem) => Err(Unsent::Broken(problem)),
        };
        open.close(&outcome);
        outcome.inspect_err(|problem| self.note(problem))
    }

    async fn send(&self, queue: String, due: &Due) -> lapin::Result<PublisherConfirm> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/json".into());
        self.channel.basic_publish("".into(), queue.into(), options, &message::write(due), properties).await
    }

    /// Logs the problem and, unless the broker merely refused, gives up the connection: the next one declares a missing
    /// queue, and a failed or silent channel does not recover.
    fn note(&self, problem: &Unsent) {
        tracing::warn!(error = %problem, "an announcement was not sent");
        if !matches!(problem, Unsent::Refused) {
            self.broken.cancel();
        }
    }
}

async fn confirmed(confirm: PublisherConfirm) -> Result<(), Unsent> {
    match tokio::time::timeout(CONFIRM_MAX, confirm).await.map_err(|_| Unsent::Late)?? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Err(Unsent::Returned),
        Confirmation::Nack(None) => Err(Unsent::Refused),
        Confirmation::NotRequested => Err(Unsent::Late),
    }
}

/// The number of announcements without an outcome. Those left when this is dropped count as unconfirmed.
struct Open(usize);

impl Open {
    fn close(&mut self, outcome: &Result<(), Unsent>) {
        self.0 = self.0.saturating_sub(1);
        count(outcome.as_ref().map_or_else(Unsent::name, |()| "sent"), 1);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        count("unconfirmed", self.0);
    }
}

/// Counts announcements by outcome.
pub(super) fn count(outcome: &'static str, number: usize) {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    metrics::counter!("queue_announcements_total", "outcome" => outcome).increment(number);
}
