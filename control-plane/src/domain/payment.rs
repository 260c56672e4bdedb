//! A payment and the transitions it may make. Pure: no transition reads a clock or calls anybody.
//!
//! ```text
//! created → processing → completed
//!                      → authorized → processing → captured
//!                      │            → processing → canceled
//!                      → requires_action → processing → …
//!                      → failed
//!                      → queued → processing → …
//!                      │        → canceled (before anything was sent)
//!                      → unknown → (evidence) → any of the above
//! ```
//!
//! A cancellation that is wanted while the outcome of a charge is unknown is kept in its flight. When the outcome is
//! known, the payment goes on to `queued` with the cancellation, or, where money moved, is marked to be refunded.

use edge_core::client::ClientId;
use edge_core::money::{Amount, Money};
use edge_core::request::ChargeRequest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::flight::{InFlight, KeyRef};
use super::follow_up::FollowUp;
use super::id::{AttemptId, PaymentId};
use super::provider::{Captured, Charged, Doubt, OperationKind, Outcome, ProviderRef, Refusal, RefusalKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub client: ClientId,
    pub request: ChargeRequest,
    pub state: State,
    /// The provider's name for the whole payment: a PaymentIntent or an order.
    pub reference: Option<ProviderRef>,
    /// The sum of all refunds that did not fail, in minor units. Only refunds change it, and the store
    /// refuses one that would lift it above what was captured.
    pub refunded: u64,
    /// When to look after it again: as long as it is not decided, and only then.
    pub follow_up: Option<FollowUp>,
    /// Counts the transitions; the store moves a payment only from the version it was read at.
    pub version: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Recorded; no provider has heard of it.
    Created,
    /// A call to the provider is being made, or (`accepted`) the provider took it and decides later.
    Processing { flight: Flight, accepted: bool },
    /// The provider was certainly not asked, or turned the request away unread. It is asked again later.
    Queued { flight: Flight, reason: String },
    /// The provider may or may not have done it. Left only on evidence, never by a timer.
    Unknown { flight: Flight, reason: String },
    /// The payer has to act at `url`.
    RequiresAction(Session),
    /// The amount is held and can be captured or canceled.
    Authorized(Authorization),
    /// The whole amount moved in one step.
    Completed {
        charge: ProviderRef,
        /// The client wanted it canceled before the outcome was known: the money goes back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_refund: bool,
    },
    /// What was authorized has been captured, in full or in part; the rest is released.
    Captured {
        charge: ProviderRef,
        captured: Amount,
        /// As in `Completed`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_refund: bool,
    },
    /// Released before any money moved.
    Canceled {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<CancelReason>,
    },
    /// The provider did not do it and will not.
    Failed { failure: Failure },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub session: ProviderRef,
    pub url: String,
    /// The provider declined what the payer chose there. Only the payer, by coming back, sets off another try.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
}

/// Why a payment ended without money, where nobody here asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The provider let the authorization, or the offer to the payer, run out.
    Expired,
    /// Canceled or voided at the provider, e.g. in its dashboard.
    AtProvider,
}

impl CancelReason {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::AtProvider => "at_provider",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    pub authorization: ProviderRef,
    /// A capture of it was declined, and the provider's object may go on showing that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub capture_declined: bool,
}

impl Authorization {
    #[must_use]
    pub const fn new(authorization: ProviderRef) -> Self {
        Self { authorization, capture_declined: false }
    }

    #[must_use]
    pub fn after_a_decline(self) -> Self {
        Self { capture_declined: true, ..self }
    }
}

/// One operation under way at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    #[serde(flatten)]
    pub call: InFlight,
    pub operation: Operation,
    /// The client wants it canceled as soon as its outcome is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelWish>,
}

/// A cancellation to be carried out later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelWish {
    /// Makes the provider's key of the cancellation.
    pub attempt: AttemptId,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
}

/// What is under way, with all that is needed to repeat it or to go back when it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Charge,
    Resume(Session),
    Capture { of: Authorization, amount: Amount },
    Cancel(Cancelable),
}

