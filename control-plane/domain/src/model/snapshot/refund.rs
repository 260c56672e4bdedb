//! Applies snapshots to refunds.

use edge_core::money::Money;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Applied, OwnCall, RefundProviderStatus, RefundSnapshot};
use crate::model::follow_up::FollowUp;
use crate::model::id::RefundId;
use crate::model::payment::{Failure, Payment, State};
use crate::model::provider::{Refusal, Uncertainty};
use crate::model::refund::{Refund, RefundState};

impl Refund {
    /// Applies `seen` to this refund. A processed refund may fail later, when the payer's bank returns the money; a
    /// failed refund stays failed.
    #[must_use]
    pub fn apply(&self, seen: &RefundSnapshot, call: OwnCall, at: Timestamp) -> Applied<Self> {
        if let Err(problem) = self.is_described_by(seen) {
            return Applied::Refused(problem.to_owned());
        }
        let refund = seen.reference.clone();
        let state = match (&self.state, &seen.provider_status) {
            (_, RefundProviderStatus::Unclear(problem)) => return Applied::Refused(problem.clone()),
            (RefundState::Failed { failure }, provider_status) => {
                // A failure that names the provider's refund belongs to that refund; without one, nothing was refunded,
                // and this snapshot contradicts that.
                let same = matches!(failure, Failure::Refused(Refusal { reference: Some(known), .. }) if *known == refund);
                let known = same || matches!(provider_status, RefundProviderStatus::Failed(_));
                return if known {
                    Applied::Known
                } else {
                    Applied::Refused("the provider made a refund that is recorded as failed".to_owned())
                };
            }
            (RefundState::Processed { .. }, RefundProviderStatus::Processed) => return Applied::Known,
            (_, RefundProviderStatus::Processed) => RefundState::Processed { refund },
            (RefundState::Processing { .. }, _) if call == OwnCall::MayAnswer => return Applied::Wait,
            (
                RefundState::Processing { .. } | RefundState::Queued { .. } | RefundState::Unknown { .. },
                RefundProviderStatus::Pending,
            ) => RefundState::Pending { refund },
            (_, RefundProviderStatus::Failed(refusal)) => {
                let refusal = Refusal { reference: Some(refund), ..refusal.clone() };
                RefundState::Failed { failure: Failure::Refused(refusal) }
            }
            (RefundState::Pending { .. } | RefundState::Processed { .. }, _) => return Applied::Known,
        };
        Applied::Moved(self.clone().enter(state, at))
    }

    /// Applies the absence of this refund from the provider's complete list of the payment's refunds. Has an effect
    /// only if `is_left_to_records`: none of our calls can still execute the refund.
    #[must_use]
    pub fn apply_absence(&self, is_left_to_records: bool, at: Timestamp) -> Option<Self> {
        if !(is_left_to_records && matches!(self.state, RefundState::Unknown { .. })) {
            return None;
        }
        let reason = "the provider's list does not show it, and no request for it is left";
        let failure = Failure::NotSent(Uncertainty::new(reason));
        Some(self.clone().enter(RefundState::Failed { failure }, at))
    }

    /// Resolves this refund with one of the same amount that was made at the provider's dashboard, once none of our
    /// calls can still execute ours and the complete `list` does not contain it.
    #[must_use]
    pub fn resolved_by(
        &self,
        seen: &RefundSnapshot,
        list: &[RefundSnapshot],
        is_left_to_records: bool,
        at: Timestamp,
    ) -> Option<Self> {
        let is_lost = is_left_to_records && matches!(self.state, RefundState::Unknown { .. });
        let is_anonymous = seen.refund.is_none() && seen.money == Some(self.money());
        let is_made_itself = list.iter().any(|listed| self.is(listed));
        if !(is_lost && is_anonymous) || is_made_itself {
            return None;
        }
        let refund = seen.reference.clone();
        let state = match seen.provider_status {
            RefundProviderStatus::Processed => RefundState::Processed { refund },
            RefundProviderStatus::Pending => RefundState::Pending { refund },
            RefundProviderStatus::Failed(_) | RefundProviderStatus::Unclear(_) => return None,
        };
        Some(self.clone().enter(state, at))
    }

