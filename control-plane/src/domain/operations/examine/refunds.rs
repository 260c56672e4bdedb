//! The refunds of a payment, ours and those made at the provider's dashboard.

use super::{Examiner, Plan, Trouble};
use crate::domain::evidence::{Adopted, Found, OwnCall, RefundEvidence, RefundLookUp};
use crate::domain::operations::recall::is_over;
use crate::domain::provider::ProviderRef;
use crate::domain::refund::{Refund, RefundState};

impl Examiner<'_> {
    /// Reads where all refunds of the payment stand and plans what follows. `one` must be among them.
    pub(in crate::domain::operations) async fn refunds(
        &self,
        mut plan: Plan,
        one: Option<&ProviderRef>,
    ) -> Result<Plan, Trouble> {
        let Some((charge, _)) = plan.payment.captured() else {
            return match plan.is_empty() {
                true => Err(Trouble::Failed("a refund of what is not captured yet".to_owned())),
                false => Ok(plan),
            };
        };
        let charge = charge.clone();
        let shown = self.look_at_refunds(&plan, one, charge).await?;
        // Read after that: a refund is recorded before the provider can show it.
        let known = self.gateway.store.refunds(&plan.payment.client, plan.payment.id).await?;
        // What the provider shows may be the one that cannot be read, so none can be taken for a new one.
        if let Some(unreadable) = known.unreadable.into_iter().next() {
            return Err(Trouble::Store(unreadable.into()));
        }
        let known = known.items;
        for seen in shown {
            match known.iter().find(|refund| refund.is(&seen)) {
                Some(refund) => self.adopt_refund(&mut plan, refund, &seen),
                None => self.record(&mut plan, &known, &seen),
            }
        }
        Ok(plan)
    }

    async fn look_at_refunds(
        &self,
        plan: &Plan,
        one: Option<&ProviderRef>,
        charge: ProviderRef,
    ) -> Result<Vec<RefundEvidence>, Trouble> {
        let payment = plan.payment.reference.clone().unwrap_or_else(|| charge.clone());
        let mut all = self.read(&RefundLookUp::Of { payment, charge }).await?;
        if let Some(refund) = one
            && all.iter().all(|seen| seen.reference != *refund)
        {
            let seen = self.read(&RefundLookUp::One(refund.clone())).await?;
            if seen.is_empty() {
                return Err(Trouble::Failed("the provider does not show the refund of its event".to_owned()));
            }
            all.extend(seen);
        }
        Ok(all)
    }

    async fn read(&self, which: &RefundLookUp) -> Result<Vec<RefundEvidence>, Trouble> {
        match self.provider.look_up_refunds(which).await {
            Found::Found(seen) => Ok(seen),
            Found::Missing | Found::CannotAsk => Ok(Vec::new()),
            Found::Unavailable(doubt) => Err(Trouble::Failed(doubt.reason)),
        }
    }

    fn adopt_refund(&self, plan: &mut Plan, refund: &Refund, seen: &RefundEvidence) {
        let call = match refund.state {
            RefundState::Processing { .. } if !is_over(self.gateway, refund.updated_at) => OwnCall::MayAnswer,
            _ => OwnCall::IsOver,
        };
        match refund.adopt(seen, call, self.gateway.now()) {
            Adopted::Known => {}
            Adopted::Wait => plan.wait("a call of our own is under way"),
            Adopted::Moved(mut moved) | Adopted::Surprising(mut moved) => {
                self.gateway.look_again(&mut moved.follow_up);
                plan.move_refund(refund, moved);
            }
            Adopted::Refused(problem) => plan.refuse(&seen.reference, problem, self.gateway.now()),
        }
    }

    /// Not one that we know. As long as one of ours over the same amount is undecided, it may be that one.
    fn record(&self, plan: &mut Plan, known: &[Refund], seen: &RefundEvidence) {
        let undecided = |refund: &&Refund| {
            let asked = matches!(
                refund.state,
                RefundState::Processing { .. } | RefundState::Queued { .. } | RefundState::Unknown { .. }
            );
            asked && seen.money == Some(refund.money())
        };
        if seen.refund.is_some() {
            let problem = "the provider's refund names one that this gateway does not know".to_owned();
            plan.refuse(&seen.reference, problem, self.gateway.now());
        } else if known.iter().any(|refund| undecided(&refund)) {
            plan.wait("it may be a refund of ours whose outcome is not known yet");
        } else {
            match Refund::external(&plan.payment, seen, self.gateway.now()) {
                Ok(Some(refund)) => plan.open_refund(refund),
                Ok(None) => {}
                Err(problem) => plan.refuse(&seen.reference, problem.to_owned(), self.gateway.now()),
            }
        }
    }
}
