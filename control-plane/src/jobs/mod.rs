//! Background work, identical in every role: due work, found by polling the database or announced through RabbitMQ, and
//! periodic tasks.

pub mod clock_back;
pub mod expire;
pub mod handler;
pub mod poll;
pub mod rabbit;
pub mod reconcile;
pub mod review;
pub mod runner;
pub mod seal;
pub mod settings;
pub mod worker_pool;

use std::sync::Arc;

use anyhow::Context;
use edge_core::provider::Provider;
use payments::ports::clock::SystemClock;
use payments::ports::queue::Queue;
use payments::usecases::EVIDENCE_REFUSED;
use payments::usecases::gateway::Gateway;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::poll::LocalWakeup;
use self::rabbit::{RabbitConnection, RabbitQueue};
use self::runner::Runner;
use self::settings::{AuditSettings, QueueSettings, ReconcileSettings};
use crate::life::Life;
use crate::readiness;

/// How a process learns of due work.
pub(crate) enum WorkSource {
    /// Each process polls the database.
    Database(Arc<LocalWakeup>),
    Rabbit(Arc<RabbitQueue>, Box<RabbitConnection>),
}

impl WorkSource {
    /// Opens no connection yet.
    pub(crate) fn new(queue: Option<QueueSettings>) -> Self {
        match queue {
            None => Self::Database(Arc::default()),
            Some(QueueSettings { uri, prefix }) => {
                let (rabbit, connection) = rabbit::open(uri, prefix, Arc::new(SystemClock));
                Self::Rabbit(rabbit, Box::new(connection))
            }
        }
    }

    pub(crate) fn queue(&self) -> Arc<dyn Queue> {
        match self {
            Self::Database(wakeup) => wakeup.clone(),
            Self::Rabbit(rabbit, _) => rabbit.clone(),
        }
    }
}

/// The background tasks of a process.
pub(crate) struct Background {
    tasks: Vec<JoinHandle<()>>,
    drained: CancellationToken,
}

impl Background {
    /// Processes up to `workers` pieces of due work at once until the process ends. With 0 `workers`, only sends
    /// announcements.
    pub(crate) fn start(
        gateway: &Arc<Gateway>,
        source: WorkSource,
        workers: u16,
        reconciling: Option<ReconcileSettings>,
        audit: Option<AuditSettings>,
        life: &Life,
    ) -> Self {
        let stop = life.stop();
        // An alert is about it, so it exists from the first scrape.
        for provider in Provider::ALL {
            metrics::counter!(EVIDENCE_REFUSED, "provider" => provider.name()).increment(0);
        }
        let drained = CancellationToken::new();
        let runner = (workers > 0).then(|| Runner::of(gateway, workers));
        let mut tasks = vec![
            life.spawn("readiness of the database", readiness::watch_database(gateway.clone(), stop.clone())),
            life.spawn("clock", clock_back::run(gateway.clone(), runner.is_some(), stop.clone())),
        ];
        if runner.is_some() {
            tasks.push(life.spawn("review", review::run(gateway.clone(), stop.clone())));
            tasks.push(life.spawn("expiry", expire::run(gateway.clone(), stop.clone())));
        }
        if let Some(settings) = reconciling.filter(|_| runner.is_some()) {
            tasks.push(life.spawn("reconciliation", reconcile::run(gateway.clone(), settings, stop.clone())));
        }
        if let Some(settings) = audit {
            tasks.push(
                life.spawn("seal of the audit trail", seal::run(gateway.clone(), settings, stop.clone())),
            );
        }
        match (source, runner) {
            (WorkSource::Database(_), None) => {}
            (WorkSource::Database(wakeup), Some(runner)) => {
                tasks.push(life.spawn("due work", poll::run(runner, wakeup, stop.clone())));
            }
            (WorkSource::Rabbit(rabbit, connection), runner) => {
                let connection = connection.run(runner.clone(), stop.clone(), drained.clone());
                tasks.push(life.spawn("connection to RabbitMQ", connection));
                if let Some(runner) = runner {
                    tasks.push(life.spawn("sweep of due work", rabbit::sweep(runner, rabbit, stop.clone())));
                }
            }
        }
        Self { tasks, drained }
    }

    /// Ends the tasks after sending the last announcements. Call it once nothing can be announced any more.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.drained.cancel();
        for task in self.tasks {
            task.await.context("a background task died")?;
        }
        Ok(())
    }
}
