//! Payments that the provider lists and our records lack: money that moved through this gateway.

use edge_core::provider::Provider;

use super::compare::compare;
use super::{Compared, Finding};
use crate::model::event::{Cause, Event};
use crate::model::payment::Payment;
use crate::model::snapshot::{ListedPayment, ProviderStatus};
use crate::ports::store::{Change, CommitError, Mutation, StoreError};
use crate::usecases::gateway::Gateway;

/// Restores a payment missing from our records. `None`: it is recorded, or no money moved.
pub(crate) async fn missing_here(
    gateway: &Gateway,
    provider: Provider,
    one: ListedPayment,
) -> Result<Option<Compared>, StoreError> {
    let moved = matches!(
        one.seen.provider_status,
        ProviderStatus::Captured { .. } | ProviderStatus::Authorized { .. }
    );
    let Some(id) = one.seen.payment.filter(|_| moved) else { return Ok(None) };
    if gateway.store.payment_by_id(id).await?.is_some() {
        return Ok(None);
    }
    let finding = record_again(gateway, provider, &one).await?;
    let ListedPayment { seen, .. } = one;
    let (payment, reference) = (Some(id), Some(seen.reference));
    Ok(Some(Compared { provider, payment, reference, money: seen.money, recorded: None, finding }))
}

/// Restores the lost record of one of our charges, e.g. after a restored backup. Its refunds are found by the
/// comparison that follows.
async fn record_again(
    gateway: &Gateway,
    provider: Provider,
    listed: &ListedPayment,
) -> Result<Finding, StoreError> {
    let ListedPayment { seen, origin } = listed;
    let found = origin.as_ref().and_then(|origin| Payment::found(provider, seen, origin, gateway.now()));
    let Some([opened, payment]) = found else {
        let unknown = "the provider has it for a payment that is not recorded, and does not name its client";
        return Ok(Finding::Differs(unknown.to_owned()));
    };
    let cause = Cause::follow_up(payment.client.clone());
    let mut moved = Event::payment_moved(Some(&opened.state), &payment, &cause);
    moved.detail.reason = Some("its record was lost".to_owned());
    let events = vec![Event::payment_moved(None, &opened, &cause), moved];
    let mutation = Mutation::OpenPayment { payment: payment.clone(), events };
    match gateway.commit(Change::from(mutation)).await {
        Ok(()) => {}
        Err(CommitError::Conflict(_)) => {
            return Ok(Finding::Differs("another payment here already has the provider's object".to_owned()));
        }
        Err(CommitError::Store(problem)) => return Err(problem),
    }
    let recorded = format!("recorded again, {}", payment.state.name());
    Ok(match compare(gateway, payment).await?.finding {
        Finding::Applied(more) => Finding::Applied(format!("{recorded}, {more}")),
        Finding::Same | Finding::InFlight => Finding::Applied(recorded),
        Finding::Differs(problem) => Finding::Differs(format!("{recorded}, but {problem}")),
        Finding::NotSeen(reason) => Finding::NotSeen(format!("{recorded}, its refunds not seen: {reason}")),
    })
}