impl Operation {
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Charge => OperationKind::Charge,
            Self::Resume(_) => OperationKind::Resume,
            Self::Capture { .. } => OperationKind::Capture,
            Self::Cancel(_) => OperationKind::Cancel,
        }
    }

    /// Whether an earlier operation of its kind was declined.
    #[must_use]
    pub const fn is_after_a_decline(&self) -> bool {
        match self {
            Self::Resume(session) => session.declined,
            Self::Capture { of, .. } => of.capture_declined,
            Self::Charge | Self::Cancel(_) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancelable {
    Session(Session),
    Authorization(Authorization),
}

/// Why a payment or refund failed; always on evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    Refused(Refusal),
    NotSent(Doubt),
}

/// What a client sees of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Under way, or not known yet: ask again later, it will be decided.
    Pending,
    RequiresAction,
    Authorized,
    Completed,
    Captured,
    Canceled,
    Failed,
}

/// The payment is not in a state that allows this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment is {from}, so it cannot be {wanted}")]
pub struct InvalidTransition {
    pub from: &'static str,
    pub wanted: &'static str,
}

/// Why a capture cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureRefused {
    #[error(transparent)]
    State(#[from] InvalidTransition),
    #[error("more than the {authorized} authorized cannot be captured")]
    Exceeds { authorized: Amount },
}

impl State {
    /// The state's name in the database, the audit trail and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing { .. } => "processing",
            Self::Queued { .. } => "queued",
            Self::Unknown { .. } => "unknown",
            Self::RequiresAction(_) => "requires_action",
            Self::Authorized(_) => "authorized",
            Self::Completed { .. } => "completed",
            Self::Captured { .. } => "captured",
            Self::Canceled { .. } => "canceled",
            Self::Failed { .. } => "failed",
        }
    }

    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Created | Self::Processing { .. } | Self::Queued { .. } | Self::Unknown { .. } => {
                Status::Pending
            }
            Self::RequiresAction(_) => Status::RequiresAction,
            Self::Authorized(_) => Status::Authorized,
            Self::Completed { .. } => Status::Completed,
            Self::Captured { .. } => Status::Captured,
            Self::Canceled { .. } => Status::Canceled,
            Self::Failed { .. } => Status::Failed,
        }
    }

    /// The call under way, whether or not we still hope for its answer.
    #[must_use]
    pub const fn flight(&self) -> Option<&Flight> {
        match self {
            Self::Processing { flight, .. } | Self::Queued { flight, .. } | Self::Unknown { flight, .. } => {
                Some(flight)
            }
            _ => None,
        }
    }

    /// Whether it waits for somebody else while money is held, offered or to go back.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        matches!(self, Self::RequiresAction(_) | Self::Authorized(_)) || self.is_to_be_refunded()
    }

    /// Whether the money that moved is to go back, because the payment was canceled while it was under way.
    #[must_use]
    pub const fn is_to_be_refunded(&self) -> bool {
        matches!(self, Self::Completed { to_refund: true, .. } | Self::Captured { to_refund: true, .. })
    }
}

impl Flight {
    /// Where the payment stands if the operation was certainly not executed and will not be.
    #[must_use]
    pub fn undone(self, reason: String) -> State {
        match self.operation {
            Operation::Charge => State::Failed { failure: Failure::NotSent(Doubt::new(reason)) },
            Operation::Resume(session) => State::RequiresAction(session),
            Operation::Capture { of, .. } => State::Authorized(of),
            Operation::Cancel(before) => before.into(),
        }
    }
}

