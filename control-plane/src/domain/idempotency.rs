//! A client's idempotency key, as the durable side knows it: one row for each key, written in the commit of
//! what the request does, so that the same request can never do it a second time.

use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Scope};
use edge_core::money::Amount;
use jiff::Timestamp;
use serde::Serialize;

use super::event::Cause;
use super::flight::KeyRef;
use super::id::{PaymentId, RefundId};
use super::operations::OperationError;
use super::payment::{Operation, Payment};
use super::provider::{OperationKind, RefusalKind};
use super::refund::Refund;

/// What names a request: whose key it is, and what was asked under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Client, method, path and key.
    pub scope: Scope,
    /// Everything that was asked for: another fingerprint under the same scope is another request.
    pub fingerprint: Fingerprint,
}

/// What a key's request made, and what it is answered from after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Payment(PaymentId),
    Refund(RefundId),
}

/// A final answer, kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    #[must_use]
    pub fn json<T: Serialize>(status: u16, body: &T) -> Self {
        // Structures of strings and numbers, which cannot fail to serialize.
        Self { status, body: serde_json::to_string(body).unwrap_or_default() }
    }
}

/// The row of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub fingerprint: Fingerprint,
    /// `None` for what was refused before anything was made.
    pub subject: Option<Subject>,
    /// `None` as long as the outcome is out.
    pub answer: Option<Answer>,
}

/// What a commit does to a key.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// The key is used now: for what the commit makes, or with an `answer` for a request that was refused
    /// before anything was made. Fails if the key is used already.
    Take { claim: Claim, client: ClientId, at: Timestamp, answer: Option<Answer> },
    /// The first answer to the key, as long as it stands for `subject`. Where it does not apply (the key has an answer,
    /// or stands for something else by now), the rest of the commit is written all the same: a key never vetoes what a
    /// provider did. A commit of nothing else fails then.
    Answer { scope: Scope, subject: Subject, answer: Answer },
    /// Nothing was executed for `subject`: the key may be used again. Applies as `Answer` does.
    Release { scope: Scope, subject: Subject },
}

/// Makes the answer of an operation. Pure, so that it can be stored in the commit that decides the outcome.
pub type Render<T> = fn(&Result<T, OperationError>, request_id: &str) -> Answer;

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

fn nothing<T>(_: &Result<T, OperationError>, _: &str) -> Answer {
    Answer { status: 0, body: String::new() }
}

/// The key of a call.
#[derive(Clone, Debug)]
pub enum CallKey {
    /// Of the request itself, which takes it.
    Own(Claim),
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
    pub const fn claim(&self) -> Option<Claim> {
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
                Some(KeyRef { scope: claim.scope, request: self.cause.request_id.clone() })
            }
            Some(CallKey::Earlier(key)) => Some(key.clone()),
            None => None,
        }
    }
}

impl Call<Payment> {
    /// Goes on with what is under way, where nobody waits: the key of the request that began it is answered.
    #[must_use]
    pub fn going_on(payment: &Payment, cause: Cause, renders: &Renders) -> Self {
        let flight = payment.state.flight();
        let asked = flight.map_or(OperationKind::Charge.into(), |flight| Asked::of(&flight.operation));
        let key = flight.and_then(|flight| flight.call.key.clone()).map(CallKey::Earlier);
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
            CallKey::Own(claim) => (claim.scope, &self.cause.request_id, true),
            CallKey::Earlier(key) => (key.scope, &key.request, false),
        };
        match result {
            Ok(subject) if !subject.is_decided() => None,
            Err(error) if !error.is_final() => may_release.then_some(KeyChange::Release { scope, subject }),
            result => Some(KeyChange::Answer { scope, subject, answer: (self.render)(result, request) }),
        }
    }
}

impl OperationError {
    /// Whether it came before anything was recorded.
    #[must_use]
    pub fn is_before_execution(&self) -> bool {
        !matches!(
            self,
            Self::Refused { .. } | Self::NotSent { .. } | Self::GivenUp { .. } | Self::Superseded { .. }
        )
    }

    /// Whether it was met before the request's key was asked for: what an earlier request with the key was told may
    /// be something else.
    #[must_use]
    pub fn may_hide_a_used_key(&self) -> bool {
        match self {
            Self::ProviderNotConfigured(_)
            | Self::Unacceptable(_)
            | Self::CaptureExceeds { .. }
            | Self::Busy { .. }
            | Self::OrderTaken
            // This request's change was not recorded; that of an earlier one with the key may have been.
            | Self::NotRecorded(_) => true,
            // These ask for the key themselves, are about it, or leave open whether it was taken.
            Self::NotFound
            | Self::InvalidState { .. }
            | Self::RefundExceeds { .. }
            | Self::Refused { .. }
            | Self::NotSent { .. }
            | Self::GivenUp { .. }
            | Self::Superseded { .. }
            | Self::InProgress
            | Self::KeyTaken
            | Self::InDoubt(_)
            | Self::Store(_)
            | Self::Crashed => false,
        }
    }

    /// Whether the same request would meet the same answer for ever. The rest may be tried again under the same key: it
    /// was certainly not executed, or (in doubt, crashed) the key finds out what became of it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => refusal.kind != RefusalKind::Configuration,
            Self::NotFound
            | Self::InvalidState { .. }
            | Self::RefundExceeds { .. }
            | Self::GivenUp { .. }
            | Self::Superseded { .. } => true,
            Self::ProviderNotConfigured(_)
            | Self::Unacceptable(_)
            | Self::CaptureExceeds { .. }
            | Self::Busy { .. }
            | Self::InProgress
            | Self::KeyTaken
            | Self::OrderTaken
            | Self::NotSent { .. }
            | Self::InDoubt(_)
            | Self::NotRecorded(_)
            | Self::Store(_)
            | Self::Crashed => false,
        }
    }
}
