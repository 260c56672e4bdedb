//! The durable record of a client's idempotency key: one row per key, written in the commit of the request's effect, so
//! that a request never takes effect twice.

use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Scope};
use jiff::Timestamp;
use serde::Serialize;

use crate::model::id::{PaymentId, RefundId};

/// The identity of a request: its key and a fingerprint of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyClaim {
    /// Client, method, path and key.
    pub scope: Scope,
    /// A digest of the whole request: a different fingerprint in the same scope is a different request.
    pub fingerprint: Fingerprint,
}

impl KeyClaim {
    /// The claim of a request without a key, by the MAC of its attestation: a copy of the request has the same one.
    #[must_use]
    pub fn of_attestation(mac: &[u8; 32]) -> Self {
        let (scope, fingerprint) = Scope::of_attestation(mac);
        Self { scope, fingerprint }
    }
}

/// The object that a key's request created; after a crash, the request is answered from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Payment(PaymentId),
    Refund(RefundId),
}

/// A final answer, stored byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    pub status: u16,
    pub body: String,
}

impl StoredAnswer {
    #[must_use]
    pub fn json<T: Serialize>(status: u16, body: &T) -> Self {
        // Structures of strings and numbers cannot fail to serialize.
        Self { status, body: serde_json::to_string(body).unwrap_or_default() }
    }
}

/// The row of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub fingerprint: Fingerprint,
    /// `None` if the request was refused before it created anything.
    pub subject: Option<Subject>,
    /// `None` while the outcome is pending.
    pub answer: Option<StoredAnswer>,
}

/// What a commit does to a key.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// Takes the key: for the object that the commit creates, or with an `answer` for a request that was refused before
    /// it created anything. The claim of an attestation is taken without an answer in either case. Fails if the key is
    /// already used.
    Take { claim: KeyClaim, client: ClientId, at: Timestamp, answer: Option<StoredAnswer> },
    /// Stores the key's first answer if the key still belongs to `subject`. If it does not apply (the key has an answer
    /// or belongs to another subject), the rest of the commit is still written: a key never vetoes a provider's
    /// outcome. A commit of the key alone fails in that case.
    Answer { scope: Scope, subject: Subject, answer: StoredAnswer },
    /// Frees the key for reuse: nothing was executed for `subject`. Applies under the same conditions as `Answer`.
    Release { scope: Scope, subject: Subject },
}