/// The outcome of an operation whose payment was to be canceled meanwhile.
fn canceled_as_wished(outcome: State, wish: CancelWish, at: Timestamp) -> State {
    let cancel = |before| {
        // It could not be tried before, so the time for trying begins now.
        let call = InFlight { key: wish.key, ..InFlight::new(wish.attempt, at) };
        let flight = Flight { call, operation: Operation::Cancel(before), cancel: None };
        State::Queued { flight, reason: "it was canceled while its outcome was unknown".to_owned() }
    };
    match outcome {
        State::RequiresAction(session) => cancel(Cancelable::Session(session)),
        State::Authorized(authorization) => cancel(Cancelable::Authorization(authorization)),
        State::Completed { charge, .. } => State::Completed { charge, to_refund: true },
        State::Captured { charge, captured, .. } => State::Captured { charge, captured, to_refund: true },
        other => other,
    }
}

impl From<Cancelable> for State {
    fn from(before: Cancelable) -> Self {
        match before {
            Cancelable::Session(session) => Self::RequiresAction(session),
            Cancelable::Authorization(authorization) => Self::Authorized(authorization),
        }
    }
}

impl Status {
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::RequiresAction,
        Self::Authorized,
        Self::Completed,
        Self::Captured,
        Self::Canceled,
        Self::Failed,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Authorized => "authorized",
            Self::Completed => "completed",
            Self::Captured => "captured",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    /// The names of the states that show as this status.
    #[must_use]
    pub const fn states(self) -> &'static [&'static str] {
        match self {
            Self::Pending => &["created", "processing", "queued", "unknown"],
            Self::RequiresAction => &["requires_action"],
            Self::Authorized => &["authorized"],
            Self::Completed => &["completed"],
            Self::Captured => &["captured"],
            Self::Canceled => &["canceled"],
            Self::Failed => &["failed"],
        }
    }
}

