//! Transitions that a client requests; each records a call before it is made.

use edge_core::money::Amount;
use jiff::Timestamp;

use super::{
    CancelWish, Cancelable, CaptureRefused, Failure, InFlightOperation, Operation, Payment, ResumedBy,
    Session, State,
};
use crate::model::id::AttemptId;
use crate::model::in_flight::{InFlight, KeyRef};
use crate::model::provider::Refusal;
use crate::model::transition::InvalidTransition;

impl Payment {
    /// Begins the charge. `expires_at`: the charge is not sent after this time if it was certainly not executed before.
    pub fn begin_charge(
        self,
        attempt: AttemptId,
        expires_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Created => {
                let call = InFlight { expires_at, ..InFlight::new(attempt, at) };
                Ok(self.begin(Operation::Charge, call, at))
            }
            _ => Err(self.refuse("charged")),
        }
    }

    /// Begins to take the money that the payer approved on the provider's page. `by`: who noticed the approval.
    pub fn begin_resume(
        self,
        by: ResumedBy,
        attempt: AttemptId,
        at: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        match self.state.clone() {
            State::RequiresAction(session) => {
                let session = Session { resumed_by: Some(by), ..session };
                Ok(self.begin(Operation::Resume(session), InFlight::new(attempt, at), at))
            }
            _ => Err(self.refuse("resumed")),
        }
    }

    /// Notes in the call that has begun whether what the payer approved was judged before.
    #[must_use]
    pub fn judged(mut self, is_judged: bool) -> Self {
        if let State::Processing { in_flight, .. } = &mut self.state {
            in_flight.call.is_judged = is_judged;
        }
        self
    }

    /// Fails a payment whose payer has approved what the gateway does not take. Nothing was sent for it.
    pub fn refuse_approval(self, refusal: Refusal, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state {
            State::RequiresAction(_) => {
                let reference = refusal.reference.clone();
                let failure = Failure::Refused(refusal);
                Ok(self.enter(State::Failed { failure, resumed_by: None }, reference, at))
            }
            _ => Err(self.refuse("refused")),
        }
    }

    /// Begins a capture. `amount`: `None` for the full authorized amount. `key`: the client's key, answered with the
    /// outcome.
    pub fn begin_capture(
        self,
        amount: Option<Amount>,
        attempt: AttemptId,
        key: Option<KeyRef>,
        at: Timestamp,
    ) -> Result<Self, CaptureRefused> {
        let State::Authorized(of) = self.state.clone() else {
            return Err(self.refuse("captured").into());
        };
        let authorized = self.request.amount;
        let amount = amount.unwrap_or(authorized);
        if amount > authorized {
            return Err(CaptureRefused::Exceeds { authorized });
        }
        let call = InFlight { key, ..InFlight::new(attempt, at) };
        Ok(self.begin(Operation::Capture { of, amount }, call, at))
    }

    /// Cancels immediately if the charge was never sent; otherwise begins the cancel call or, while the outcome of a
    /// charge or capture is unknown, records the request. `key`: the client's key, answered with the outcome.
    pub fn begin_cancel(
        self,
        attempt: AttemptId,
        key: Option<KeyRef>,
        at: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        let before = match self.state.clone() {
            State::RequiresAction(session) => Cancelable::Session(session),
            State::Authorized(authorization) => Cancelable::Authorization(authorization),
            State::Queued { in_flight, .. } => match in_flight.operation {
                Operation::Charge => {
                    return Ok(self.enter(State::Canceled { reason: None, resumed_by: None }, None, at));
                }
                Operation::Resume(session) => Cancelable::Session(session),
                Operation::Capture { of, .. } => Cancelable::Authorization(of),
                Operation::Cancel(_) => return Err(self.refuse("canceled a second time")),
            },
            State::Unknown { .. } | State::Processing { accepted: true, .. } => {
                return self.wish_canceled(CancelWish { attempt, key }, at);
            }
            _ => return Err(self.refuse("canceled")),
        };
        let call = InFlight { key, ..InFlight::new(attempt, at) };
        Ok(self.begin(Operation::Cancel(before), call, at))
    }

    fn wish_canceled(self, wish: CancelWish, at: Timestamp) -> Result<Self, InvalidTransition> {
        let with = |in_flight: InFlightOperation| match (&in_flight.operation, &in_flight.cancel) {
            (Operation::Cancel(_), _) | (_, Some(_)) => Err(self.refuse("canceled a second time")),
            _ => Ok(InFlightOperation { cancel: Some(wish), ..in_flight }),
        };
        let state = match self.state.clone() {
            State::Unknown { in_flight, reason } => State::Unknown { in_flight: with(in_flight)?, reason },
            State::Processing { in_flight, accepted } => {
                State::Processing { in_flight: with(in_flight)?, accepted }
            }
            _ => return Err(self.refuse("canceled")),
        };
        let follow_up = self.follow_up;
        let mut wished = self.enter(state, None, at);
        // The request does not count as a try: the next follow-up stays where it was.
        wished.follow_up = follow_up;
        Ok(wished)
    }

    fn begin(self, operation: Operation, call: InFlight, at: Timestamp) -> Self {
        let in_flight = InFlightOperation { call, operation, cancel: None };
        self.enter(State::Processing { in_flight, accepted: false }, None, at)
    }
}
