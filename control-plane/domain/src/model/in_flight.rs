//! What payments and refunds share while a provider works on them: the recorded call, and when its key can still tell.

use edge_core::idempotency::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::id::AttemptId;
use crate::model::provider::Uncertainty;
use crate::model::transition::InvalidTransition;

/// How long after its last call an operation with a dead key may still be missing from the provider's reads. The
/// request has ended by then, and replicas catch up within seconds.
pub const READS_LAG: SignedDuration = SignedDuration::from_secs(10);
/// The provider has surely forgotten a key this long after the last moment at which we still repeat it.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(3);

/// A call to a provider. It is recorded before the call is made, and kept until the outcome is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// Makes the provider's idempotency key.
    pub attempt: AttemptId,
    /// When the operation was wanted.
    pub since: Timestamp,
    /// When the first call began that the provider may have executed, where that is later than `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When the provider was first seen to answer the key from a saved failure: repeating it tells nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_dead_since: Option<Timestamp>,
    /// What is certainly not made by then is not made any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The client's key, to be answered in the commit that decides, no matter which process makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
}

/// A client's idempotency key and the request that took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    pub scope: Scope,
    /// The id of the request; an error that is kept names it.
    pub request: String,
}

/// A payment or refund whose operation is in flight, as far as that does not depend on the operation.
pub trait InProgress: Sized {
    /// The process that made the call is gone, and with it the answer.
    ///
    /// # Errors
    /// If no call is being made.
    fn lost(self, at: Timestamp) -> Result<Self, InvalidTransition>;

    /// What was queued is sent once more. Nothing has been executed, so the provider's key horizon starts now.
    ///
    /// # Errors
    /// If nothing is queued.
    fn begin_again(self, at: Timestamp) -> Result<Self, InvalidTransition>;

    /// What was queued is not sent any more, so it was certainly not executed.
    ///
    /// # Errors
    /// If nothing is queued.
    fn give_up(self, at: Timestamp) -> Result<Self, InvalidTransition>;
}

impl InFlight {
    #[must_use]
    pub const fn new(attempt: AttemptId, since: Timestamp) -> Self {
        Self { attempt, since, asked_at: None, key_dead_since: None, expires_at: None, key: None }
    }

    /// From when on the provider may know the attempt's key.
    #[must_use]
    pub fn known_since(&self) -> Timestamp {
        self.asked_at.unwrap_or(self.since)
    }

    /// Whether the provider still answers the call's key with what became of it; it does so for `horizon`.
    #[must_use]
    pub fn may_be_repeated(&self, horizon: SignedDuration, now: Timestamp) -> bool {
        self.key_dead_since.is_none() && now.duration_since(self.known_since()) < horizon
    }

    /// Whether the provider's own records, read completely, are the last word: no request under this key is on its
    /// way any more, and none will execute it.
    #[must_use]
    pub fn is_left_to_records(&self, horizon: SignedDuration, now: Timestamp) -> bool {
        let dead = self.key_dead_since.is_some_and(|since| now.duration_since(since) >= READS_LAG);
        dead || now.duration_since(self.known_since()) >= horizon + FORGOTTEN_AFTER
    }

    /// Nothing was executed so far, so the provider's key horizon starts now.
    #[must_use]
    pub fn asked_again(self, at: Timestamp) -> Self {
        Self { asked_at: Some(at), ..self }
    }

    /// Keeps what a lost or useless answer says about the key.
    #[must_use]
    pub fn noting(mut self, uncertainty: &Uncertainty, at: Timestamp) -> Self {
        if uncertainty.is_key_dead {
            self.key_dead_since.get_or_insert(at);
        }
        self
    }
}
