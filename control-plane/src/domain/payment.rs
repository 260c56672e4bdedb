//! A payment and the transitions it may make. Pure: no transition reads a clock or calls anybody.
//!
//! ```text
//! created → processing → completed
//!                      → authorized → processing → captured
//!                      │            → processing → canceled
//!                      → requires_action → processing → …
//!                      → failed
//!                      → queued → processing → …
//!                      → unknown → (evidence) → any of the above
//! ```

use edge_core::client::ClientId;
use edge_core::money::{Amount, Money};
use edge_core::request::ChargeRequest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::follow_up::FollowUp;
use super::id::{AttemptId, PaymentId};
use super::provider::{Captured, Charged, Doubt, Outcome, ProviderRef, Refusal, RefusalKind};

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
    Completed { charge: ProviderRef },
    /// What was authorized has been captured, in full or in part; the rest is released.
    Captured { charge: ProviderRef, captured: Amount },
    /// Released before any money moved.
    Canceled,
    /// The provider did not do it and will not.
    Failed { failure: Failure },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub session: ProviderRef,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    pub authorization: ProviderRef,
}

/// One operation under way at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Makes the provider's idempotency key; stored before the call.
    pub attempt: AttemptId,
    pub operation: Operation,
    /// When it was wanted.
    pub since: Timestamp,
    /// When the first call began that the provider may have executed, if that was later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
}

impl Flight {
    /// From when on the provider may know the attempt's key.
    #[must_use]
    pub fn known_since(&self) -> Timestamp {
        self.asked_at.unwrap_or(self.since)
    }
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
            Self::Canceled => "canceled",
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
            Self::Canceled => Status::Canceled,
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
            State::Completed { charge } => Some((charge, self.request.amount)),
            State::Captured { charge, captured } => Some((charge, *captured)),
            _ => None,
        }
    }

    pub fn begin_charge(self, attempt: AttemptId, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state {
            State::Created => Ok(self.begin(Operation::Charge, attempt, at)),
            _ => Err(self.refuse("charged")),
        }
    }

    /// The payer came back from the provider's page.
    pub fn begin_resume(self, attempt: AttemptId, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state.clone() {
            State::RequiresAction(session) => Ok(self.begin(Operation::Resume(session), attempt, at)),
            _ => Err(self.refuse("resumed")),
        }
    }

    /// `amount`: `None` for all that is authorized.
    pub fn begin_capture(
        self,
        amount: Option<Amount>,
        attempt: AttemptId,
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
        Ok(self.begin(Operation::Capture { of, amount }, attempt, at))
    }

    pub fn begin_cancel(self, attempt: AttemptId, at: Timestamp) -> Result<Self, InvalidTransition> {
        let before = match self.state.clone() {
            State::RequiresAction(session) => Cancelable::Session(session),
            State::Authorized(authorization) => Cancelable::Authorization(authorization),
            _ => return Err(self.refuse("canceled")),
        };
        Ok(self.begin(Operation::Cancel(before), attempt, at))
    }

    /// The provider's word on a charge or on a resumed one.
    pub fn charge_answered(self, answer: Outcome<Charged>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let flight = self.flight_of("charged", |o| matches!(o, Operation::Charge | Operation::Resume(_)))?;
        let (state, reference) = match self.heard(answer) {
            Outcome::Done(Charged::Completed { payment, charge }) => {
                (State::Completed { charge }, Some(payment))
            }
            Outcome::Done(Charged::Authorized { payment, authorization }) => {
                (State::Authorized(Authorization { authorization }), Some(payment))
            }
            Outcome::Done(Charged::RequiresAction { payment, url }) => {
                (State::RequiresAction(Session { session: payment.clone(), url }), Some(payment))
            }
            Outcome::Done(Charged::Pending { payment }) => {
                (State::Processing { flight, accepted: true }, Some(payment))
            }
            Outcome::Refused(refusal) => (Self::charge_refused(flight, &refusal), refusal.reference),
            Outcome::NotSent(doubt) => (State::Queued { flight, reason: doubt.reason }, doubt.reference),
            Outcome::Unknown(doubt) => (self.in_doubt(flight, doubt.reason), doubt.reference),
        };
        Ok(self.enter(state, reference, at))
    }

    fn charge_refused(flight: Flight, refusal: &Refusal) -> State {
        match flight.operation {
            // Nobody has decided about the payer yet: with the account mended, they can still pay.
            Operation::Resume(session) if refusal.kind == RefusalKind::Configuration => {
                State::RequiresAction(session)
            }
            _ => State::Failed { failure: Failure::Refused(refusal.clone()) },
        }
    }

    /// A refused capture leaves the amount authorized.
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
            Outcome::Done(Captured::Completed { charge }) => State::Captured { charge, captured: *amount },
            Outcome::Done(Captured::Pending) => State::Processing { flight, accepted: true },
            Outcome::Refused(_) => State::Authorized(of.clone()),
            Outcome::NotSent(doubt) => State::Queued { flight, reason: doubt.reason },
            Outcome::Unknown(doubt) => self.in_doubt(flight, doubt.reason),
        };
        Ok(self.enter(state, None, at))
    }

    /// A refused cancellation changes nothing.
    pub fn cancel_answered(self, answer: Outcome<()>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let flight = self.flight_of("canceled", |o| matches!(o, Operation::Cancel(_)))?;
        let Operation::Cancel(before) = &flight.operation else {
            return Err(self.refuse("canceled"));
        };
        let state = match self.heard(answer) {
            Outcome::Done(()) => State::Canceled,
            Outcome::Refused(_) => before.clone().into(),
            Outcome::NotSent(doubt) => State::Queued { flight, reason: doubt.reason },
            Outcome::Unknown(doubt) => self.in_doubt(flight, doubt.reason),
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
    fn in_doubt(&self, flight: Flight, reason: String) -> State {
        match self.state {
            State::Processing { accepted: true, .. } => State::Processing { flight, accepted: true },
            _ => State::Unknown { flight, reason },
        }
    }

    /// Whoever made the call is gone, and with it the answer.
    pub fn lost(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state.clone() {
            State::Processing { flight, accepted: false } => {
                let reason = "the call was begun and its answer was never recorded".to_owned();
                Ok(self.enter(State::Unknown { flight, reason }, None, at))
            }
            _ => Err(self.refuse("lost")),
        }
    }

    /// What was queued is asked for once more. Nothing has been executed, so the provider's key horizon
    /// begins anew.
    pub fn begin_again(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let State::Queued { flight, .. } = self.state.clone() else { return Err(self.refuse("asked for")) };
        let flight = Flight { asked_at: Some(at), ..flight };
        Ok(self.enter(State::Processing { flight, accepted: false }, None, at))
    }

    /// What was queued is not asked for any more: as if it had never been wanted, which is certain.
    pub fn give_up(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let State::Queued { flight, reason } = self.state.clone() else {
            return Err(self.refuse("given up"));
        };
        let state = match flight.operation {
            Operation::Charge => State::Failed { failure: Failure::NotSent(Doubt::new(reason)) },
            Operation::Resume(session) => State::RequiresAction(session),
            Operation::Capture { of, .. } => State::Authorized(of),
            Operation::Cancel(before) => before.into(),
        };
        Ok(self.enter(state, None, at))
    }

    fn begin(self, operation: Operation, attempt: AttemptId, at: Timestamp) -> Self {
        let flight = Flight { attempt, operation, since: at, asked_at: None };
        self.enter(State::Processing { flight, accepted: false }, None, at)
    }

    pub(super) fn enter(mut self, state: State, reference: Option<ProviderRef>, at: Timestamp) -> Self {
        self.state = state;
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
