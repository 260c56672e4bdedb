//! The calls that a payment makes: charge, resume, capture and cancel.

use std::fmt::Display;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::provider::Provider;
use jiff::Timestamp;

use super::OperationError;
use super::examine::{Examiner, Plan, Trouble};
use super::record::Answered;
use super::resolvable::{Phase, Resolvable};
use crate::domain::event::{Cause, Event};
use crate::domain::evidence::{Adopted, Evidence, Found, LookUp, OwnCall};
use crate::domain::follow_up::FollowUp;
use crate::domain::gateway::Gateway;
use crate::domain::id::{AttemptId, PaymentId};
use crate::domain::idempotency::{Asked, Call, Decided, Subject};
use crate::domain::payment::{
    Cancelable, Failure, Flight, InvalidTransition, Operation, Payment, Session, State, Status,
};
use crate::domain::provider::{
    CancelOrder, CancelTarget, CaptureOrder, Captured, ChargeOrder, Charged, Doubt, OperationKind, Outcome,
    PaymentProvider, Refusal, RefusalKind, ResumeOrder,
};
use crate::domain::queue::Work;
use crate::domain::store::{Step, Store, StoreError};

/// What the provider answered, to which attempt. It says nothing of another one: a caller that stood still meanwhile may
/// find the payment in a later flight.
pub(super) struct PaymentAnswer {
    attempt: AttemptId,
    said: Said,
    /// Where the provider's object stands, read because the refusal says that it is not where we take it to be.
    seen: Option<Evidence>,
}

enum Said {
    Charged(Outcome<Charged>),
    Captured(Outcome<Captured>),
    Canceled(Outcome<()>),
}

impl Said {
    const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Charged(Outcome::Refused(refusal))
            | Self::Captured(Outcome::Refused(refusal))
            | Self::Canceled(Outcome::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the payment stands where this refusal leaves it.
    fn stands_refused(&self, refusal: &Refusal, state: &State) -> bool {
        if refusal.kind == RefusalKind::Expired {
            return matches!(state, State::Canceled { .. });
        }
        match self {
            Self::Charged(_) => {
                // The refusal's own evidence may say that it has ended.
                let is_over = refusal.kind == RefusalKind::State && matches!(state, State::Canceled { .. });
                is_over || matches!(state, State::Failed { .. } | State::RequiresAction(_))
            }
            Self::Captured(_) => matches!(state, State::Authorized(_)),
            Self::Canceled(_) => matches!(state, State::Authorized(_) | State::RequiresAction(_)),
        }
    }
}

impl Answered<Payment> for PaymentAnswer {
    fn moves(&self, payment: Payment, at: Timestamp) -> Result<Payment, InvalidTransition> {
        if payment.state.flight().is_none_or(|flight| flight.call.attempt != self.attempt) {
            return Err(InvalidTransition {
                from: payment.state.name(),
                wanted: "answered for that attempt",
            });
        }
        let moved = match &self.said {
            Said::Charged(answer) => payment.charge_answered(answer.clone(), at),
            Said::Captured(answer) => payment.capture_answered(answer.clone(), at),
            Said::Canceled(answer) => payment.cancel_answered(answer.clone(), at),
        }?;
        Ok(match &self.seen {
            Some(seen) => with_evidence(moved, seen, at),
            None => moved,
        })
    }

    /// The provider's no where it stands in the payment as recorded, and otherwise what is recorded: evidence from
    /// elsewhere may have moved the payment on, and may have been a no.
    fn told(&self, payment: Payment, asked: Asked) -> Result<Payment, OperationError> {
        match self.said.refusal() {
            Some(refusal) if self.said.stands_refused(refusal, &payment.state) => {
                Err(OperationError::Refused { payment: payment.id, refusal: Box::new(refusal.clone()) })
            }
            _ => payment.outcome_of(asked),
        }
    }