    /// Whether the provider's refund is this one.
    #[must_use]
    pub fn is(&self, seen: &RefundSnapshot) -> bool {
        seen.refund == Some(self.id) || self.state.reference() == Some(&seen.reference) || self.left(seen)
    }

    fn left(&self, seen: &RefundSnapshot) -> bool {
        matches!(&self.state, RefundState::Failed { failure: Failure::Refused(refusal) }
            if refusal.reference.as_ref() == Some(&seen.reference))
    }

    fn is_described_by(&self, seen: &RefundSnapshot) -> Result<(), &'static str> {
        if self.state.reference().is_some_and(|known| *known != seen.reference) {
            return Err("another refund at the provider names this one");
        }
        if seen.payment.is_some_and(|id| id != self.payment) {
            return Err("the provider's refund belongs to another payment");
        }
        if seen.money != Some(self.money()) {
            return Err("the provider's refund is over another amount");
        }
        Ok(())
    }

    /// Opens a record for a refund made at the provider's dashboard, so that it is visible, counts as refunded and
    /// releases its amount if it fails. Its id derives from the provider's id, so it is recorded only once. `None` if
    /// there is nothing to record: it failed or is unclear.
    ///
    /// # Errors
    /// Why it cannot be a refund of this payment.
    pub fn external(
        payment: &Payment,
        seen: &RefundSnapshot,
        at: Timestamp,
    ) -> Result<Option<Self>, &'static str> {
        if seen.payment.is_some_and(|id| id != payment.id) {
            return Err("the provider's refund belongs to another payment");
        }
        let Some((charge, _)) = payment.captured() else {
            return Err("nothing was captured, yet it is refunded");
        };
        if seen.charge.as_ref().is_some_and(|of| of != charge) {
            return Err("the provider's refund is of another charge");
        }
        let money = seen.money.filter(|money| money.currency == payment.request.currency);
        let money = money.ok_or("the provider's refund is over an amount that this payment cannot have")?;
        let reference = seen.reference.clone();
        let (state, follow_up) = match &seen.provider_status {
            RefundProviderStatus::Processed => (RefundState::Processed { refund: reference }, None),
            RefundProviderStatus::Pending => {
                (RefundState::Pending { refund: reference }, Some(FollowUp::after(None, at)))
            }
            RefundProviderStatus::Failed(_) | RefundProviderStatus::Unclear(_) => return Ok(None),
        };
        Ok(Some(Self {
            id: id_of(payment, seen),
            payment: payment.id,
            client: payment.client.clone(),
            amount: money.amount,
            currency: money.currency,
            state,
            follow_up,
            version: 1,
            created_at: seen.created.unwrap_or(at),
            updated_at: at,
        }))
    }
}

impl Payment {
    /// Whether this refund at the provider only represents the amount that a partial capture released.
    #[must_use]
    pub fn is_release(&self, seen: &RefundSnapshot) -> bool {
        let State::Captured { captured, .. } = &self.state else { return false };
        let released = self.request.amount.minor().checked_sub(captured.minor());
        let is_processed = matches!(seen.provider_status, RefundProviderStatus::Processed);
        let is_over = |money: Money| Some(money.amount.minor()) == released;
        seen.refund.is_none() && seen.is_without_funds && is_processed && seen.money.is_some_and(is_over)
    }
}

/// Deterministic: always the same for the same provider refund.
fn id_of(payment: &Payment, seen: &RefundSnapshot) -> RefundId {
    let name = format!("{}:{}", payment.request.provider, seen.reference);
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let mut random = [0; 10];
    random.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    RefundId::new(payment.created_at, random)
}
