//! Disputes, which never change a payment's state. An event's dispute is recorded as it is only if it is the provider's
//! own statement; if it is a claim, the provider's own object is recorded.

use jiff::{SignedDuration, Timestamp};

use super::{EventResult, Job, SyncError};
use crate::model::event::{Detail, Note};
use crate::model::payment::Payment;
use crate::model::snapshot::{DisputeSnapshot, Found, LookUp};
use crate::model::webhook::{Dispute, DisputeOutcome, DisputeVerdict, EventRefs};

/// How long after an event the provider may still not show the dispute that the event names. After that it never will.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How far a provider's clock may be ahead of ours; the same tolerance as the edge's for webhook transmission times.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(300);

const NO_PAYMENT: &str = "it is about no payment of this gateway";

impl Job<'_> {
    /// Handles a dispute that an event only claims; `refs` are part of the claim.
    pub(crate) async fn claimed_dispute(
        &self,
        refs: &EventRefs,
        claimed: &Dispute,
    ) -> Result<EventResult, SyncError> {
        match self.provider.look_up_dispute(&claimed.id).await {
            Found::Found(seen) => self.shown_dispute(seen).await,
            Found::Missing => {
                let problem = "the provider does not show the dispute that the event claims";
                if self.now().duration_since(self.event.received_at) < SHOWN_WITHIN {
                    return Err(SyncError::Failed(problem.to_owned()));
                }
                tracing::warn!(
                    provider = %self.provider.name(), event.id = self.event.id, dispute = %claimed.id, problem,
                    "a claimed dispute was not recorded"
                );
                Ok(EventResult::Ignored(problem))
            }
            Found::CannotAsk => {
                tracing::warn!(
                    provider = %self.provider.name(), event.id = self.event.id, dispute = %claimed.id,
                    "the provider does not let this account read disputes; the claim of its event is recorded as unverified"
                );
                let latest = self.event.received_at.saturating_add(AHEAD_MAX).unwrap_or(Timestamp::MAX);
                match self.disputed(refs).await? {
                    Some(payment) => self.dispute(payment, &claimed.no_later_than(latest)).await,
                    None => Ok(EventResult::Ignored(NO_PAYMENT)),
                }
            }
            Found::Unavailable(uncertainty) => Err(SyncError::Failed(uncertainty.reason)),
        }
    }

    /// A dispute belongs to one payment: the first of ours among the disputed charges.
    async fn shown_dispute(&self, seen: DisputeSnapshot) -> Result<EventResult, SyncError> {
        for refs in &seen.subject {
            if let Some(payment) = self.disputed(refs).await? {
                return self.dispute(payment, &seen.dispute).await;
            }
        }
        Ok(EventResult::Ignored(NO_PAYMENT))
    }

    /// The payment whose charge is disputed, by the payment's record, else by the provider's record of the charge. Our
    /// payment id alone is not sufficient: anyone who creates an order at the provider can write one into it.
    async fn disputed(&self, refs: &EventRefs) -> Result<Option<Payment>, SyncError> {
        let Some(charge) = &refs.charge else { return Ok(None) };
        let Some(payment) = self.find(refs).await? else { return Ok(None) };
        if payment.captured().is_some_and(|(known, _)| known == charge) {
            return Ok(Some(payment));
        }
        match self.provider.look_up(&LookUp::Charge(charge.clone())).await {
            Found::Found(seen) => Ok(payment.is_described_by(&seen).is_ok().then_some(payment)),
            Found::Missing | Found::CannotAsk => Ok(None),
            Found::Unavailable(uncertainty) => Err(SyncError::Failed(uncertainty.reason)),
        }
    }

    pub(crate) async fn dispute(&self, payment: Payment, told: &Dispute) -> Result<EventResult, SyncError> {
        let known = self.gateway.store.disputes(&payment.client, payment.id).await?;
        let (before, dispute) = match known.iter().find(|known| known.id == told.id) {
            None => (None, told.clone()),
            Some(known) => match known.updated(told) {
                None => return Ok(EventResult::NothingNew),
                Some(now) => (Some(known), now),
            },
        };
        let note = note(before, &dispute);
        let detail = Detail {
            amount: dispute.amount,
            reference: Some(dispute.id.clone()),
            code: code(&dispute),
            reason: dispute.reason.clone(),
            is_unverified: !dispute.is_verified,
            ..Detail::default()
        };
        let mut plan = self.plan(payment);
        plan.note(note, detail, Some(dispute), self.now());
        self.commit(plan).await
    }
}

/// A dispute with a new outcome, e.g. after an appeal, counts as closed again. The same applies to one whose closure
/// was only claimed and is now verified.
fn note(before: Option<&Dispute>, now: &Dispute) -> Note {
    let decision =
        |dispute: &Dispute| (dispute.is_verified, dispute.closed().is_some(), dispute.outcome.clone());
    match before {
        _ if now.closed().is_some() && before.map(decision) != Some(decision(now)) => Note::DisputeClosed,
        None => Note::DisputeOpened,
        Some(_) => Note::DisputeUpdated,
    }
}

/// The outcome, else the status. An outcome unknown to this gateway is given as the provider's own code.
fn code(dispute: &Dispute) -> Option<String> {
    match dispute.outcome.as_deref() {
        Some(DisputeOutcome { verdict: DisputeVerdict::Other, code }) => Some(code.clone()),
        Some(outcome) => Some(outcome.verdict.name().to_owned()),
        None => dispute.status.clone(),
    }
}
