//! Deliveries: each is a hint that work may be due, and is acknowledged once the hint has been handled.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::SignedDuration;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use payments::model::work::{Claimed, Due};
use payments::ports::store::StoreError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::publisher::Publisher;
use super::session::SessionError;
use super::topology::Topology;
use super::{message, note};
use crate::jobs::handler::Worked;
use crate::jobs::runner::Runner;

/// A message that finds no free worker within this time is postponed, so that other providers' messages get a turn.
const WORKER_WAIT_MAX: Duration = Duration::from_millis(500);
/// Before a message is requeued because the database is unavailable.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Consumer {
    channel: Channel,
    deliveries: lapin::Consumer,
    handler: Arc<DeliveryHandler>,
}

struct DeliveryHandler {
    runner: Runner,
    publisher: Publisher,
    topology: Topology,
}

/// How processing a message ended.
enum Processed {
    Worked(Worked),
    /// The provider already uses all the workers it may use.
    NoWorker,
    /// The task panicked.
    Died,
}

/// The reply to the broker about a message.
enum Reply {
    Done(&'static str),
    /// Dead-letter it for an operator.
    Park,
    /// Deliver it again. Counts toward the delivery limit.
    Again,
}

impl Consumer {
    pub(super) async fn open(
        connection: &Connection,
        publisher: Publisher,
        topology: Topology,
        runner: Runner,
    ) -> lapin::Result<Self> {
        let channel = connection.create_channel().await?;
        // Prefetch no more than the workers can process: another process could take what waits here.
        channel.basic_qos(runner.workers.number(), BasicQosOptions::default()).await?;
        let (queue, tag) = (topology.work().into(), "".into());
        let deliveries =
            channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await?;
        Ok(Self { channel, deliveries, handler: Arc::new(DeliveryHandler { runner, publisher, topology }) })
    }

    /// Handles deliveries until `stop`, then finishes those in progress.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> Result<(), SessionError> {
        let mut in_progress = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                delivery = self.deliveries.next() => {
                    let delivery = delivery.ok_or(SessionError::ConsumerCancelled)??;
                    let handler = self.handler.clone();
                    in_progress.spawn(async move { handler.handle(delivery).await });
                }
                Some(_) = in_progress.join_next() => {}
            }
        }
        self.channel.basic_cancel(self.deliveries.tag(), BasicCancelOptions::default()).await?;
        while in_progress.join_next().await.is_some() {}
        Ok(())
    }
}

impl DeliveryHandler {
    async fn handle(&self, delivery: Delivery) {
        let reply = self.process(&delivery.data).await;
        let outcome = match reply {
            Reply::Done(outcome) => outcome,
            Reply::Park => "malformed",
            Reply::Again => "died",
        };
        metrics::counter!("queue_deliveries_total", "outcome" => outcome).increment(1);
        crash_points::reach("after_handling_before_ack").await;
        let replied = match reply {
            Reply::Done(_) => delivery.ack(BasicAckOptions::default()).await,
            Reply::Park => delivery.reject(BasicRejectOptions { requeue: false }).await,
            Reply::Again => delivery.reject(BasicRejectOptions { requeue: true }).await,
        };
        if let Err(problem) = replied {
            // The broker redelivers it to a process that is connected then.
            tracing::debug!(error = %problem, "a delivery was not acknowledged");
        }
    }

    async fn process(&self, body: &[u8]) -> Reply {
        let Some(due) = message::read(body) else {
            tracing::error!(bytes = body.len(), "a malformed message is parked");
            return Reply::Park;
        };
        let remaining = due.at.duration_since(self.runner.clock.now());
        if remaining > SignedDuration::ZERO {
            return self.put_off(self.topology.queue_for(remaining), &due, "early").await;
        }
        match self.work_off(&due).await {
            Ok(Processed::Worked(Worked::Claimed(Claimed::Taken))) => Reply::Done("done"),
            Ok(Processed::Worked(Worked::Claimed(Claimed::Resolved))) => Reply::Done("resolved"),
            // It stays due in the database, where the sweep finds it once the provider is back.
            Ok(Processed::Worked(Worked::LeftAlone)) => Reply::Done("left_alone"),
            Ok(Processed::NoWorker) => self.put_off(self.topology.shortest_wait(), &due, "no_worker").await,
            Ok(Processed::Died) => {
                tracing::error!(work = ?due.work, "the task processing due work died");
                Reply::Again
            }
            // The announced time has passed, so the database holds a later one.
            Ok(Processed::Worked(Worked::Claimed(Claimed::NotDue(_)))) => Reply::Done("out_of_date"),
            Err(problem) => {
                note(&problem);
                if matches!(problem, StoreError::Inconsistent(_)) {
                    return Reply::Done("inconsistent");
                }
                tokio::time::sleep(DATABASE_PAUSE).await;
                self.put_off(self.topology.shortest_wait(), &due, "database_away").await
            }
        }
    }

    async fn work_off(&self, due: &Due) -> Result<Processed, StoreError> {
        let Runner { handler, workers, .. } = &self.runner;
        let Some(lane) = handler.lane_of(&due.work).await? else {
            return Ok(Processed::Worked(Worked::Claimed(Claimed::Resolved)));
        };
        if handler.room(lane).await == 0 {
            return Ok(Processed::Worked(Worked::LeftAlone));
        }
        let Ok(Some(permit)) = tokio::time::timeout(WORKER_WAIT_MAX, workers.take(lane)).await else {
            return Ok(Processed::NoWorker);
        };
        let task = self.runner.begin(lane, due.work.clone(), permit, |_, worked| worked);
        task.await.map_or(Ok(Processed::Died), |worked| worked.map(Processed::Worked))
    }

    /// Postpones the message. If the broker does not take it, the sweep finds the work in the database.
    async fn put_off(&self, queue: String, due: &Due, outcome: &'static str) -> Reply {
        let _ = self.publisher.publish(queue, due).await;
        Reply::Done(outcome)
    }
}
