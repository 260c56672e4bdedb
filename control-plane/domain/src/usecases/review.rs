//! Payments and refunds that an operator has to review because they have been undecided for too long.

use futures_util::future::BoxFuture;
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

/// Operations that a provider has accepted may legitimately take long: a bank transfer, a review.
const ACCEPTED_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// One undecided payment or refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForReview {
    pub work: Work,
    pub client: ClientId,
    pub provider: Provider,
    pub money: Money,
    pub state: &'static str,
    /// Why it is undecided, as far as known.
    pub reason: String,
    /// When it was requested.
    pub since: Timestamp,
    pub reference: Option<ProviderRef>,
    /// When the next try is due, and the number of tries so far.
    pub follow_up: FollowUp,
    /// Whether the provider still knows the call's key. After that, only its records are read and nothing is repeated.
    pub is_repeated: bool,
}

/// The number of undecided operations by age. Those that the provider has accepted and decides later are omitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    pub below_1m: u32,
    pub below_15m: u32,
    pub below_1h: u32,
    pub above: u32,
}

/// All undecided operations, as operators see them.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Operations undecided for longer than the policy allows, oldest first.
    pub for_review: Vec<ForReview>,
    pub ages: Ages,
    pub unreadable: BTreeSet<Unreadable>,
}

/// Operations undecided for longer than the policy allows, oldest first, among the oldest `limit` undecided ones.
pub fn for_review<'a>(
    gateway: &'a Gateway,
    limit: u32,
) -> BoxFuture<'a, Result<Rows<ForReview>, StoreError>> {
    Box::pin(async move {
        let Survey { for_review, unreadable, .. } = survey(gateway, limit).await?;
        Ok(Rows { items: for_review, unreadable: unreadable.into_iter().collect() })
    })
}

/// Surveys the oldest `limit` undecided payments and refunds.
pub fn survey<'a>(gateway: &'a Gateway, limit: u32) -> BoxFuture<'a, Result<Survey, StoreError>> {
    Box::pin(async move {
        let (payments, refunds) = gateway.store.undecided(limit).await?;
        let unreadable = payments.unreadable.into_iter().chain(refunds.unreadable).collect();
        let mut survey = Survey { unreadable, ..Survey::default() };
        for payment in &payments.items {
            let Some(undecided) = Undecided::payment(payment) else { continue };
            survey.ages.add(gateway, &undecided);
            if undecided.is_overdue(gateway) {
                survey.for_review.extend(undecided.for_review(gateway, payment));
            }
        }
        for refund in &refunds.items {
            let Some(undecided) = Undecided::refund(refund) else { continue };
            survey.ages.add(gateway, &undecided);
            if !undecided.is_overdue(gateway) {
                continue;
            }
            match gateway.store.payment_by_id(refund.payment).await {
                Ok(payment) => {
                    survey
                        .for_review
                        .extend(payment.and_then(|payment| undecided.for_review(gateway, &payment)));
                }
                Err(StoreError::Inconsistent(row)) => {
                    survey.unreadable.insert(row);
                }
                Err(problem) => return Err(problem),
            }
        }
        survey.for_review.sort_by_key(|one| one.since);
        Ok(survey)
    })
}

impl Ages {
    fn add(&mut self, gateway: &Gateway, undecided: &Undecided<'_>) {
        let bucket = match gateway.now().duration_since(undecided.since).as_secs() {
            _ if undecided.is_accepted => return,
            ..60 => &mut self.below_1m,
            60..900 => &mut self.below_15m,
            900..3_600 => &mut self.below_1h,
            _ => &mut self.above,
        };
        *bucket += 1;
    }
}

/// The common part of undecided payments and refunds.
struct Undecided<'a> {
    work: Work,
    client: &'a ClientId,
    money: Money,
    state: &'static str,
    reason: &'a str,
    since: Timestamp,
    /// The provider has accepted it and decides later.
    is_accepted: bool,
    /// Its own reference; a refund without one is found by its payment's.
    reference: Option<&'a ProviderRef>,
    follow_up: Option<FollowUp>,
    /// The call that may be retried.
    call: Option<(&'a InFlight, OperationKind)>,
}

const BEING_ASKED: &str = "a call to the provider is in flight";
const DECIDES_LATER: &str = "the provider decides later";

impl<'a> Undecided<'a> {
    fn payment(payment: &'a Payment) -> Option<Self> {
        let in_flight = payment.state.in_flight()?;
        let (reason, is_accepted) = match &payment.state {
            State::Unknown { reason, .. } | State::Queued { reason, .. } => (reason.as_str(), false),
            State::Processing { accepted: true, .. } => (DECIDES_LATER, true),
            State::Processing { accepted: false, .. } => (BEING_ASKED, false),
            _ => return None,
        };
        Some(Self {
            work: Work::Payment(payment.id),
            client: &payment.client,
            money: payment.money(),
            state: payment.state.name(),
            reason,
            since: in_flight.call.since,
            is_accepted,
            reference: payment.reference.as_ref(),
            follow_up: payment.follow_up,
            call: (!is_accepted).then(|| (&in_flight.call, in_flight.operation.kind())),
        })
    }

    fn refund(refund: &'a Refund) -> Option<Self> {
        let (reason, is_accepted) = match &refund.state {
            RefundState::Unknown { reason, .. } | RefundState::Queued { reason, .. } => {
                (reason.as_str(), false)
            }
            RefundState::Processing { .. } => (BEING_ASKED, false),
            RefundState::Pending { .. } => (DECIDES_LATER, true),
            RefundState::Processed { .. } | RefundState::Failed { .. } => return None,
        };
        Some(Self {
            work: Work::Refund(refund.id),
            client: &refund.client,
            money: refund.money(),
            state: refund.state.name(),
            reason,
            since: refund.created_at,
            is_accepted,
            reference: refund.state.reference(),
            follow_up: refund.follow_up,
            call: refund.state.call().map(|call| (call, OperationKind::Refund)),
        })
    }

    fn is_overdue(&self, gateway: &Gateway) -> bool {
        let allowed = gateway.retries.policy().review_after;
        let allowed = if self.is_accepted { allowed.max(ACCEPTED_AFTER) } else { allowed };
        gateway.now().duration_since(self.since) > allowed
    }

    /// `payment`: the payment itself, or the refunded one.
    fn for_review(self, gateway: &Gateway, payment: &Payment) -> Option<ForReview> {
        let provider = payment.request.provider;
        let asked = gateway.providers.get(&provider);
        Some(ForReview {
            work: self.work,
            client: self.client.clone(),
            provider,
            money: self.money,
            state: self.state,
            reason: self.reason.to_owned(),
            since: self.since,
            reference: self.reference.or(payment.reference.as_ref()).cloned(),
            follow_up: self.follow_up?,
            is_repeated: self.call.zip(asked).is_some_and(|((call, operation), provider)| {
                gateway.may_repeat(&**provider, call, operation)
            }),
        })
    }
}