    fn doubt(&self) -> Option<&Doubt> {
        match &self.said {
            Said::Charged(answer) => answer.doubt(),
            Said::Captured(answer) => answer.doubt(),
            Said::Canceled(answer) => answer.doubt(),
        }
    }

    fn is_unknown(&self) -> bool {
        matches!(
            self.said,
            Said::Charged(Outcome::Unknown(_))
                | Said::Captured(Outcome::Unknown(_))
                | Said::Canceled(Outcome::Unknown(_))
        )
    }
}

/// A refused operation goes back to where it came from, and on to where the provider shows the payment: one move.
fn with_evidence(refused: Payment, seen: &Evidence, at: Timestamp) -> Payment {
    if refused.state.status() == Status::Pending {
        return refused;
    }
    match refused.adopt(seen, OwnCall::IsOver, false, at) {
        Adopted::Moved(moved) | Adopted::Surprising(moved) => Payment { version: refused.version, ..moved },
        Adopted::Known | Adopted::Wait | Adopted::Refused(_) => refused,
    }
}

impl Decided for Payment {
    fn subject(&self) -> Subject {
        Subject::Payment(self.id)
    }

    fn is_decided(&self) -> bool {
        self.state.status() != Status::Pending
    }

    fn outcome_of(self, asked: Asked) -> Result<Self, OperationError> {
        use OperationKind::{Cancel, Capture, Charge, Resume};
        let payment = self.id;
        let wanted = asked.amount.unwrap_or(self.request.amount);
        match (&self.state, asked.operation) {
            (_, Capture | Cancel) if !self.is_decided() => Ok(self),
            (State::Captured { captured, .. }, Capture) if *captured == wanted => Ok(self),
            (State::Captured { captured, .. }, Capture) => {
                let (captured, currency) = (captured.minor(), self.request.currency);
                let problem =
                    format!("{captured} {currency} of it, in minor units, were captured by another request");
                Err(OperationError::Superseded { payment, problem })
            }
            (State::Canceled { .. }, Cancel) => Ok(self),
            (State::Canceled { .. }, Charge | Resume) => {
                let problem = "the payment was canceled before it was charged".to_owned();
                Err(OperationError::Superseded { payment, problem })
            }
            (state, Cancel) if state.is_to_be_refunded() => Ok(self),
            (State::Authorized(_) | State::RequiresAction(_), Capture | Cancel) => {
                Err(OperationError::GivenUp { payment, operation: asked.operation.name() })
            }
            (state, Capture | Cancel) => {
                let reason = match state {
                    State::Canceled { reason: Some(reason) } => format!(" ({})", reason.name()),
                    _ => String::new(),
                };
                let not = if asked.operation == Capture { "captured" } else { "canceled" };
                let problem = format!("the payment is {}{reason}, so it was not {not}", state.name());
                Err(OperationError::Superseded { payment, problem })
            }
            (State::Failed { failure: Failure::Refused(refusal) }, _) => {
                Err(OperationError::Refused { payment, refusal: Box::new(refusal.clone()) })
            }
            (State::Failed { failure: Failure::NotSent(doubt) }, _) => {
                Err(OperationError::NotSent { payment, doubt: doubt.clone() })
            }
            _ => Ok(self),
        }
    }
}

#[async_trait]
impl Resolvable for Payment {
    type Context = ();
    type Answer = PaymentAnswer;

    fn id(&self) -> &(dyn Display + Sync) {
        &self.id
    }

    fn client(&self) -> &ClientId {
        &self.client
    }

    fn payment(&self) -> PaymentId {
        self.id
    }

    fn work(&self) -> Work {
        Work::Payment(self.id)
    }

    fn phase(&self) -> Phase {
        match &self.state {
            State::Processing { flight, accepted: false } => Phase::Calling(flight.call.clone()),
            State::Queued { flight, .. } => Phase::Queued(flight.call.clone()),
            State::Unknown { flight, .. } => Phase::Unknown(flight.call.clone()),
            _ => Phase::Other,
        }
    }

