//! Works off providers' events in the background: when one arrives, when one is due again, and at the start
//! whatever an earlier process left.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::gateway::Gateway;
use crate::domain::operations::webhook::{Processed, process_next};

/// Events worked off at the same time; versions keep those of one payment apart.
const WORKERS: usize = 4;
/// How often to look for events whose pause is over, and after trouble with the database.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`; what is begun by then ends.
pub async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let workers: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(work(gateway.clone(), stop.clone()))).collect();
    for worker in workers {
        if worker.await.is_err() {
            tracing::error!("a worker for events died");
        }
    }
}

async fn work(gateway: Arc<Gateway>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if step(&gateway).await {
            // There may be more, and others are asleep.
            gateway.event_arrived.notify_one();
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = gateway.event_arrived.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Whether there was an event to work off. On a task of its own: an event that crashes it is claimed again
/// later, and the others go on.
async fn step(gateway: &Arc<Gateway>) -> bool {
    let owned = gateway.clone();
    match gateway.tasks.spawn(async move { process_next(&owned).await }).await {
        Ok(Ok(Processed::Event(_))) => true,
        Ok(Ok(Processed::Nothing)) => false,
        Ok(Err(problem)) => {
            tracing::error!(error = %problem, error.source = ?std::error::Error::source(&problem), "events cannot be read");
            false
        }
        Err(_) => {
            tracing::error!("an event could not be worked off: its task died");
            false
        }
    }
}
