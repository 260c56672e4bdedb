//! From an operation that is recorded as under way to its end: ask the provider, write down the answer.
//!
//! All that the call needs stands in the record, so the same flight can be flown again after a crash, under
//! the same provider key.

use edge_core::money::Money;
use jiff::Timestamp;

use super::record::{Answered, record};
use super::repeat::Patience;
use super::{OperationError, commit};
use crate::crash_point::reach;
use crate::domain::event::Event;
use crate::domain::gateway::Gateway;
use crate::domain::id::AttemptId;
use crate::domain::idempotency::Call;
use crate::domain::payment::{Cancelable, Failure, Flight, InvalidTransition, Operation, Payment, State};
use crate::domain::provider::{
    CancelOrder, CancelTarget, CaptureOrder, Captured, ChargeOrder, Charged, Doubt, Outcome, PaymentProvider,
    Refusal, ResumeOrder,
};
use crate::domain::store::{Change, Step};

/// Records that `moved` is under way, together with the client's key, and then flies it.
pub(super) async fn depart(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    before: &Payment,
    mut moved: Payment,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    gateway.under_way(&mut moved.follow_up);
    let event = Event::payment_moved(Some(&before.state), &moved, &call.cause);
    let step = Step::MovePayment { payment: moved.clone(), event };
    let change = Change { step, key: call.take(gateway.now()), webhook: None };
    commit(gateway, change, moved.id).await?;
    fly(gateway, provider, moved, Patience::of_a_request(gateway), call).await
}

/// `payment` has a flight; what comes back is what the client is told.
pub(super) async fn fly(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    mut payment: Payment,
    mut patience: Patience,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    loop {
        let Some(flight) = payment.state.flight().cloned() else { return standing(payment) };
        reach("after_intent").await;
        let answer = ask(provider, &payment, flight).await;
        reach("after_provider").await;
        let repeat = patience.repeat(gateway, provider.name(), answer.said.is_unknown());
        payment = record(gateway, payment, &answer, repeat.hold(), call).await?;
        if !(repeat.wait().await && matches!(payment.state, State::Unknown { .. })) {
            return Ok(payment);
        }
    }
}

/// What the provider answered, to which attempt. It says nothing of another one: whoever stood still meanwhile may find
/// the payment in a later flight.
struct Answer {
    attempt: AttemptId,
    said: Said,
}

enum Said {
    Charged(Outcome<Charged>),
    Captured(Outcome<Captured>),
    Canceled(Outcome<()>),
}

async fn ask(provider: &dyn PaymentProvider, payment: &Payment, flight: Flight) -> Answer {
    let Flight { attempt, operation, .. } = flight;
    let id = payment.id;
    let said = match operation {
        Operation::Charge => {
            let request = &payment.request;
            let order = ChargeOrder {
                payment: id,
                client: payment.client.clone(),
                attempt,
                money: payment.money(),
                method: request.payment_method_id.as_ref().map(|id| id.as_str().to_owned()),
                capture: request.capture,
                description: request.description.clone(),
                customer_reference: request.customer_reference.clone(),
                metadata: request.metadata.clone(),
                return_url: request.return_url.clone(),
            };
            Said::Charged(provider.charge(&order).await)
        }
        Operation::Resume(session) => {
            let (money, capture) = (payment.money(), payment.request.capture);
            let order = ResumeOrder { payment: id, attempt, money, capture, session: session.session };
            Said::Charged(provider.resume(&order).await)
        }
        Operation::Capture { of, amount } => {
            let money = Money { amount, currency: payment.request.currency };
            let order = CaptureOrder { payment: id, attempt, authorization: of.authorization, money };
            Said::Captured(provider.capture(&order).await)
        }
        Operation::Cancel(before) => {
            let target = match before {
                Cancelable::Session(waiting) => CancelTarget::Session(waiting.session),
                Cancelable::Authorization(held) => CancelTarget::Authorization(held.authorization),
            };
            Said::Canceled(provider.cancel(&CancelOrder { payment: id, attempt, target }).await)
        }
    };
    Answer { attempt, said }
}

