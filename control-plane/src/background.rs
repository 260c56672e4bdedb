//! The work beside the requests, the same whichever role does it.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::QueueSettings;
use crate::domain::clock::SystemClock;
use crate::domain::gateway::Gateway;
use crate::domain::operations::settle;
use crate::domain::queue::{Claimed, Due, Queue, Work};
use crate::domain::store::StoreError;
use crate::queue::{self, Crew, Hands, Link, Rabbit};
use crate::worker::due::{self, Bell};
use crate::worker::review;

/// What brings due work.
pub(crate) enum Bringer {
    /// Each process looks into the database.
    Database(Arc<Bell>),
    Rabbit(Arc<Rabbit>, Box<Link>),
}

impl Bringer {
    /// Connects nowhere yet.
    pub(crate) fn new(queue: Option<QueueSettings>) -> Self {
        match queue {
            None => Self::Database(Arc::default()),
            Some(QueueSettings { uri, prefix }) => {
                let (rabbit, link) = queue::open(uri, prefix, Arc::new(SystemClock));
                Self::Rabbit(rabbit, Box::new(link))
            }
        }
    }

    pub(crate) fn queue(&self) -> Arc<dyn Queue> {
        match self {
            Self::Database(bell) => bell.clone(),
            Self::Rabbit(rabbit, _) => rabbit.clone(),
        }
    }
}

/// What runs in the background of a process.
pub(crate) struct Background {
    tasks: Vec<JoinHandle<()>>,
    drained: CancellationToken,
}

impl Background {
    /// Works off so much at the same time until `stop`. With no `workers` only announcements are passed on.
    pub(crate) fn start(
        gateway: &Arc<Gateway>,
        bringer: Bringer,
        workers: u16,
        stop: &CancellationToken,
    ) -> Self {
        let drained = CancellationToken::new();
        let hands = Hands { crew: gateway.clone(), workers, tasks: gateway.tasks.clone() };
        let hands = Some(hands).filter(|_| workers > 0);
        let mut tasks = Vec::new();
        if hands.is_some() {
            tasks.push(tokio::spawn(review::run(gateway.clone(), stop.clone())));
        }
        match (bringer, hands) {
            (Bringer::Database(_), None) => {}
            (Bringer::Database(bell), Some(_)) => {
                let due = due::run(gateway.clone(), bell, workers.into(), stop.clone());
                tasks.push(tokio::spawn(due));
            }
            (Bringer::Rabbit(rabbit, link), hands) => {
                tasks.push(tokio::spawn(link.run(hands.clone(), stop.clone(), drained.clone())));
                if let Some(hands) = hands {
                    let sweep = queue::sweep(hands, rabbit, gateway.clock.clone(), stop.clone());
                    tasks.push(tokio::spawn(sweep));
                }
            }
        }
        Self { tasks, drained }
    }

    /// Once nothing can be announced any more. What was announced last is still passed on.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.drained.cancel();
        for task in self.tasks {
            task.await.context("a background task died")?;
        }
        Ok(())
    }
}

#[async_trait]
impl Crew for Gateway {
    async fn work_off(&self, work: &Work) -> Result<Claimed, StoreError> {
        settle::work_off(self, work).await
    }

    async fn overdue(&self, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        self.store.overdue(before, limit).await
    }
}
