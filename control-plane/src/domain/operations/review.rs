//! What people have to look at, because it has been undecided for too long.

use std::collections::BTreeSet;

use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use super::recall::may_repeat;
use crate::domain::flight::InFlight;
use crate::domain::follow_up::FollowUp;
use crate::domain::gateway::Gateway;
use crate::domain::payment::{Payment, State};
use crate::domain::provider::{OperationKind, ProviderRef};
use crate::domain::queue::Work;
use crate::domain::refund::{Refund, RefundState};
use crate::domain::store::{Rows, StoreError};

/// What a provider has taken may rightly take it long: a bank transfer, a review.
const ACCEPTED_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// One undecided payment or refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForReview {
    pub work: Work,
    pub client: ClientId,
    pub provider: Provider,
    pub money: Money,
    pub state: &'static str,
    /// Why it is not decided, as far as that is known.
    pub reason: String,
    /// Since when it is wanted.
    pub since: Timestamp,
    pub reference: Option<ProviderRef>,
    /// When it is tried again, and how often it was.
    pub follow_up: FollowUp,
    /// Whether the provider still knows the call's key. Past that its records are looked at, and nothing is repeated.
    pub is_repeated: bool,
}

/// What has been undecided for longer than the policy allows, the oldest first; out of the oldest `limit` undecided.
pub async fn for_review(gateway: &Gateway, limit: u32) -> Result<Rows<ForReview>, StoreError> {
    let (payments, refunds) = gateway.store.undecided(limit).await?;
    let mut found: Vec<_> =
        payments.items.iter().filter_map(|payment| of_payment(gateway, payment)).collect();
    let mut unreadable: BTreeSet<_> = payments.unreadable.into_iter().chain(refunds.unreadable).collect();
    for refund in &refunds.items {
        match gateway.store.anyones_payment(refund.payment).await {
            Ok(payment) => found.extend(payment.and_then(|payment| of_refund(gateway, refund, &payment))),
            Err(StoreError::Inconsistent(row)) => {
                unreadable.insert(row);
            }
            Err(problem) => return Err(problem),
        }
    }
    found.sort_by_key(|one| one.since);
    Ok(Rows { items: found, unreadable: unreadable.into_iter().collect() })
}

fn of_payment(gateway: &Gateway, payment: &Payment) -> Option<ForReview> {
    let flight = payment.state.flight()?;
    let (reason, accepted) = match &payment.state {
        State::Unknown { reason, .. } | State::Queued { reason, .. } => (reason.clone(), false),
        State::Processing { accepted, .. } => (processing(*accepted), *accepted),
        _ => return None,
    };
    if !is_overdue(gateway, flight.call.since, accepted) {
        return None;
    }
    Some(ForReview {
        work: Work::Payment(payment.id),
        client: payment.client.clone(),
        provider: payment.request.provider,
        money: payment.money(),
        state: payment.state.name(),
        reason,
        since: flight.call.since,
        reference: payment.reference.clone(),
        follow_up: payment.follow_up?,
        is_repeated: !accepted
            && is_repeated(gateway, payment.request.provider, &flight.call, flight.operation.kind()),
    })
}

fn of_refund(gateway: &Gateway, refund: &Refund, payment: &Payment) -> Option<ForReview> {
    let (reason, accepted) = match &refund.state {
        RefundState::Unknown { reason, .. } | RefundState::Queued { reason, .. } => (reason.clone(), false),
        RefundState::Processing { .. } => (processing(false), false),
        RefundState::Pending { .. } => (processing(true), true),
        RefundState::Processed { .. } | RefundState::Failed { .. } => return None,
    };
    if !is_overdue(gateway, refund.created_at, accepted) {
        return None;
    }
    Some(ForReview {
        work: Work::Refund(refund.id),
        client: refund.client.clone(),
        provider: payment.request.provider,
        money: refund.money(),
        state: refund.state.name(),
        reason,
        since: refund.created_at,
        reference: refund.state.reference().cloned().or_else(|| payment.reference.clone()),
        follow_up: refund.follow_up?,
        is_repeated: refund
            .state
            .call()
            .is_some_and(|call| is_repeated(gateway, payment.request.provider, call, OperationKind::Refund)),
    })
}

fn processing(accepted: bool) -> String {
    let why = if accepted { "the provider decides later" } else { "the provider is being asked" };
    why.to_owned()
}

fn is_overdue(gateway: &Gateway, since: Timestamp, accepted: bool) -> bool {
    let allowed = gateway.retries.policy().review_after;
    let allowed = if accepted { allowed.max(ACCEPTED_AFTER) } else { allowed };
    gateway.now().duration_since(since) > allowed
}

fn is_repeated(gateway: &Gateway, provider: Provider, call: &InFlight, operation: OperationKind) -> bool {
    let provider = gateway.providers.get(&provider);
    provider.is_some_and(|provider| may_repeat(gateway, &**provider, call, operation))
}