    fn operation(&self) -> OperationKind {
        self.state.flight().map_or(OperationKind::Charge, |flight| flight.operation.kind())
    }

    fn provider(&self, (): &()) -> Provider {
        self.request.provider
    }

    fn follow_up(&mut self) -> &mut Option<FollowUp> {
        &mut self.follow_up
    }

    fn step(&self, moved: Self, cause: &Cause) -> Step {
        let event = Event::payment_moved(Some(&self.state), &moved, cause);
        Step::MovePayment { payment: moved, event }
    }

    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError> {
        store.payment(&self.client, self.id).await
    }

    async fn context(&self, _: &dyn Store) -> Result<Option<()>, StoreError> {
        Ok(Some(()))
    }

    fn going_on(&self, cause: Cause, gateway: &Gateway) -> Call<Self> {
        Call::going_on(self, cause, &gateway.renders)
    }

    async fn send(&self, provider: &dyn PaymentProvider, (): &()) -> Option<PaymentAnswer> {
        let flight = self.state.flight()?;
        let said = call(self, provider, flight).await;
        let seen = match said.refusal() {
            Some(Refusal { kind: RefusalKind::State, .. }) => look_once(self, provider).await,
            _ => None,
        };
        Some(PaymentAnswer { attempt: flight.call.attempt, said, seen })
    }

