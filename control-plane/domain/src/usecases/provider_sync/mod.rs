//! Reads a payment's records at the provider and derives what follows from them.

mod plan;
mod refunds;
mod sync_error;

use jiff::SignedDuration;

pub use self::plan::EVIDENCE_REFUSED;
pub(crate) use self::plan::Plan;
pub(crate) use self::refunds::NamedRefund;
pub(crate) use self::sync_error::SyncError;

use crate::model::payment::{Payment, State};
use crate::model::provider::ProviderRef;
use crate::model::snapshot::{Absence, Applied, Found, LookUp, OwnCall, ProviderSnapshot};
use crate::ports::provider::PaymentProvider;
use crate::ports::store::StoreError;
use crate::usecases::gateway::Gateway;

/// The maximum skew between the provider's clock and ours.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

/// How long after a payment's creation its first call may have reached the provider.
const MADE_WITHIN: SignedDuration = SignedDuration::from_hours(24);

impl From<StoreError> for SyncError {
    fn from(problem: StoreError) -> Self {
        Self::Store(problem)
    }
}

/// The result of a read.
pub(crate) enum Fetched {
    Seen(Box<ProviderSnapshot>),
    /// The provider shows no such object. Without an [`Absence`] that proves nothing: the provider does not support the
    /// lookup, or the reference used may not exist.
    Nothing(Option<Absence>),
}

/// Reads one provider on behalf of the gateway.
#[derive(Clone, Copy)]
pub(crate) struct ProviderSync<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) provider: &'a dyn PaymentProvider,
}

impl ProviderSync<'_> {
    /// Reads the payment's state at the provider, by the most specific reference first: the payment's, its charge's,
    /// then our id.
    pub(crate) async fn fetch(
        &self,
        payment: &Payment,
        reference: Option<&ProviderRef>,
        charge: Option<&ProviderRef>,
    ) -> Result<Fetched, SyncError> {
        let by_name = reference.or(payment.reference.as_ref()).cloned().map(LookUp::Payment);
        let by_charge = charge.cloned().map(LookUp::Charge);
        let wanted =
            payment.state.in_flight().map_or(payment.created_at, |in_flight| in_flight.call.known_since());
        let by_id = LookUp::Ours {
            payment: payment.id,
            from: payment.created_at - CLOCKS_APART,
            to: wanted.max(payment.created_at) + MADE_WITHIN,
        };
        let mut absence = None;
        for what in by_name.into_iter().chain(by_charge).chain([by_id]) {
            match (self.provider.look_up(&what).await, &what) {
                (Found::Found(seen), _) => return Ok(Fetched::Seen(Box::new(seen))),
                (Found::Missing, LookUp::Payment(name)) if payment.reference.as_ref() == Some(name) => {
                    absence = Some(Absence::Gone);
                }
                // A payment with a reference at the provider is looked up by that.
                (Found::Missing, LookUp::Ours { .. }) if payment.reference.is_none() => {
                    absence = Some(Absence::NotListed);
                }
                (Found::Missing | Found::CannotAsk, _) => {}
                (Found::Unavailable(uncertainty), _) => return Err(SyncError::Failed(uncertainty.reason)),
            }
        }
        Ok(Fetched::Nothing(absence))
    }

    /// Reads the plan's payment and plans what follows from its state or its certain absence.
    pub(crate) async fn fetch_and_apply(
        &self,
        plan: &mut Plan,
        reference: Option<&ProviderRef>,
        charge: Option<&ProviderRef>,
    ) -> Result<Option<ProviderSnapshot>, SyncError> {
        let fetched = self.fetch(&plan.payment, reference, charge).await?;
        self.apply_fetched(plan, fetched)
    }

    /// Plans what follows from a read of the plan's payment.
    pub(crate) fn apply_fetched(
        &self,
        plan: &mut Plan,
        fetched: Fetched,
    ) -> Result<Option<ProviderSnapshot>, SyncError> {
        match fetched {
            Fetched::Seen(seen) => {
                self.apply(plan, &seen)?;
                Ok(Some(*seen))
            }
            Fetched::Nothing(None) => Ok(None),
            Fetched::Nothing(Some(absence)) => {
                let payment = &plan.payment;
                let is_left = self.is_left_to_records(payment);
                let at = self.gateway.now();
                let mut applied = payment.apply_absence(absence, is_left, at);
                if plan.ends_lost_offers && absence == Absence::Gone && matches!(applied, Applied::Known) {
                    applied = payment.end_lost_offer(at);
                }
                if let Applied::Moved(moved) = applied {
                    plan.move_payment(moved, self.gateway, None);
                }
                Ok(None)
            }
        }
    }

    /// Whether none of our calls can still execute the in-flight operation.
    fn is_left_to_records(&self, payment: &Payment) -> bool {
        payment.state.in_flight().is_some_and(|in_flight| {
            let horizon = self.provider.repeat_within(in_flight.operation.kind());
            in_flight.call.is_left_to_records(horizon, self.gateway.now())
        })
    }

    /// Plans the transition of the payment itself.
    pub(crate) fn apply(&self, plan: &mut Plan, seen: &ProviderSnapshot) -> Result<(), SyncError> {
        let payment = &plan.payment;
        let is_left = self.is_left_to_records(payment);
        match payment.apply(seen, self.own_call(payment), is_left, self.gateway.now()) {
            Applied::Known => {}
            Applied::Wait => return Err(SyncError::Wait("a call of our own is in flight")),
            Applied::Moved(mut moved) => {
                self.gateway.reschedule(&mut moved.follow_up);
                plan.move_payment(moved, self.gateway, Some(&seen.provider_status));
            }
            Applied::Surprising(moved) => {
                tracing::error!(
                    payment.id = %moved.id, was = payment.state.name(), is = moved.state.name(),
                    "money moved at the provider for a payment that was recorded as ended without money"
                );
                metrics::counter!("payments_revived_total", "provider" => self.provider.name().name())
                    .increment(1);
                plan.move_payment(moved, self.gateway, Some(&seen.provider_status));
            }
            Applied::Refused(problem) => plan.refuse(&seen.reference, problem, self.gateway.now()),
        }
        Ok(())
    }

    fn own_call(&self, payment: &Payment) -> OwnCall {
        match &payment.state {
            State::Processing { in_flight, accepted: false }
                if !self.gateway.is_over(in_flight.call.known_since()) =>
            {
                OwnCall::MayAnswer
            }
            _ => OwnCall::IsOver,
        }
    }
}
