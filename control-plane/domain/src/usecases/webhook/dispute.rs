//! Disputes. They move no state of a payment. What an event says of one is recorded as it is only where it is the
//! provider's word; where it is a claim, the provider's own object is recorded.

use jiff::{SignedDuration, Timestamp};

use super::{Job, Trouble, Worked};
use crate::model::event::{Detail, Note};
use crate::model::payment::Payment;
use crate::model::snapshot::{DisputeSnapshot, Found, LookUp};
use crate::model::webhook::{Dispute, DisputeOutcome, DisputeVerdict, EventRefs};

/// A dispute that the provider's own event names is shown so soon after the event has come, or never.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How far a provider's clock may be ahead of ours: as far as the edge lets its transmissions be.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(300);

const NO_PAYMENT: &str = "it is about no payment of this gateway";

impl Job<'_> {
    /// An event claims it. `trail` is a part of the claim.
    pub(crate) async fn claimed_dispute(
        &self,
        refs: &EventRefs,
        claimed: &Dispute,
    ) -> Result<Worked, Trouble> {
        match self.provider.look_up_dispute(&claimed.id).await {
            Found::Found(seen) => self.shown_dispute(seen).await,
            Found::Missing => {
                let problem = "the provider does not show the dispute that the event claims";
                if self.now().duration_since(self.event.received_at) < SHOWN_WITHIN {
                    return Err(Trouble::Failed(problem.to_owned()));
                }
                tracing::warn!(
                    provider = %self.provider.name(), event.id = self.event.id, dispute = %claimed.id, problem,
                    "a dispute is not recorded"
                );
                Ok(Worked::Ignored(problem))
            }
            Found::CannotAsk => {
                tracing::warn!(
                    provider = %self.provider.name(), event.id = self.event.id, dispute = %claimed.id,
                    "the provider does not let this account read disputes: what its event claims is recorded as unverified"
                );
                let latest = self.event.received_at.saturating_add(AHEAD_MAX).unwrap_or(Timestamp::MAX);
                match self.disputed(refs).await? {
                    Some(payment) => self.dispute(payment, &claimed.no_later_than(latest)).await,
                    None => Ok(Worked::Ignored(NO_PAYMENT)),
                }
            }
            Found::Unavailable(uncertainty) => Err(Trouble::Failed(uncertainty.reason)),
        }
    }

    /// A dispute belongs to one payment, the first of ours among those that it is about.
    async fn shown_dispute(&self, seen: DisputeSnapshot) -> Result<Worked, Trouble> {
        for refs in &seen.subject {
            if let Some(payment) = self.disputed(refs).await? {
                return self.dispute(payment, &seen.dispute).await;
            }
        }
        Ok(Worked::Ignored(NO_PAYMENT))
    }

    /// Whose charge is disputed, by what is recorded of the payment, else by what the provider shows of the charge. The
    /// name of the payment alone is not enough: anyone who makes an order at the provider can write one into it.
    async fn disputed(&self, refs: &EventRefs) -> Result<Option<Payment>, Trouble> {
        let Some(charge) = &refs.charge else { return Ok(None) };
        let Some(payment) = self.find(refs).await? else { return Ok(None) };
        if payment.captured().is_some_and(|(known, _)| known == charge) {
            return Ok(Some(payment));
        }
        match self.provider.look_up(&LookUp::Charge(charge.clone())).await {
            Found::Found(seen) => Ok(payment.is_described_by(&seen).is_ok().then_some(payment)),
            Found::Missing | Found::CannotAsk => Ok(None),
            Found::Unavailable(uncertainty) => Err(Trouble::Failed(uncertainty.reason)),
        }
    }

    pub(crate) async fn dispute(&self, payment: Payment, told: &Dispute) -> Result<Worked, Trouble> {
        let known = self.gateway.store.disputes(&payment.client, payment.id).await?;
        let (before, dispute) = match known.iter().find(|known| known.id == told.id) {
            None => (None, told.clone()),
            Some(known) => match known.updated(told) {
                None => return Ok(Worked::NothingNew),
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

/// A dispute that is decided another time, e.g. after an appeal, is closed another time. So is one that was closed by
/// what was only claimed.
fn note(before: Option<&Dispute>, now: &Dispute) -> Note {
    let decision =
        |dispute: &Dispute| (dispute.is_verified, dispute.closed().is_some(), dispute.outcome.clone());
    match before {
        _ if now.closed().is_some() && before.map(decision) != Some(decision(now)) => Note::DisputeClosed,
        None => Note::DisputeOpened,
        Some(_) => Note::DisputeUpdated,
    }
}

/// How it ended, else where it stands. A word for the end that says nothing to us is the provider's own.
fn code(dispute: &Dispute) -> Option<String> {
    match dispute.outcome.as_deref() {
        Some(DisputeOutcome { verdict: DisputeVerdict::Other, code }) => Some(code.clone()),
        Some(outcome) => Some(outcome.verdict.name().to_owned()),
        None => dispute.status.clone(),
    }
}
