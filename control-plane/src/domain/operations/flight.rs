//! From an operation that is recorded as under way to its end: ask the provider, write down the answer.
//!
//! All that the call needs stands in the record, so the same flight can be flown again after a crash, under
//! the same provider key.

use edge_core::money::Money;

use super::record::record;
use super::{OperationError, commit};
use crate::domain::event::Event;
use crate::domain::gateway::Gateway;
use crate::domain::id::AttemptId;
use crate::domain::idempotency::Call;
use crate::domain::payment::{Cancelable, Failure, Flight, Operation, Payment, State};
use crate::domain::provider::{
    CancelOrder, CancelTarget, CaptureOrder, ChargeOrder, Outcome, PaymentProvider, ResumeOrder,
};
use crate::domain::store::{Change, Step};

/// Which call of one attempt this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nth {
    First,
    /// An earlier call may have been executed; its answer is not known.
    Repeated,
}

impl Nth {
    pub(super) fn heard<T>(self, answer: Outcome<T>) -> Outcome<T> {
        match self {
            Self::First => answer,
            Self::Repeated => answer.of_a_repeat(),
        }
    }
}

/// Records that `moved` is under way, together with the client's key, and then flies it.
pub(super) async fn depart(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    before: &Payment,
    moved: Payment,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    let event = Event::payment_moved(Some(&before.state), &moved, &call.cause);
    let step = Step::MovePayment { payment: moved.clone(), event };
    let change = Change { step, key: call.take(gateway.now()), webhook: None };
    commit(gateway, change, moved.id).await?;
    fly(gateway, provider, moved, Nth::First, call).await
}

/// `payment` has a flight; what comes back is what the client is told.
pub(super) async fn fly(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
    nth: Nth,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    let Some(Flight { attempt, operation, .. }) = payment.state.flight().cloned() else { return Ok(payment) };
    let id = payment.id;
    match operation {
        Operation::Charge => {
            let answer = nth.heard(provider.charge(&charge_order(&payment, attempt)).await);
            let told = |p| verdict(p, &answer, |s| matches!(s, State::Failed { .. }));
            record(gateway, payment, |p| p.charge_answered(answer.clone(), gateway.now()), told, call).await
        }
        Operation::Resume(session) => {
            let order = ResumeOrder {
                payment: id,
                attempt,
                money: payment.money(),
                capture: payment.request.capture,
                session: session.session,
            };
            let answer = nth.heard(provider.resume(&order).await);
            let stands = |s: &State| matches!(s, State::Failed { .. } | State::RequiresAction(_));
            let told = |p| verdict(p, &answer, stands);
            record(gateway, payment, |p| p.charge_answered(answer.clone(), gateway.now()), told, call).await
        }
        Operation::Capture { of, amount } => {
            let money = Money { amount, currency: payment.request.currency };
            let order = CaptureOrder { payment: id, attempt, authorization: of.authorization, money };
            let answer = nth.heard(provider.capture(&order).await);
            let told = |p| verdict(p, &answer, |s| matches!(s, State::Authorized(_)));
            record(gateway, payment, |p| p.capture_answered(answer.clone(), gateway.now()), told, call).await
        }
        Operation::Cancel(before) => {
            let target = match before {
                Cancelable::Session(waiting) => CancelTarget::Session(waiting.session),
                Cancelable::Authorization(held) => CancelTarget::Authorization(held.authorization),
            };
            let answer = nth.heard(provider.cancel(&CancelOrder { payment: id, attempt, target }).await);
            let stands = |s: &State| matches!(s, State::Authorized(_) | State::RequiresAction(_));
            let told = |p| verdict(p, &answer, stands);
            record(gateway, payment, |p| p.cancel_answered(answer.clone(), gateway.now()), told, call).await
        }
    }
}

fn charge_order(payment: &Payment, attempt: AttemptId) -> ChargeOrder {
    let request = &payment.request;
    ChargeOrder {
        payment: payment.id,
        attempt,
        money: payment.money(),
        method: request.payment_method_id.as_ref().map(|id| id.as_str().to_owned()),
        capture: request.capture,
        description: request.description.clone(),
        customer_reference: request.customer_reference.clone(),
        metadata: request.metadata.clone(),
        return_url: request.return_url.clone(),
    }
}

/// What the client is told about a payment as it is recorded.
pub(super) fn standing(payment: Payment) -> Result<Payment, OperationError> {
    match &payment.state {
        State::Failed { failure: Failure::Refused(refusal) } => {
            Err(OperationError::Refused { payment: payment.id, refusal: Box::new(refusal.clone()) })
        }
        State::Failed { failure: Failure::NotSent(doubt) } => {
            Err(OperationError::NotSent { payment: payment.id, doubt: doubt.clone() })
        }
        _ => Ok(payment),
    }
}

/// What the client is told: the provider's no where it `stands` in the payment as recorded, and otherwise
/// the payment (somebody else's evidence may have moved it on).
fn verdict<T>(
    payment: Payment,
    answer: &Outcome<T>,
    stands: impl Fn(&State) -> bool,
) -> Result<Payment, OperationError> {
    match answer {
        Outcome::Refused(refusal) if stands(&payment.state) => {
            Err(OperationError::Refused { payment: payment.id, refusal: Box::new(refusal.clone()) })
        }
        Outcome::NotSent(doubt) if stands(&payment.state) => {
            Err(OperationError::NotSent { payment: payment.id, doubt: doubt.clone() })
        }
        _ => Ok(payment),
    }
}
