//! Dismisses an event that cannot be processed, on an operator's decision.

use edge_core::provider::Provider;
use futures_util::future::BoxFuture;

use super::{Job, NotFound, count, marked, stored};
use crate::model::event::{Cause, Detail, Note};
use crate::model::payment::Payment;
use crate::model::provider::ProviderRef;
use crate::model::webhook::{Dismissal, EventState, WebhookEvent};
use crate::ports::store::{Change, CommitError, Mutation, StoreError};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{Plan, SyncError};

/// Retries in case the event's payment moves between read and commit.
const TRIES: u32 = 5;

/// Why an event was not dismissed.
#[derive(Debug, thiserror::Error)]
pub enum DismissError {
    #[error(transparent)]
    NotFound(#[from] NotFound),
    #[error("the event was dismissed by {} at {}: {}", .0.by, .0.at, .0.reason)]
    Already(Dismissal),
    #[error("it is {0}; only a failed or parked event can be dismissed")]
    NotStuck(&'static str),
    #[error("another process is changing the event or its payment; try again")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Dismisses a failed or parked event for good: it is not processed again, even if the provider sends it again. The
/// operator, time and reason are stored in the event and, if its payment is known, in the payment's audit trail.
pub fn dismiss<'a>(
    gateway: &'a Gateway,
    provider: Option<Provider>,
    id: &'a str,
    by: String,
    reason: String,
) -> BoxFuture<'a, Result<WebhookEvent, DismissError>> {
    Box::pin(async move {
        let dismissal = Dismissal { by, at: gateway.now(), reason };
        for _ in 0..TRIES {
            let mut event = stored(gateway, provider, id).await??;
            match event.state {
                EventState::Failed { .. } | EventState::Parked { .. } => {}
                EventState::Dismissed(earlier) => return Err(DismissError::Already(earlier)),
                state => return Err(DismissError::NotStuck(state.name())),
            }
            event.state = EventState::Dismissed(dismissal.clone());
            if write(gateway, &event, &dismissal).await? {
                count(event.provider, event.state.name());
                tracing::warn!(
                    provider = %event.provider, event.id, event.kind, by = dismissal.by, reason = dismissal.reason,
                    "an event was dismissed"
                );
                return Ok(event);
            }
        }
        Err(DismissError::Busy)
    })
}

/// `false`: the event or its payment has moved meanwhile.
async fn write(gateway: &Gateway, event: &WebhookEvent, dismissal: &Dismissal) -> Result<bool, StoreError> {
    let Some(payment) = payment_of(gateway, event).await? else {
        let mark = Change::from(Mutation::Nothing).with_mark(Some(marked(event)));
        return match gateway.commit(mark).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict(_)) => Ok(false),
            Err(CommitError::Store(problem)) => Err(problem),
        };
    };
    let cause = Cause::operator(payment.client.clone(), &dismissal.by);
    let detail = Detail {
        reference: Some(ProviderRef::new(event.id.as_str())),
        code: Some(event.kind.clone()),
        reason: Some(dismissal.reason.clone()),
        ..Detail::default()
    };
    let mut plan = Plan::new(payment, cause);
    plan.note(Note::WebhookDismissed, detail, None, dismissal.at);
    match plan.commit(gateway, Some(marked(event))).await {
        Ok(written) => Ok(written),
        Err(SyncError::Store(problem)) => Err(problem),
        Err(SyncError::Wait(_) | SyncError::Failed(_)) => Ok(false),
    }
}

/// The event's payment, if it can be determined now: the provider may be the failing part.
async fn payment_of(gateway: &Gateway, event: &WebhookEvent) -> Result<Option<Payment>, StoreError> {
    let Some(provider) = gateway.providers.get(&event.provider) else { return Ok(None) };
    let Ok(parsed) = provider.read_event(&event.body) else { return Ok(None) };
    let Some(refs) = parsed.subject.refs() else { return Ok(None) };
    match (Job { gateway, provider: &**provider, event }).find(refs).await {
        Ok(payment) => Ok(payment),
        Err(SyncError::Store(problem)) => Err(problem),
        Err(SyncError::Wait(_) | SyncError::Failed(_)) => Ok(None),
    }
}
