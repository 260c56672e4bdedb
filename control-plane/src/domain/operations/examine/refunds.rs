//! The refunds of a payment, ours and those made at the provider's dashboard.

use super::{Examiner, Plan, Trouble};
use crate::domain::evidence::{Adopted, Found, OwnCall, RefundEvidence, RefundLookUp};
use crate::domain::operations::recall::is_over;
use crate::domain::payment::State;
use crate::domain::provider::{OperationKind, ProviderRef};
use crate::domain::refund::{Refund, RefundState};

impl Examiner<'_> {
    /// Reads where all refunds of the payment stand and plans what follows. `one` must be among them.
    pub(in crate::domain::operations) async fn refunds(
        &self,
        mut plan: Plan,
        one: Option<&ProviderRef>,
    ) -> Result<Plan, Trouble> {
        let Some((charge, _)) = plan.payment.captured() else {
            return match (&plan.payment.state, plan.is_empty()) {
                // Nothing was taken, so nothing can go back: some account versions of Stripe call the release of a
                // hold a refund.
                (State::Canceled { .. } | State::Failed { .. } | State::Authorized(_), _) | (_, false) => {
                    Ok(plan)
                }
                (_, true) => Err(Trouble::Failed("a refund of what is not captured yet".to_owned())),
            };
        };
        let charge = charge.clone();
        // Read before: of a refund that is recorded later, the provider's list may say nothing.
        let asked = self.recorded(&plan).await?;
        let Some(shown) = self.look_at_refunds(&plan, one, charge).await? else { return Ok(plan) };
        // Read after: a refund is recorded before the provider can show it.
        let mut known = self.recorded(&plan).await?;
        for seen in shown.iter().filter(|seen| !plan.payment.is_release(seen)).collect::<Vec<_>>() {
            match known.iter().find(|refund| refund.is(seen)) {
                Some(refund) => self.adopt_refund(&mut plan, refund, seen),
                None => self.record(&mut plan, &mut known, seen, &shown),
            }
        }
        for refund in asked.iter().filter(|asked| known.contains(asked)) {
            if shown.iter().any(|seen| refund.is(seen)) {
                continue;
            }
            if let Some(moved) = refund.adopt_absence(self.no_call_is_left(refund), self.gateway.now()) {
                plan.move_refund(refund, moved);
            }
        }
        Ok(plan)
    }

    /// Our refunds of the payment. What the provider shows may be one that cannot be read, so none is taken for a new one
    /// then.
    async fn recorded(&self, plan: &Plan) -> Result<Vec<Refund>, Trouble> {
        let known = self.gateway.store.refunds(&plan.payment.client, plan.payment.id).await?;
        match known.unreadable.into_iter().next() {
            Some(unreadable) => Err(Trouble::Store(unreadable.into())),
            None => Ok(known.items),
        }
    }

    /// Whether no call of ours can execute the refund any more.
    fn no_call_is_left(&self, refund: &Refund) -> bool {
        let horizon = self.provider.repeat_within(OperationKind::Refund);
        refund.state.call().is_some_and(|call| call.is_left_to_records(horizon, self.gateway.now()))
    }

    async fn look_at_refunds(
        &self,
        plan: &Plan,
        one: Option<&ProviderRef>,
        charge: ProviderRef,
    ) -> Result<Option<Vec<RefundEvidence>>, Trouble> {
        let payment = plan.payment.reference.clone().unwrap_or_else(|| charge.clone());
        let Some(mut all) = self.read(&RefundLookUp::Of { payment, charge }).await? else { return Ok(None) };
        if let Some(refund) = one
            && all.iter().all(|seen| seen.reference != *refund)
        {
            let seen = self.read(&RefundLookUp::One(refund.clone())).await?;
            let missing = || Trouble::Failed("the provider does not show the refund of its event".to_owned());
            all.extend(seen.filter(|seen| !seen.is_empty()).ok_or_else(missing)?);
        }
        Ok(Some(all))
    }

    /// `None`: it cannot be read, which says nothing about what is there.
    async fn read(&self, which: &RefundLookUp) -> Result<Option<Vec<RefundEvidence>>, Trouble> {
        match self.provider.look_up_refunds(which).await {
            Found::Found(seen) => Ok(Some(seen)),
            Found::Missing | Found::CannotAsk => Ok(None),
            Found::Unavailable(doubt) => Err(Trouble::Failed(doubt.reason)),
        }
    }

    fn takes_the_place_of(
        &self,
        known: &[Refund],
        seen: &RefundEvidence,
        shown: &[RefundEvidence],
    ) -> Option<(usize, Refund)> {
        let now = self.gateway.now();
        let settled = |refund: &Refund| refund.settled_by(seen, shown, self.no_call_is_left(refund), now);
        known.iter().enumerate().find_map(|(at, refund)| Some((at, settled(refund)?)))
    }

    fn adopt_refund(&self, plan: &mut Plan, refund: &Refund, seen: &RefundEvidence) {
        let call = match &refund.state {
            RefundState::Processing { call } if !is_over(self.gateway, call.known_since()) => {
                OwnCall::MayAnswer
            }
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

    /// Not one that we know. As long as one of ours over the same amount is undecided, it may be that one; once no call
    /// of ours can execute it any more, it takes that one's place.
    fn record(
        &self,
        plan: &mut Plan,
        known: &mut Vec<Refund>,
        seen: &RefundEvidence,
        shown: &[RefundEvidence],
    ) {
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
        } else if let Some((at, moved)) = self.takes_the_place_of(known, seen, shown) {
            let refund = known.remove(at);
            plan.move_refund(&refund, moved);
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
