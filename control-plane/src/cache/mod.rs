//! The edge cache, which all edges query before they forward a payment request.
//!
//! It is an accelerator and a first line of defence, never the source of truth: it may be unavailable, be flushed or
//! forget, and the durable idempotency row still holds. Nor is it trusted: the control plane seals its content, and
//! edges accept only what the seals prove. In Redis, answers are encrypted as well. Both backends follow the rules of
//! [`edge_core::idempotency::Record`].

mod in_process;
mod listener;
mod quota;
mod redis;
mod watch;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use edge_core::attestation::Keys;
use edge_core::client::ClientId;
use edge_core::idempotency::{ClaimRequest, Fence, Fenced, Scope, SealedAnswer, Verdict};
use payments::ports::clock::Clock;

pub use in_process::{InProcessCache, Limits};
pub use listener::router;
pub use quota::KeepPolicy;
pub use redis::{AnswerCipher, RedisCache, RedisUri};
pub(crate) use watch::watch;

/// A store of idempotency claims shared by several edges. Each operation is atomic.
#[async_trait]
pub trait EdgeCache: Send + Sync {
    /// Claims the key: its lease is the right to execute the request.
    async fn claim(&self, claim: &ClaimRequest) -> Result<Verdict, CacheError>;

    /// Stores the answer of `client`'s lease `fence` for later repeats of the request. Idempotent.
    async fn complete(
        &self,
        scope: &Scope,
        fence: Fence,
        answer: &SealedAnswer,
        client: &ClientId,
    ) -> Result<Completed, CacheError>;

    /// Releases the lease `fence`: nothing was executed, or only the durable row is to answer.
    async fn release(&self, scope: &Scope, fence: Fence) -> Result<Fenced, CacheError>;

    /// Checks that claims can be granted now, which requires a write.
    async fn ready(&self) -> Result<(), CacheError>;
}

/// The outcome of storing an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// The answer is stored, by this call or an identical earlier one.
    Kept,
    /// The lease is over: another request holds a later one, or the cache has forgotten this one. Nothing changed.
    Stale,
    /// The client's recent answers exhaust its quota. The lease is released: the row answers.
    OverQuota,
    /// The cache is nearly full, and the rest is for claims. The lease is released: the row answers.
    NoRoom,
}

impl From<Fenced> for Completed {
    fn from(fenced: Fenced) -> Self {
        match fenced {
            Fenced::Applied => Self::Kept,
            Fenced::Stale => Self::Stale,
        }
    }
}

/// The outcome is unknown. The operation may or may not have happened; the fence makes both safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// The reason, for logs. Contains neither keys nor answers.
    #[error("the edge cache is unavailable: {0}")]
    Unavailable(String),
}

impl CacheError {
    pub(crate) fn unavailable(reason: impl fmt::Display) -> Self {
        Self::Unavailable(reason.to_string())
    }
}

/// Opens the cache in Redis if `redis` is set, else in this process. Connects on first use, so an unavailable Redis
/// does not prevent startup. Must be called within a Tokio runtime.
///
/// # Errors
/// The Redis client cannot be set up.
pub fn open(
    redis: Option<RedisUri>,
    keep_policy: KeepPolicy,
    keys: &Keys,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn EdgeCache>, CacheError> {
    Ok(match redis {
        Some(uri) => Arc::new(RedisCache::open(uri, keep_policy, keys)?),
        None => Arc::new(InProcessCache::new(Limits::default(), keep_policy, clock)),
    })
}
