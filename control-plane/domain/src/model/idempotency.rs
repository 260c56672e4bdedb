//! A client's idempotency key, as the durable side knows it: one row for each key, written in the commit of
//! what the request does, so that the same request can never do it a second time.

use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Scope};
use jiff::Timestamp;
use serde::Serialize;

use crate::model::id::{PaymentId, RefundId};

/// What names a request: whose key it is, and what was asked under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyClaim {
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
pub struct StoredAnswer {
    pub status: u16,
    pub body: String,
}

impl StoredAnswer {
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
    pub answer: Option<StoredAnswer>,
}

/// What a commit does to a key.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// The key is used now: for what the commit makes, or with an `answer` for a request that was refused
    /// before anything was made. Fails if the key is used already.
    Take { claim: KeyClaim, client: ClientId, at: Timestamp, answer: Option<StoredAnswer> },
    /// The first answer to the key, as long as it stands for `subject`. Where it does not apply (the key has an answer,
    /// or stands for something else by now), the rest of the commit is written all the same: a key never vetoes what a
    /// provider did. A commit of nothing else fails then.
    Answer { scope: Scope, subject: Subject, answer: StoredAnswer },
    /// Nothing was executed for `subject`: the key may be used again. Applies as `Answer` does.
    Release { scope: Scope, subject: Subject },
}