impl Payment {
    /// `reference`: the approved order that the request is about, if it is about one.
    #[must_use]
    pub fn open(
        id: PaymentId,
        client: ClientId,
        request: ChargeRequest,
        reference: Option<ProviderRef>,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            client,
            request,
            state: State::Created,
            reference,
            refunded: 0,
            follow_up: Some(FollowUp::after(None, at)),
            version: 0,
            created_at: at,
            updated_at: at,
        }
    }

    #[must_use]
    pub fn money(&self) -> Money {
        Money { amount: self.request.amount, currency: self.request.currency }
    }

    /// The charge a refund refers to and how much of it was captured.
    #[must_use]
    pub fn captured(&self) -> Option<(&ProviderRef, Amount)> {
        match &self.state {
            State::Completed { charge, .. } => Some((charge, self.request.amount)),
            State::Captured { charge, captured, .. } => Some((charge, *captured)),
            _ => None,
        }
    }

    /// `expires_at`: until when it may be made, as long as it is certain that it is not made yet.
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

    /// The payer came back from the provider's page.
    pub fn begin_resume(self, attempt: AttemptId, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state.clone() {
            State::RequiresAction(session) => {
                Ok(self.begin(Operation::Resume(session), InFlight::new(attempt, at), at))
            }
            _ => Err(self.refuse("resumed")),
        }
    }

    /// `amount`: `None` for all that is authorized. `key`: the client's, to be answered with the outcome.
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

    /// Cancels at once what no provider was asked for; else begins the call that cancels, or, while the outcome of
    /// a charge or capture is not known, keeps the wish. `key`: the client's, to be answered with the outcome.
    pub fn begin_cancel(
        self,
        attempt: AttemptId,
        key: Option<KeyRef>,
        at: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        let before = match self.state.clone() {
            State::RequiresAction(session) => Cancelable::Session(session),
            State::Authorized(authorization) => Cancelable::Authorization(authorization),
            State::Queued { flight, .. } => match flight.operation {
                Operation::Charge => return Ok(self.enter(State::Canceled { reason: None }, None, at)),
                Operation::Resume(session) => Cancelable::Session(session),
                Operation::Capture { of, .. } => Cancelable::Authorization(of),
                Operation::Cancel(_) => return Err(self.refuse("canceled a second time")),
            },
            State::Unknown { .. } | State::Processing { accepted: true, .. } => {
                return self.wish_canceled(CancelWish { attempt, since: at, key }, at);
            }
            _ => return Err(self.refuse("canceled")),
        };
        let call = InFlight { key, ..InFlight::new(attempt, at) };
        Ok(self.begin(Operation::Cancel(before), call, at))
    }

    fn wish_canceled(self, wish: CancelWish, at: Timestamp) -> Result<Self, InvalidTransition> {
        let with = |flight: Flight| match (&flight.operation, &flight.cancel) {
            (Operation::Cancel(_), _) | (_, Some(_)) => Err(self.refuse("canceled a second time")),
            _ => Ok(Flight { cancel: Some(wish), ..flight }),
        };
        let state = match self.state.clone() {
            State::Unknown { flight, reason } => State::Unknown { flight: with(flight)?, reason },
            State::Processing { flight, accepted } => State::Processing { flight: with(flight)?, accepted },
            _ => return Err(self.refuse("canceled")),
        };
        let follow_up = self.follow_up;
        let mut wished = self.enter(state, None, at);
        // The wish is no try: the outcome is looked for as soon as it was going to be.
        wished.follow_up = follow_up;
        Ok(wished)
    }

    /// The provider's word on a charge or on a resumed one.
    pub fn charge_answered(self, answer: Outcome<Charged>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let flight = self.flight_of("charged", |o| matches!(o, Operation::Charge | Operation::Resume(_)))?;
        let (state, reference) = match self.heard(answer) {
            Outcome::Done(Charged::Completed { payment, charge }) => {
                (State::Completed { charge, to_refund: false }, Some(payment))
            }
            Outcome::Done(Charged::Authorized { payment, authorization }) => {
                (State::Authorized(Authorization::new(authorization)), Some(payment))
            }
            Outcome::Done(Charged::RequiresAction { payment, url, declined }) => {
                // What was declined once shows in the provider's object for good.
                let declined = declined || flight.operation.is_after_a_decline();
                (State::RequiresAction(Session { session: payment.clone(), url, declined }), Some(payment))
            }
            Outcome::Done(Charged::Pending { payment }) => {
                (State::Processing { flight, accepted: true }, Some(payment))
            }
            Outcome::Refused(refusal) => (Self::charge_refused(flight, &refusal), refusal.reference),
            Outcome::NotSent(doubt) => (State::Queued { flight, reason: doubt.reason }, doubt.reference),
            Outcome::Unknown(doubt) => {
                let reference = doubt.reference.clone();
                (self.in_doubt(flight, doubt, at), reference)
            }
        };
        Ok(self.enter(state, reference, at))
    }

    fn charge_refused(flight: Flight, refusal: &Refusal) -> State {
        match (flight.operation, &refusal.kind) {
            // Nobody has decided about the payer yet: with the account mended, they can still pay.
            (Operation::Resume(session), RefusalKind::Configuration) => State::RequiresAction(session),
            (Operation::Resume(_), RefusalKind::Expired) => {
                State::Canceled { reason: Some(CancelReason::Expired) }
            }
            _ => State::Failed { failure: Failure::Refused(refusal.clone()) },
        }
    }

    /// A refused capture leaves the amount authorized, unless it has run out.
    pub fn capture_answered(
        self,
        answer: Outcome<Captured>,
        at: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        let flight = self.flight_of("captured", |o| matches!(o, Operation::Capture { .. }))?;
        let Operation::Capture { of, amount } = &flight.operation else {
            return Err(self.refuse("captured"));
        };
        let state = match self.heard(answer) {
            Outcome::Done(Captured::Completed { charge }) => {
                State::Captured { charge, captured: *amount, to_refund: false }
            }
            Outcome::Done(Captured::Pending) => State::Processing { flight, accepted: true },
            Outcome::Refused(refusal) if refusal.kind == RefusalKind::Expired => {
                State::Canceled { reason: Some(CancelReason::Expired) }
            }
            Outcome::Refused(refusal) if refusal.kind == RefusalKind::Declined => {
                State::Authorized(of.clone().after_a_decline())
            }
            Outcome::Refused(_) => State::Authorized(of.clone()),
            Outcome::NotSent(doubt) => State::Queued { flight, reason: doubt.reason },
            Outcome::Unknown(doubt) => self.in_doubt(flight, doubt, at),
        };
        Ok(self.enter(state, None, at))
    }

    /// A refused cancellation changes nothing, unless there is nothing left to cancel.
    pub fn cancel_answered(self, answer: Outcome<()>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let flight = self.flight_of("canceled", |o| matches!(o, Operation::Cancel(_)))?;
        let Operation::Cancel(before) = &flight.operation else {
            return Err(self.refuse("canceled"));
        };
        let state = match self.heard(answer) {
            Outcome::Done(()) => State::Canceled { reason: None },
            Outcome::Refused(refusal) if refusal.kind == RefusalKind::Expired => {
                State::Canceled { reason: Some(CancelReason::Expired) }
            }
            Outcome::Refused(_) => before.clone().into(),
            Outcome::NotSent(doubt) => State::Queued { flight, reason: doubt.reason },
            Outcome::Unknown(doubt) => self.in_doubt(flight, doubt, at),
        };
        Ok(self.enter(state, None, at))
    }

    /// Where an earlier call of the attempt may have been executed, "not this time" says nothing about it.
    fn heard<T>(&self, answer: Outcome<T>) -> Outcome<T> {
        match self.state {
            State::Unknown { .. } | State::Processing { accepted: true, .. } => answer.of_a_repeat(),
            _ => answer,
        }
    }

    /// What the provider took it still has, whatever became of a later call.
    fn in_doubt(&self, flight: Flight, doubt: Doubt, at: Timestamp) -> State {
        let flight = Flight { call: flight.call.doubted(&doubt, at), ..flight };
        match self.state {
            State::Processing { accepted: true, .. } => State::Processing { flight, accepted: true },
            _ => State::Unknown { flight, reason: doubt.reason },
        }
    }

    /// The process that made the call is gone, and with it the answer.
    pub fn lost(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state.clone() {
            State::Processing { flight, accepted: false } => {
                let reason = "the call was begun and its answer was never recorded".to_owned();
                Ok(self.enter(State::Unknown { flight, reason }, None, at))
            }
            _ => Err(self.refuse("lost")),
        }
    }

    /// What was queued is sent once more. Nothing has been executed, so the provider's key horizon starts now.
    pub fn begin_again(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let State::Queued { flight, .. } = self.state.clone() else { return Err(self.refuse("asked for")) };
        let flight = Flight { call: flight.call.asked_again(at), ..flight };
        Ok(self.enter(State::Processing { flight, accepted: false }, None, at))
    }

    /// What was queued is not sent any more, so it was certainly not executed.
    pub fn give_up(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let State::Queued { flight, reason } = self.state.clone() else {
            return Err(self.refuse("given up"));
        };
        Ok(self.enter(flight.undone(reason), None, at))
    }

    fn begin(self, operation: Operation, call: InFlight, at: Timestamp) -> Self {
        let flight = Flight { call, operation, cancel: None };
        self.enter(State::Processing { flight, accepted: false }, None, at)
    }

    pub(super) fn enter(mut self, state: State, reference: Option<ProviderRef>, at: Timestamp) -> Self {
        self.state = match self.state.flight().and_then(|flight| flight.cancel.clone()) {
            Some(wish) => canceled_as_wished(state, wish, at),
            None => state,
        };
        self.reference = reference.or(self.reference);
        let undecided = self.state.status() == Status::Pending;
        self.follow_up = undecided.then(|| FollowUp::after(self.follow_up, at));
        self.version += 1;
        self.updated_at = at;
        self
    }

    fn flight_of(
        &self,
        wanted: &'static str,
        fits: impl Fn(&Operation) -> bool,
    ) -> Result<Flight, InvalidTransition> {
        self.state.flight().filter(|f| fits(&f.operation)).cloned().ok_or_else(|| self.refuse(wanted))
    }

    const fn refuse(&self, wanted: &'static str) -> InvalidTransition {
        InvalidTransition { from: self.state.name(), wanted }
    }
}
