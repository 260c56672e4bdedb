//! A client's idempotency key, as the durable side knows it: one row for each key, written in the commit of
//! what the request does, so that the same request can never do it a second time.

use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Scope};
use jiff::Timestamp;
use serde::Serialize;

use super::event::Cause;
use super::id::{PaymentId, RefundId};
use super::operations::OperationError;
use super::payment::Status;
use super::provider::RefusalKind;
use super::refund::RefundStatus;

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
    /// The first answer to the key. Fails if there is one.
    Answer { scope: Scope, answer: Answer },
    /// Nothing was executed: the key may be used again.
    Release { scope: Scope },
}

/// Makes the answer of an operation. Pure, so that it can be stored in the commit that decides the outcome.
pub type Render<T> = fn(&Result<T, OperationError>, request_id: &str) -> Answer;

/// Who asks for an operation, and under which key.
#[derive(Clone, Debug)]
pub struct Call<T> {
    pub cause: Cause,
    pub claim: Option<Claim>,
    pub render: Render<T>,
}

/// What an operation is about.
pub trait Decided {
    /// Whether the outcome is final; a client that repeats its request gets the same answer from then on.
    fn is_decided(&self) -> bool;
}

impl Decided for super::payment::Payment {
    fn is_decided(&self) -> bool {
        self.state.status() != Status::Pending
    }
}

impl Decided for super::refund::Refund {
    fn is_decided(&self) -> bool {
        // What the provider took but has not finished is final for the request: it is `pending` there.
        self.state.status() != RefundStatus::Pending || self.state.reference().is_some()
    }
}

impl<T> Call<T> {
    /// Nobody waits for an answer.
    #[must_use]
    pub fn silent(cause: Cause) -> Self {
        let render = |_: &Result<T, OperationError>, _: &str| Answer { status: 0, body: String::new() };
        Self { cause, claim: None, render }
    }
}

impl<T: Decided> Call<T> {
    /// Takes the key in the commit that records the intent.
    #[must_use]
    pub fn take(&self, at: Timestamp) -> Option<KeyChange> {
        let client = self.cause.client.clone();
        self.claim.map(|claim| KeyChange::Take { claim, client, at, answer: None })
    }

    /// What the commit of this result does to the key.
    #[must_use]
    pub fn settle(&self, result: &Result<T, OperationError>) -> Option<KeyChange> {
        let scope = self.claim?.scope;
        match result {
            Ok(subject) if !subject.is_decided() => None,
            Err(error) if !error.is_final() => Some(KeyChange::Release { scope }),
            result => {
                let answer = (self.render)(result, &self.cause.request_id);
                Some(KeyChange::Answer { scope, answer })
            }
        }
    }
}

impl OperationError {
    /// Whether it came before anything was recorded.
    #[must_use]
    pub fn is_before_execution(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::NotSent { .. })
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
            | Self::OrderTaken => true,
            // These ask for the key themselves, are about it, or leave open whether it was taken.
            Self::NotFound
            | Self::InvalidState { .. }
            | Self::RefundExceeds { .. }
            | Self::Refused { .. }
            | Self::NotSent { .. }
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
            Self::NotFound | Self::InvalidState { .. } | Self::RefundExceeds { .. } => true,
            Self::ProviderNotConfigured(_)
            | Self::Unacceptable(_)
            | Self::CaptureExceeds { .. }
            | Self::Busy { .. }
            | Self::InProgress
            | Self::KeyTaken
            | Self::OrderTaken
            | Self::NotSent { .. }
            | Self::InDoubt(_)
            | Self::Store(_)
            | Self::Crashed => false,
        }
    }
}
