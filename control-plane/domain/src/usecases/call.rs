//! The caller of an operation, its idempotency key, and the answer stored under the key.

use std::borrow::Cow;

use edge_core::money::Amount;
use jiff::Timestamp;

use super::error::OperationError;
use crate::model::event::Cause;
use crate::model::idempotency::{KeyChange, KeyClaim, StoredAnswer, Subject};
use crate::model::in_flight::KeyRef;
use crate::model::payment::{Operation, Payment};
use crate::model::provider::OperationKind;
use crate::model::refund::Refund;

/// Renders the answer of an operation. Pure, so that the answer can be stored in the commit that decides the outcome.
pub type Render<T> = fn(&Result<T, OperationError>, request_id: &str) -> StoredAnswer;

/// The answer renderer of each operation.
#[derive(Clone, Copy, Debug)]
pub struct Renders {
    pub charge: Render<Payment>,
    pub capture: Render<Payment>,
    pub cancel: Render<Payment>,
    pub refund: Render<Refund>,
}

impl Renders {
    /// For callers without a client to answer.
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
    /// The key of the request itself, which takes it.
    Own(KeyClaim),
    /// The attestation of a request without a key. It is taken like a key, so that no copy of the request is executed,
    /// and is never answered or released: nobody may repeat it.
    Attestation(KeyClaim),
    /// The key of the earlier request whose operation this call continues.
    Earlier(KeyRef),
}

/// The caller of an operation and its key.
#[derive(Clone, Debug)]
pub struct Call<T> {
    pub cause: Cause,
    pub key: Option<CallKey>,
    pub render: Render<T>,
    pub asked: RequestedOperation,
}

/// What a client requested. A captured payment does not satisfy a cancellation or the capture of another amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedOperation {
    pub operation: OperationKind,
    /// The amount of a capture, in minor units. `None`: the full authorized amount.
    pub amount: Option<Amount>,
}

impl RequestedOperation {
    /// The request that began `operation`.
    const fn of(operation: &Operation) -> Self {
        let amount = match operation {
            Operation::Capture { amount, .. } => Some(*amount),
            Operation::Charge | Operation::Resume(_) | Operation::Cancel(_) => None,
        };
        Self { operation: operation.kind(), amount }
    }
}

impl From<OperationKind> for RequestedOperation {
    fn from(operation: OperationKind) -> Self {
        Self { operation, amount: None }
    }
}

/// The subject of an operation: a payment or refund.
pub trait Decided {
    fn subject(&self) -> Subject;

    /// Whether the outcome is known.
    fn is_decided(&self) -> bool;

    /// Whether the answer can be kept, to be repeated byte for byte.
    fn has_lasting_answer(&self) -> bool {
        self.is_decided()
    }

    /// The result, from the recorded state, for a client that `asked` for an operation.
    ///
    /// # Errors
    /// If the operation failed or was superseded.
    fn outcome_of(self, asked: RequestedOperation) -> Result<Self, OperationError>
    where
        Self: Sized;
}

impl<T> Call<T> {
    /// A call whose answer no client awaits.
    #[must_use]
    pub fn silent(cause: Cause, operation: OperationKind) -> Self {
        Self { cause, key: None, render: nothing, asked: operation.into() }
    }

    #[must_use]
    pub const fn claim(&self) -> Option<KeyClaim> {
        match &self.key {
            Some(CallKey::Own(claim) | CallKey::Attestation(claim)) => Some(*claim),
            Some(CallKey::Earlier(_)) | None => None,
        }
    }

    /// The reference that lets a later commit answer the request's key.
    #[must_use]
    pub fn key_ref(&self) -> Option<KeyRef> {
        match &self.key {
            Some(CallKey::Own(claim)) => {
                Some(KeyRef { scope: claim.scope, request: self.cause.initiator.text().into_owned() })
            }
            Some(CallKey::Earlier(key)) => Some(key.clone()),
            Some(CallKey::Attestation(_)) | None => None,
        }
    }
}

impl Call<Payment> {
    /// Continues the in-flight operation when no client waits: answers the key of the request that began it.
    #[must_use]
    pub fn going_on(payment: &Payment, cause: Cause, renders: &Renders) -> Self {
        let in_flight = payment.state.in_flight();
        let asked = in_flight
            .map_or(OperationKind::Charge.into(), |in_flight| RequestedOperation::of(&in_flight.operation));
        let key = in_flight.and_then(|in_flight| in_flight.call.key.clone()).map(CallKey::Earlier);
        Self { cause, key, render: renders.of(asked.operation), asked }
    }
}

impl<T: Decided> Call<T> {
    /// Takes the key in the commit that records the intent.
    #[must_use]
    pub fn take(&self, at: Timestamp) -> Option<KeyChange> {
        self.take_with(None, at)
    }

    /// Takes the key in the commit that also decides its answer.
    #[must_use]
    pub fn take_with(&self, answer: Option<StoredAnswer>, at: Timestamp) -> Option<KeyChange> {
        let answer = answer.filter(|_| !matches!(self.key, Some(CallKey::Attestation(_))));
        let client = self.cause.client.clone();
        self.claim().map(|claim| KeyChange::Take { claim, client, at, answer })
    }

    /// The key change in the commit of this result, about `subject`. Only a client's repeated request releases a key,
    /// because its answer first reports that nothing was executed.
    #[must_use]
    pub fn conclude(&self, subject: Subject, result: &Result<T, OperationError>) -> Option<KeyChange> {
        let (scope, request, may_release) = match self.key.as_ref()? {
            CallKey::Own(claim) => (claim.scope, self.cause.initiator.text(), true),
            CallKey::Earlier(key) => (key.scope, Cow::Borrowed(key.request.as_str()), false),
            CallKey::Attestation(_) => return None,
        };
        match result {
            Ok(subject) if !subject.has_lasting_answer() => None,
            Err(error) if !error.is_final() => may_release.then_some(KeyChange::Release { scope, subject }),
            result => Some(KeyChange::Answer { scope, subject, answer: (self.render)(result, &request) }),
        }
    }
}
