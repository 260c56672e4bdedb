//! Looking at the provider's records of a payment, and what follows from them.

mod plan;
mod refunds;

use jiff::SignedDuration;

pub(super) use self::plan::Plan;

use super::recall::is_over;
use crate::domain::evidence::{Adopted, Evidence, Found, LookUp, OwnCall};
use crate::domain::gateway::Gateway;
use crate::domain::payment::{Flight, Payment, State};
use crate::domain::provider::{PaymentProvider, ProviderRef};
use crate::domain::store::StoreError;

/// How far the provider's clock may be from ours.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);
/// How long after a payment its first call may have reached the provider.
const MADE_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Why it has to be looked at again later.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody is working on the payment.
    Wait(&'static str),
    Failed(String),
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(problem: StoreError) -> Self {
        Self::Store(problem)
    }
}

impl Trouble {
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Wait(reason) => (*reason).to_owned(),
            Self::Failed(reason) => reason.clone(),
            Self::Store(problem) => problem.to_string(),
        }
    }
}

/// Who looks.
#[derive(Clone, Copy)]
pub(super) struct Examiner<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) provider: &'a dyn PaymentProvider,
}

impl Examiner<'_> {
    /// Where the payment stands at the provider, by the nearest name first: that of the whole payment, of its charge,
    /// and ours. `None`: it shows no such thing, which proves little (what was made a moment ago may not be listed).
    pub(super) async fn look(
        &self,
        payment: &Payment,
        reference: Option<&ProviderRef>,
        charge: Option<&ProviderRef>,
    ) -> Result<Option<Evidence>, Trouble> {
        let by_name = reference.or(payment.reference.as_ref()).cloned().map(LookUp::Payment);
        let by_charge = charge.cloned().map(LookUp::Charge);
        let wanted = payment.state.flight().map_or(payment.created_at, Flight::known_since);
        let by_id = LookUp::Ours {
            payment: payment.id,
            from: payment.created_at - CLOCKS_APART,
            to: wanted.max(payment.created_at) + MADE_WITHIN,
        };
        for what in by_name.into_iter().chain(by_charge).chain([by_id]) {
            match self.provider.look_up(&what).await {
                Found::Found(seen) => return Ok(Some(seen)),
                Found::Missing | Found::CannotAsk => {}
                Found::Unavailable(doubt) => return Err(Trouble::Failed(doubt.reason)),
            }
        }
        Ok(None)
    }

    /// Plans what follows for the payment itself.
    pub(super) fn adopt(&self, plan: &mut Plan, seen: &Evidence) -> Result<(), Trouble> {
        let payment = &plan.payment;
        match payment.adopt(seen, self.own_call(payment), self.gateway.now()) {
            Adopted::Known => {}
            Adopted::Wait => return Err(Trouble::Wait("a call of our own is under way")),
            Adopted::Moved(mut moved) => {
                self.gateway.look_again(&mut moved.follow_up);
                plan.move_payment(moved);
            }
            Adopted::Surprising(moved) => {
                tracing::error!(
                    payment.id = %moved.id, was = payment.state.name(), is = moved.state.name(),
                    "the provider moved the money of a payment that was recorded as ended without"
                );
                metrics::counter!("payments_revived_total", "provider" => self.provider.name().name())
                    .increment(1);
                plan.move_payment(moved);
            }
            Adopted::Refused(problem) => plan.refuse(&seen.reference, problem, self.gateway.now()),
        }
        Ok(())
    }

    fn own_call(&self, payment: &Payment) -> OwnCall {
        match &payment.state {
            State::Processing { flight, accepted: false } if !is_over(self.gateway, flight.known_since()) => {
                OwnCall::MayAnswer
            }
            _ => OwnCall::IsOver,
        }
    }
}
