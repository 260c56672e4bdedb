//! Syncs the refunds of a payment, our own and those made at the provider's dashboard.

use jiff::{SignedDuration, Timestamp};

use super::{Plan, ProviderSync, SyncError};
use crate::model::payment::State;
use crate::model::provider::{OperationKind, ProviderRef};
use crate::model::refund::{Refund, RefundState};
use crate::model::snapshot::{Applied, Found, OwnCall, RefundLookUp, RefundSnapshot};

/// How long after an event the provider may still not show the refund that the event names. After that it never will:
/// the provider sends the event after the refund, and the named object may not be a refund (PayPal's reversals). If
/// this is wrong, reconciliation finds it.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// The refund that an event names, and when the event was received.
#[derive(Clone, Copy)]
pub(crate) struct NamedRefund<'a> {
    pub(crate) refund: &'a ProviderRef,
    pub(crate) since: Timestamp,
}

impl ProviderSync<'_> {
    /// Reads all refunds of the payment and plans what follows. `named` must be among them.
    pub(crate) async fn refunds(
        &self,
        mut plan: Plan,
        named: Option<NamedRefund<'_>>,
    ) -> Result<Plan, SyncError> {
        let Some((charge, _)) = plan.payment.captured() else {
            return match (&plan.payment.state, plan.is_empty()) {
                // Nothing was captured, so nothing can be refunded: some account versions of Stripe report the release
                // of a hold as a refund.
                (State::Canceled { .. } | State::Failed { .. } | State::Authorized(_), _) | (_, false) => {
                    Ok(plan)
                }
                (_, true) => Err(SyncError::Failed("a refund of what is not captured yet".to_owned())),
            };
        };
        let charge = charge.clone();
        // Read before: the provider's list need not contain refunds recorded later.
        let asked = self.recorded(&plan).await?;
        let Some(shown) = self.fetch_refunds(&plan, named, &charge).await? else { return Ok(plan) };
        // Read after: a refund is recorded before the provider can show it.
        let mut known = self.recorded(&plan).await?;
        for seen in shown.iter().filter(|seen| !plan.payment.is_release(seen)).collect::<Vec<_>>() {
            match known.iter().find(|refund| refund.is(seen)) {
                Some(refund) => self.apply_refund(&mut plan, refund, seen),
                None => self.record(&mut plan, &mut known, seen, &shown),
            }
        }
        for refund in asked.iter().filter(|asked| known.contains(asked)) {
            if shown.iter().any(|seen| refund.is(seen)) {
                continue;
            }
            if let Some(moved) = refund.apply_absence(self.no_call_is_left(refund), self.gateway.now()) {
                plan.move_refund(refund, moved);
            }
        }
        match named {
            Some(named) if plan.is_empty() && !shown.iter().any(|seen| stands_for(seen, named, &charge)) => {
                self.not_shown(plan, named)
            }
            _ => Ok(plan),
        }
    }

    /// The event's refund is missing and the read changed nothing else: reports it to an operator, once.
    fn not_shown(&self, mut plan: Plan, named: NamedRefund<'_>) -> Result<Plan, SyncError> {
        let problem = "the provider does not show the refund of its event";
        let now = self.gateway.now();
        if now.duration_since(named.since) < SHOWN_WITHIN {
            return Err(SyncError::Failed(problem.to_owned()));
        }
        plan.refuse(named.refund, format!("{problem}: it may have taken the money back without one"), now);
        Ok(plan)
    }

    /// Our recorded refunds of the payment. Fails if one is unreadable: the provider's refund may be that one, so none
    /// is treated as new.
    async fn recorded(&self, plan: &Plan) -> Result<Vec<Refund>, SyncError> {
        let known = self.gateway.store.refunds(&plan.payment.client, plan.payment.id).await?;
        match known.unreadable.into_iter().next() {
            Some(unreadable) => Err(SyncError::Store(unreadable.into())),
            None => Ok(known.items),
        }
    }

    /// Whether none of our calls can still execute the refund.
    fn no_call_is_left(&self, refund: &Refund) -> bool {
        let horizon = self.provider.repeat_within(OperationKind::Refund);
        refund.state.call().is_some_and(|call| call.is_left_to_records(horizon, self.gateway.now()))
    }

    async fn fetch_refunds(
        &self,
        plan: &Plan,
        named: Option<NamedRefund<'_>>,
        charge: &ProviderRef,
    ) -> Result<Option<Vec<RefundSnapshot>>, SyncError> {
        let payment = plan.payment.reference.clone().unwrap_or_else(|| charge.clone());
        let all = RefundLookUp::Of { payment, charge: charge.clone() };
        let Some(mut all) = self.read(&all).await? else { return Ok(None) };
        if let Some(NamedRefund { refund, .. }) = named
            && all.iter().all(|seen| seen.reference != *refund)
        {
            let seen = self.read(&RefundLookUp::One(refund.clone())).await?;
            all.extend(seen.into_iter().flatten());
        }
        Ok(Some(all))
    }

    /// `None`: the refunds cannot be read, which proves nothing about their existence.
    async fn read(&self, which: &RefundLookUp) -> Result<Option<Vec<RefundSnapshot>>, SyncError> {
        match self.provider.look_up_refunds(which).await {
            Found::Found(seen) => Ok(Some(seen)),
            Found::Missing | Found::CannotAsk => Ok(None),
            Found::Unavailable(uncertainty) => Err(SyncError::Failed(uncertainty.reason)),
        }
    }

    fn takes_the_place_of(
        &self,
        known: &[Refund],
        seen: &RefundSnapshot,
        shown: &[RefundSnapshot],
    ) -> Option<(usize, Refund)> {
        let now = self.gateway.now();
        let resolved = |refund: &Refund| refund.resolved_by(seen, shown, self.no_call_is_left(refund), now);
        known.iter().enumerate().find_map(|(at, refund)| Some((at, resolved(refund)?)))
    }

    fn apply_refund(&self, plan: &mut Plan, refund: &Refund, seen: &RefundSnapshot) {
        let call = match &refund.state {
            RefundState::Processing { call } if !self.gateway.is_over(call.known_since()) => {
                OwnCall::MayAnswer
            }
            _ => OwnCall::IsOver,
        };
        match refund.apply(seen, call, self.gateway.now()) {
            Applied::Known => {}
            Applied::Wait => plan.wait("a call of our own is in flight"),
            Applied::Moved(mut moved) | Applied::Surprising(mut moved) => {
                self.gateway.reschedule(&mut moved.follow_up);
                plan.move_refund(refund, moved);
            }
            Applied::Refused(problem) => plan.refuse(&seen.reference, problem, self.gateway.now()),
        }
    }

    /// Handles a refund that is not recorded. While one of ours with the same amount is undecided, it may be that one;
    /// once none of our calls can still execute ours, it resolves ours.
    fn record(
        &self,
        plan: &mut Plan,
        known: &mut Vec<Refund>,
        seen: &RefundSnapshot,
        shown: &[RefundSnapshot],
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

/// Whether this is the refund that the event names, or a reversal, which is named by the charge.
fn stands_for(seen: &RefundSnapshot, named: NamedRefund<'_>, charge: &ProviderRef) -> bool {
    seen.reference == *named.refund || seen.reference == *charge
}