impl Said {
    const fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Charged(Outcome::Unknown(_))
                | Self::Captured(Outcome::Unknown(_))
                | Self::Canceled(Outcome::Unknown(_))
        )
    }

    const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Charged(Outcome::Refused(refusal))
            | Self::Captured(Outcome::Refused(refusal))
            | Self::Canceled(Outcome::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the payment stands where a refusal of this operation leaves it.
    const fn stands_refused(&self, state: &State) -> bool {
        match self {
            Self::Charged(_) => matches!(state, State::Failed { .. } | State::RequiresAction(_)),
            Self::Captured(_) => matches!(state, State::Authorized(_)),
            Self::Canceled(_) => matches!(state, State::Authorized(_) | State::RequiresAction(_)),
        }
    }
}

impl Answered<Payment> for Answer {
    fn moves(&self, payment: Payment, at: Timestamp) -> Result<Payment, InvalidTransition> {
        if payment.state.flight().is_none_or(|flight| flight.attempt != self.attempt) {
            return Err(InvalidTransition {
                from: payment.state.name(),
                wanted: "answered for that attempt",
            });
        }
        match &self.said {
            Said::Charged(answer) => payment.charge_answered(answer.clone(), at),
            Said::Captured(answer) => payment.capture_answered(answer.clone(), at),
            Said::Canceled(answer) => payment.cancel_answered(answer.clone(), at),
        }
    }

    /// The provider's no where it stands in the payment as recorded, and otherwise what is recorded: somebody
    /// else's evidence may have moved the payment on, and may have been a no.
    fn told(&self, payment: Payment) -> Result<Payment, OperationError> {
        match self.said.refusal() {
            Some(refusal) if self.said.stands_refused(&payment.state) => {
                Err(OperationError::Refused { payment: payment.id, refusal: Box::new(refusal.clone()) })
            }
            _ => standing(payment),
        }
    }

    fn doubt(&self) -> Option<&Doubt> {
        match &self.said {
            Said::Charged(answer) => answer.doubt(),
            Said::Captured(answer) => answer.doubt(),
            Said::Canceled(answer) => answer.doubt(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::PaymentId;
    use crate::domain::provider::{ProviderRef, RefusalKind};
    use edge_core::client::ClientId;
    use edge_core::request::ChargeRequest;

    /// A webhook told of the decline while the call's own answer was lost.
    #[test]
    fn a_decline_that_others_heard_of_is_told_as_a_decline() {
        let body = br#"{"provider":"stripe","amount":100,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
        let (at, client) = (Timestamp::UNIX_EPOCH, ClientId::parse("demo").unwrap());
        let request = ChargeRequest::parse(body).unwrap();
        let payment = Payment::open(PaymentId::new(at, [1; 10]), client, request, None, at);
        let begun = payment.begin_charge(AttemptId::new(at, [2; 10]), at).unwrap();
        let no = Refusal {
            kind: RefusalKind::Declined,
            code: None,
            decline_code: None,
            message: "no".to_owned(),
            reference: None,
        };
        let failed = begun.charge_answered(Outcome::Refused(no), at).unwrap();
        let said = Said::Charged(Outcome::Unknown(Doubt::new("cut")));
        let lost = Answer { attempt: AttemptId::new(at, [2; 10]), said };
        let told = lost.told(failed);
        assert!(matches!(told, Err(OperationError::Refused { .. })), "{told:?}");
    }

    #[test]
    fn a_late_answer_to_an_earlier_capture_decides_nothing_about_the_next_one() {
        let at = Timestamp::UNIX_EPOCH;
        let [charge, earlier, later] = [1, 2, 3].map(|n| AttemptId::new(at, [n; 10]));
        let request = br#"{"provider":"stripe","amount":100,"currency":"USD","paymentMethodId":"pm_1","capture":"manual"}"#;
        let request = ChargeRequest::parse(request).unwrap();
        let (id, client) = (PaymentId::new(at, [0; 10]), ClientId::parse("demo").unwrap());
        let reference = ProviderRef::new("pi_1");
        let held = Charged::Authorized { payment: reference.clone(), authorization: reference.clone() };
        let payment = Payment::open(id, client, request, None, at);
        let payment = payment.begin_charge(charge, at).unwrap();
        let payment = payment.charge_answered(Outcome::Done(held), at).unwrap();
        let payment = payment.begin_capture(None, later, at).unwrap();
        let said = || Said::Captured(Outcome::Done(Captured::Completed { charge: reference.clone() }));
        assert!(Answer { attempt: earlier, said: said() }.moves(payment.clone(), at).is_err());
        assert!(Answer { attempt: later, said: said() }.moves(payment, at).is_ok());
    }
}
