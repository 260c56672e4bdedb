//! Who asks for an operation, under which idempotency key, and what the key is answered.

use std::borrow::Cow;

use edge_core::money::Amount;
use jiff::Timestamp;

use super::OperationError;
use crate::model::event::Cause;
use crate::model::idempotency::{KeyChange, KeyClaim, StoredAnswer, Subject};
use crate::model::in_flight::KeyRef;
use crate::model::payment::{Operation, Payment};
use crate::model::provider::OperationKind;
use crate::model::refund::Refund;

/// Makes the answer of an operation. Pure, so that it can be stored in the commit that decides the outcome.
pub type Render<T> = fn(&Result<T, OperationError>, request_id: &str) -> StoredAnswer;

/// The answers of each operation.
#[derive(Clone, Copy, Debug)]
pub struct Renders {
    pub charge: Render<Payment>,
    pub capture: Render<Payment>,
    pub cancel: Render<Payment>,
    pub refund: Render<Refund>,
}

impl Renders {
    /// Where no client is answered.
    pub const NONE: Self = Self { charge: nothing, capture: nothing, cancel: nothing, refund: nothing };

    const fn of(&self, operation: OperationKind) -> Render<Payment> {
        match operation {
            OperationKind::Capture => self.capture,
            OperationKind::Cancel => self.cancel,
            OperationKind::Charge | OperationKind::Resume | OperationKind::Refund => self.charge,
        }
    }
}

fn nothing<T>(_: &Result<T, OperationError>, _: &str) -> StoredAnswer {
    StoredAnswer { status: 0, body: String::new() }
}

/// The key of a call.
#[derive(Clone, Debug)]
pub enum CallKey {
    /// Of the request itself, which takes it.
    Own(KeyClaim),
    /// Of the request that began what the call goes on with.
    Earlier(KeyRef),
}

/// Who asks for an operation, and under which key.
#[derive(Clone, Debug)]
pub struct Call<T> {
    pub cause: Cause,
    pub key: Option<CallKey>,
    pub render: Render<T>,
    pub asked: Asked,
}

/// What a client wants. A payment that was captured is no answer to a cancellation, nor to the capture of another
/// amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub operation: OperationKind,
    /// Of a capture, in minor units. `None`: all that is authorized.
    pub amount: Option<Amount>,
}

impl Asked {
    /// What began `operation`.
    const fn of(operation: &Operation) -> Self {
        let amount = match operation {
            Operation::Capture { amount, .. } => Some(*amount),
            Operation::Charge | Operation::Resume(_) | Operation::Cancel(_) => None,
        };
        Self { operation: operation.kind(), amount }
    }
}

impl From<OperationKind> for Asked {
    fn from(operation: OperationKind) -> Self {
        Self { operation, amount: None }
    }
}

/// What an operation is about.
pub trait Decided {
    fn subject(&self) -> Subject;

    /// Whether the outcome is final; a client that repeats its request gets the same answer from then on.
    fn is_decided(&self) -> bool;

    /// What a client is told that `asked` for something, of what is recorded now.
    ///
    /// # Errors
    /// If the operation failed or lost.
    fn outcome_of(self, asked: Asked) -> Result<Self, OperationError>
    where
        Self: Sized;
}

impl<T> Call<T> {
    /// Nobody waits for an answer.
    #[must_use]
    pub fn silent(cause: Cause, operation: OperationKind) -> Self {
        Self { cause, key: None, render: nothing, asked: operation.into() }
    }

    #[must_use]
    pub const fn claim(&self) -> Option<KeyClaim> {
        match &self.key {
            Some(CallKey::Own(claim)) => Some(*claim),
            Some(CallKey::Earlier(_)) | None => None,
        }
    }

    /// The request's key, for what has to answer it later.
    #[must_use]
    pub fn key_ref(&self) -> Option<KeyRef> {
        match &self.key {
            Some(CallKey::Own(claim)) => {
                Some(KeyRef { scope: claim.scope, request: self.cause.initiator.text().into_owned() })
            }
            Some(CallKey::Earlier(key)) => Some(key.clone()),
            None => None,
        }
    }
}

impl Call<Payment> {
    /// Goes on with what is in flight, where nobody waits: the key of the request that began it is answered.
    #[must_use]
    pub fn going_on(payment: &Payment, cause: Cause, renders: &Renders) -> Self {
        let in_flight = payment.state.in_flight();
        let asked =
            in_flight.map_or(OperationKind::Charge.into(), |in_flight| Asked::of(&in_flight.operation));
        let key = in_flight.and_then(|in_flight| in_flight.call.key.clone()).map(CallKey::Earlier);
        Self { cause, key, render: renders.of(asked.operation), asked }
    }
}

impl<T: Decided> Call<T> {
    /// Takes the key in the commit that records the intent.
    #[must_use]
    pub fn take(&self, at: Timestamp) -> Option<KeyChange> {
        let client = self.cause.client.clone();
        self.claim().map(|claim| KeyChange::Take { claim, client, at, answer: None })
    }

    /// What the commit of this result, about `subject`, does to the key. A key is released only by the client that
    /// repeats it: it is told first that nothing was executed.
    #[must_use]
    pub fn conclude(&self, subject: Subject, result: &Result<T, OperationError>) -> Option<KeyChange> {
        let (scope, request, may_release) = match self.key.as_ref()? {
            CallKey::Own(claim) => (claim.scope, self.cause.initiator.text(), true),
            CallKey::Earlier(key) => (key.scope, Cow::Borrowed(key.request.as_str()), false),
        };
        match result {
            Ok(subject) if !subject.is_decided() => None,
            Err(error) if !error.is_final() => may_release.then_some(KeyChange::Release { scope, subject }),
            result => Some(KeyChange::Answer { scope, subject, answer: (self.render)(result, &request) }),
        }
    }
}
