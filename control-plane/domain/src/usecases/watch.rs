//! Polls payments that wait for their payer or their capture, at pauses that grow from minutes to hours, so that
//! changes at the provider are found even if no event arrives. Also refunds money that moved for a payment canceled in
//! the meantime.

use jiff::SignedDuration;

use crate::model::event::Cause;
use crate::model::follow_up::FollowUp;
use crate::model::id::PaymentId;
use crate::model::payment::{Payment, State};
use crate::model::snapshot::ProviderStatus;
use crate::model::work::Work;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::StoreError;
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{Plan, ProviderSync, SyncError};
use crate::usecases::refund::give_back_the_rest;
use crate::usecases::retries::WATCH_FOR;
use crate::usecases::webhook::resume_approved;

/// Polls once and schedules the next poll if the payment still waits.
pub(crate) async fn look(gateway: &Gateway, id: PaymentId) -> Result<(), StoreError> {
    let Some(payment) = gateway.store.payment_by_id(id).await? else { return Ok(()) };
    if payment.state.is_watched() {
        let fetched = match gateway.provider(payment.request.provider) {
            Err(problem) => Err(SyncError::Failed(problem.to_string())),
            Ok(provider) => sync_or_refund(gateway, &*provider, payment).await,
        };
        match fetched {
            Ok(()) => {}
            Err(SyncError::Store(problem)) => return Err(problem),
            Err(error) => {
                tracing::info!(payment.id = %id, reason = error.reason(), "a waiting payment could not be polled");
            }
        }
    }
    match gateway.store.payment_by_id(id).await? {
        Some(payment) if payment.state.is_watched() && !is_over(gateway, &payment) => {
            let waited = gateway.now().duration_since(payment.updated_at);
            let pause = pause(gateway, waited);
            gateway.store.postpone(&Work::Watch(id), FollowUp { at: gateway.now() + pause, tries: 0 }).await
        }
        _ => gateway.store.end_watch(id).await,
    }
}

/// Waits as long as the payment has already waited, within the policy's bounds: the pauses double without a counter.
fn pause(gateway: &Gateway, waited: SignedDuration) -> SignedDuration {
    let policy = gateway.retries.policy();
    let mut looks = 0;
    while policy.watch_pause(looks) < waited && looks < 30 {
        looks += 1;
    }
    policy.watch_pause(looks)
}

/// Whether the payment has waited longer than any provider keeps an order open or holds an amount. Pending refunds are
/// never given up.
fn is_over(gateway: &Gateway, payment: &Payment) -> bool {
    let waited = gateway.now().duration_since(payment.updated_at);
    !payment.state.is_to_be_refunded() && waited > WATCH_FOR
}

async fn sync_or_refund(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
) -> Result<(), SyncError> {
    let cause = Cause::follow_up(payment.client.clone());
    if payment.state.is_to_be_refunded() {
        return give_back_the_rest(gateway, provider, payment, cause).await;
    }
    let sync = ProviderSync { gateway, provider };
    let mut plan = Plan::new(payment, cause.clone());
    let seen = sync.fetch_and_apply(&mut plan, None, None).await?;
    let is_approved = seen
        .is_some_and(|seen| matches!(seen.provider_status, ProviderStatus::Approved { declined: None, .. }));
    match &plan.payment.state {
        // After a decline, only the payer triggers another try.
        State::RequiresAction(session) if is_approved && plan.is_empty() && !session.declined => {
            resume_approved(gateway, provider, plan.payment, &cause).await
        }
        _ => plan.commit_what_is_believed(gateway).await.map(|_| ()),
    }
}
