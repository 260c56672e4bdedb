//! What people have to look at, because it has been undecided for too long.

use std::collections::BTreeSet;

use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use crate::model::follow_up::FollowUp;
use crate::model::in_flight::InFlight;
use crate::model::payment::{Payment, State};
use crate::model::provider::{OperationKind, ProviderRef};
use crate::model::refund::{Refund, RefundState};
use crate::model::work::Work;
use crate::ports::store::{Rows, StoreError, Unreadable};
use crate::usecases::gateway::Gateway;

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

/// What is undecided, by how long it has been wanted. What the provider has taken and decides later is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    pub below_1m: u32,
    pub below_15m: u32,
    pub below_1h: u32,
    pub above: u32,
}

/// Everything undecided, as people see it.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// What has been undecided for longer than the policy allows, the oldest first.
    pub for_review: Vec<ForReview>,
    pub ages: Ages,
    pub unreadable: BTreeSet<Unreadable>,
}

/// What has been undecided for longer than the policy allows, the oldest first; out of the oldest `limit` undecided.
pub async fn for_review(gateway: &Gateway, limit: u32) -> Result<Rows<ForReview>, StoreError> {
    let Survey { for_review, unreadable, .. } = survey(gateway, limit).await?;
    Ok(Rows { items: for_review, unreadable: unreadable.into_iter().collect() })
}

/// Looks through the oldest `limit` undecided payments and refunds.
pub async fn survey(gateway: &Gateway, limit: u32) -> Result<Survey, StoreError> {
    let (payments, refunds) = gateway.store.undecided(limit).await?;
    let unreadable = payments.unreadable.into_iter().chain(refunds.unreadable).collect();
    let mut survey = Survey { unreadable, ..Survey::default() };
    for payment in &payments.items {
        if let Some((_, since, accepted)) = wanted(payment) {
            survey.ages.add(gateway, since, accepted);
        }
        survey.for_review.extend(of_payment(gateway, payment));
    }
    for refund in &refunds.items {
        let Some((_, since, accepted)) = wanted_back(refund) else { continue };
        survey.ages.add(gateway, since, accepted);
        if !is_overdue(gateway, since, accepted) {
            continue;
        }
        match gateway.store.payment_by_id(refund.payment).await {
            Ok(payment) => {
                survey.for_review.extend(payment.and_then(|payment| of_refund(gateway, refund, &payment)));
            }
            Err(StoreError::Inconsistent(row)) => {
                survey.unreadable.insert(row);
            }
            Err(problem) => return Err(problem),
        }
    }
    survey.for_review.sort_by_key(|one| one.since);
    Ok(survey)
}

impl Ages {
    fn add(&mut self, gateway: &Gateway, since: Timestamp, accepted: bool) {
        let bucket = match gateway.now().duration_since(since).as_secs() {
            _ if accepted => return,
            ..60 => &mut self.below_1m,
            60..900 => &mut self.below_15m,
            900..3_600 => &mut self.below_1h,
            _ => &mut self.above,
        };
        *bucket += 1;
    }
}

/// Why a payment is not decided, since when it is wanted, and whether the provider has taken it and decides later.
fn wanted(payment: &Payment) -> Option<(String, Timestamp, bool)> {
    let since = payment.state.in_flight()?.call.since;
    match &payment.state {
        State::Unknown { reason, .. } | State::Queued { reason, .. } => Some((reason.clone(), since, false)),
        State::Processing { accepted, .. } => Some((processing(*accepted), since, *accepted)),
        _ => None,
    }
}

/// The same of a refund.
fn wanted_back(refund: &Refund) -> Option<(String, Timestamp, bool)> {
    let since = refund.created_at;
    match &refund.state {
        RefundState::Unknown { reason, .. } | RefundState::Queued { reason, .. } => {
            Some((reason.clone(), since, false))
        }
        RefundState::Processing { .. } => Some((processing(false), since, false)),
        RefundState::Pending { .. } => Some((processing(true), since, true)),
        RefundState::Processed { .. } | RefundState::Failed { .. } => None,
    }
}

fn of_payment(gateway: &Gateway, payment: &Payment) -> Option<ForReview> {
    let (reason, since, accepted) = wanted(payment)?;
    let in_flight = payment.state.in_flight()?;
    if !is_overdue(gateway, since, accepted) {
        return None;
    }
    Some(ForReview {
        work: Work::Payment(payment.id),
        client: payment.client.clone(),
        provider: payment.request.provider,
        money: payment.money(),
        state: payment.state.name(),
        reason,
        since,
        reference: payment.reference.clone(),
        follow_up: payment.follow_up?,
        is_repeated: !accepted
            && is_repeated(gateway, payment.request.provider, &in_flight.call, in_flight.operation.kind()),
    })
}

/// What is overdue.
fn of_refund(gateway: &Gateway, refund: &Refund, payment: &Payment) -> Option<ForReview> {
    let (reason, since, _) = wanted_back(refund)?;
    Some(ForReview {
        work: Work::Refund(refund.id),
        client: refund.client.clone(),
        provider: payment.request.provider,
        money: refund.money(),
        state: refund.state.name(),
        reason,
        since,
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
    provider.is_some_and(|provider| gateway.may_repeat(&**provider, call, operation))
}