    async fn look(self, examiner: Examiner<'_>, (): (), cause: &Cause) -> Result<bool, Trouble> {
        let mut plan = Plan::new(self, cause.clone());
        examiner.look_and_adopt(&mut plan, None, None).await?;
        plan.commit_what_is_believed(examiner.gateway).await
    }
}

/// Where the provider shows the payment now. What cannot be read now is found later.
async fn look_once(payment: &Payment, provider: &dyn PaymentProvider) -> Option<Evidence> {
    let reference = payment.reference.clone()?;
    match provider.look_up(&LookUp::Payment(reference)).await {
        Found::Found(seen) => Some(seen),
        Found::Missing | Found::CannotAsk | Found::Unavailable(_) => None,
    }
}

async fn call(payment: &Payment, provider: &dyn PaymentProvider, flight: &Flight) -> Said {
    let (id, attempt) = (payment.id, flight.call.attempt);
    match flight.operation.clone() {
        Operation::Charge => Said::Charged(provider.charge(&charge_order(payment, attempt)).await),
        Operation::Resume(session) => {
            let (money, capture) = (payment.money(), payment.request.capture);
            let Session { session, url: page, .. } = session;
            let order = ResumeOrder { payment: id, attempt, money, capture, session, page };
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
    }
}

fn charge_order(payment: &Payment, attempt: AttemptId) -> ChargeOrder {
    let request = &payment.request;
    ChargeOrder {
        payment: payment.id,
        client: payment.client.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::provider::ProviderRef;
    use edge_core::money::Amount;
    use edge_core::request::ChargeRequest;

    fn charge(more: &str) -> Payment {
        let body = format!(
            r#"{{"provider":"stripe","amount":100,"currency":"USD","paymentMethodId":"pm_card_visa"{more}}}"#
        );
        let (at, client) = (Timestamp::UNIX_EPOCH, ClientId::parse("demo").unwrap());
        let request = ChargeRequest::parse(body.as_bytes()).unwrap();
        Payment::open(PaymentId::new(at, [1; 10]), client, request, None, at)
            .begin_charge(AttemptId::new(at, [1; 10]), None, at)
            .unwrap()
    }

    fn authorized() -> Payment {
        let reference = ProviderRef::new("pi_1");
        let held = Charged::Authorized { payment: reference.clone(), authorization: reference };
        charge(r#","capture":"manual""#).charge_answered(Outcome::Done(held), Timestamp::UNIX_EPOCH).unwrap()
    }

    fn refusal(kind: RefusalKind) -> Refusal {
        Refusal { kind, code: None, decline_code: None, message: "no".to_owned(), reference: None }
    }

    /// A webhook told of the decline while the call's own answer was lost.
    #[test]
    fn a_decline_that_others_heard_of_is_told_as_a_decline() {
        let at = Timestamp::UNIX_EPOCH;
        let failed =
            charge("").charge_answered(Outcome::Refused(refusal(RefusalKind::Declined)), at).unwrap();
        let said = Said::Charged(Outcome::Unknown(Doubt::new("cut")));
        let lost = PaymentAnswer { attempt: AttemptId::new(at, [1; 10]), said, seen: None };
        let told = lost.told(failed, OperationKind::Charge.into());
        assert!(matches!(told, Err(OperationError::Refused { .. })), "{told:?}");
    }

    #[test]
    fn a_late_answer_to_an_earlier_capture_decides_nothing_about_the_next_one() {
        let at = Timestamp::UNIX_EPOCH;
        let [earlier, later] = [2, 3].map(|n| AttemptId::new(at, [n; 10]));
        let payment = authorized().begin_capture(None, later, None, at).unwrap();
        let done = || Said::Captured(Outcome::Done(Captured::Completed { charge: ProviderRef::new("pi_1") }));
        let answer = |attempt| PaymentAnswer { attempt, said: done(), seen: None };
        assert!(answer(earlier).moves(payment.clone(), at).is_err());
        assert!(answer(later).moves(payment, at).is_ok());
    }

    #[test]
    fn a_refused_capture_adopts_what_the_provider_shows_in_the_same_move() {
        let at = Timestamp::UNIX_EPOCH;
        let attempt = AttemptId::new(at, [2; 10]);
        let payment = authorized().begin_capture(None, attempt, None, at).unwrap();
        let seen = Evidence {
            reference: ProviderRef::new("pi_1"),
            payment: Some(payment.id),
            money: Some(payment.money()),
            standing: crate::domain::evidence::Standing::Canceled { is_expired: true },
        };
        let said = Said::Captured(Outcome::Refused(refusal(RefusalKind::State)));
        let answer = PaymentAnswer { attempt, said, seen: Some(seen) };
        let moved = answer.moves(payment.clone(), at).unwrap();
        assert_eq!(moved.version, payment.version + 1);
        assert_eq!(moved.state.name(), "canceled");
        let told = answer.told(moved, OperationKind::Capture.into());
        assert!(matches!(told, Err(OperationError::Superseded { .. })), "{told:?}");
    }

    #[test]
    fn a_capture_of_another_amount_elsewhere_is_no_success_of_this_one() {
        let attempt = AttemptId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        let captured = authorized()
            .begin_capture(Amount::new(40), attempt, None, Timestamp::UNIX_EPOCH)
            .unwrap()
            .capture_answered(
                Outcome::Done(Captured::Completed { charge: ProviderRef::new("pi_1") }),
                Timestamp::UNIX_EPOCH,
            )
            .unwrap();
        let told = |amount| {
            let asked = Asked { operation: OperationKind::Capture, amount };
            captured.clone().outcome_of(asked)
        };
        assert!(told(Amount::new(40)).is_ok());
        for other in [Amount::new(30), None] {
            assert!(matches!(told(other), Err(OperationError::Superseded { .. })), "{other:?}");
        }
    }

    #[test]
    fn a_charge_that_was_canceled_first_is_no_success() {
        let queued = charge("").charge_answered(Outcome::NotSent(Doubt::new("away")), Timestamp::UNIX_EPOCH);
        let attempt = AttemptId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        let canceled = queued.unwrap().begin_cancel(attempt, None, Timestamp::UNIX_EPOCH).unwrap();
        let told = canceled.outcome_of(OperationKind::Charge.into());
        assert!(matches!(told, Err(OperationError::Superseded { .. })), "{told:?}");
    }

    #[test]
    fn a_capture_that_was_given_up_is_never_told_as_a_success() {
        let told = authorized().outcome_of(OperationKind::Capture.into());
        assert!(matches!(told, Err(OperationError::GivenUp { .. })), "{told:?}");
    }
}
