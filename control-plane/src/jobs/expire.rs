//! Gives up expired charges while their provider's work is on hold (open circuit or spent retry budget). Normally this
//! happens when they are due; a client must not have to wait for the provider to learn that nothing was charged.

use std::sync::Arc;
use std::time::Duration;

use edge_core::provider::Provider;
use payments::model::payment::{Payment, State};
use payments::model::work::{Claimed, Lane, Work, WorkKind};
use payments::ports::store::StoreError;
use payments::usecases::gateway::Gateway;
use payments::usecases::resolve::work_off;
use tokio_util::sync::CancellationToken;

use crate::jobs::handler::{GatewayJobs, JobHandler as _};

const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Undecided payments read per pass, oldest first.
const LIMIT: u32 = 10_000;
/// Charges given up per pass: each takes two updates of its row, and during an outage the database is busy.
const AT_A_TIME: usize = 100;

/// Runs until `stop`.
pub async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let handler = GatewayJobs::new(gateway.clone());
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        if let Err(problem) = once(&gateway, &handler).await {
            tracing::warn!(error = %problem, "expired charges cannot be given up now");
        }
    }
}

/// Gives up expired charges at the providers whose work is on hold. Returns their number.
///
/// # Errors
/// The database is unavailable.
pub async fn once(gateway: &Gateway, handler: &GatewayJobs) -> Result<usize, StoreError> {
    let mut left_alone = Vec::new();
    for provider in handler.providers() {
        if handler.room(Lane { kind: WorkKind::Payment, provider }).await == 0 {
            left_alone.push(provider);
        }
    }
    if left_alone.is_empty() {
        return Ok(0);
    }
    let (undecided, _) = gateway.store.undecided(LIMIT).await?;
    let expired = undecided.items.iter().filter(|payment| is_expired(gateway, payment, &left_alone));
    let mut given_up = 0;
    for payment in expired.take(AT_A_TIME) {
        let claimed = work_off(gateway, &Work::Payment(payment.id)).await?;
        given_up += usize::from(claimed == Claimed::Taken);
    }
    Ok(given_up)
}

/// Whether the charge has expired and was never sent, so that giving it up needs no call to the provider either.
fn is_expired(gateway: &Gateway, payment: &Payment, left_alone: &[Provider]) -> bool {
    let State::Queued { in_flight, .. } = &payment.state else { return false };
    let is_over = in_flight.call.expires_at.is_some_and(|at| at < gateway.now());
    let is_due = payment.follow_up.is_some_and(|follow_up| follow_up.at <= gateway.now());
    is_over && is_due && left_alone.contains(&payment.request.provider)
}
