//! The state that payments and refunds share while a provider works on them: the recorded call and the validity of its
//! key.

use edge_core::idempotency::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::id::AttemptId;
use crate::model::provider::Uncertainty;
use crate::model::transition::InvalidTransition;

/// How long after its last call an operation with a dead key may still be missing from the provider's reads. By then
/// the request has ended, and replicas catch up within seconds.
pub const READS_LAG: SignedDuration = SignedDuration::from_secs(10);
/// The provider has certainly forgotten a key this long after the last moment at which we would still repeat its call.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(3);

/// A call to a provider. Recorded before the call and kept until the outcome is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// The provider's idempotency key derives from it.
    pub attempt: AttemptId,
    /// When the operation was requested.
    pub since: Timestamp,
    /// When the first call began that the provider may have executed, if later than `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When the provider first answered the key with a saved failure: repeating the call reveals nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_dead_since: Option<Timestamp>,
    /// What the payer approved at the provider was judged before the call. A repeat of a call that may have been executed
    /// captures nothing that would be refused now, and leaves the outcome open: a refusal would prove nothing about the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_judged: bool,
    /// If the operation certainly has not been executed by then, it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The client's key. Whichever process commits the outcome also stores the key's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
}

/// A client's idempotency key and the request that took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    pub scope: Scope,
    /// The request id; a stored error answer contains it.
    pub request: String,
}

/// The transitions of an in-flight payment or refund that do not depend on the operation.
pub trait InProgress: Sized {
    /// The process that made the call died, and its answer is lost.
    ///
    /// # Errors
    /// If no call is in flight.
    fn lost(self, at: Timestamp) -> Result<Self, InvalidTransition>;

    /// Sends a queued operation again. Nothing has been executed, so the provider's key horizon starts now.
    ///
    /// # Errors
    /// If nothing is queued.
    fn begin_again(self, at: Timestamp) -> Result<Self, InvalidTransition>;

    /// Gives up a queued operation: it was certainly not executed.
    ///
    /// # Errors
    /// If nothing is queued.
    fn give_up(self, at: Timestamp) -> Result<Self, InvalidTransition>;
}

impl InFlight {
    #[must_use]
    pub const fn new(attempt: AttemptId, since: Timestamp) -> Self {
        Self {
            attempt,
            since,
            asked_at: None,
            key_dead_since: None,
            is_judged: false,
            expires_at: None,
            key: None,
        }
    }

    /// When the provider may first have seen the attempt's key.
    #[must_use]
    pub fn known_since(&self) -> Timestamp {
        self.asked_at.unwrap_or(self.since)
    }

    /// Whether the provider still answers the key with the call's outcome, which it does for `horizon`.
    #[must_use]
    pub fn may_be_repeated(&self, horizon: SignedDuration, now: Timestamp) -> bool {
        self.key_dead_since.is_none() && now.duration_since(self.known_since()) < horizon
    }

    /// Whether a complete read of the provider's records is conclusive: no request under this key is on its way, and
    /// none will execute the operation.
    #[must_use]
    pub fn is_left_to_records(&self, horizon: SignedDuration, now: Timestamp) -> bool {
        let dead = self.key_dead_since.is_some_and(|since| now.duration_since(since) >= READS_LAG);
        dead || now.duration_since(self.known_since()) >= horizon + FORGOTTEN_AFTER
    }

    /// Restarts the provider's key horizon: nothing has been executed so far. By now, the payer may have approved something
    /// else, so the call judges.
    #[must_use]
    pub fn asked_again(self, at: Timestamp) -> Self {
        Self { asked_at: Some(at), is_judged: false, ..self }
    }

    /// Records whether a lost or inconclusive answer shows that the key is dead.
    #[must_use]
    pub fn noting(mut self, uncertainty: &Uncertainty, at: Timestamp) -> Self {
        if uncertainty.is_key_dead {
            self.key_dead_since.get_or_insert(at);
        }
        self
    }
}
