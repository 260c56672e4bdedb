//! The edge cache: what all edges ask before they let a payment through.
//!
//! An accelerator and a first wall, never the truth: it may be away, be flushed or forget, and the durable
//! idempotency row still holds. Nor is it trusted: what it keeps is sealed by the control plane, and edges believe no
//! more of it than the seals prove. The rules are [`edge_core::idempotency::Record`]'s, in both backends.

mod in_process;
mod listener;
mod quota;
mod redis;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::{ClaimRequest, Fence, Fenced, Scope, SealedAnswer, Verdict};
use payments::ports::clock::Clock;

pub use in_process::{InProcessCache, Limits};
pub use listener::router;
pub use quota::KeepPolicy;
pub use redis::{RedisCache, RedisUri};

/// A store of claims that several edges share. Each operation is atomic.
#[async_trait]
pub trait EdgeCache: Send + Sync {
    /// Asks for the turn to execute.
    async fn claim(&self, claim: &ClaimRequest) -> Result<Verdict, CacheError>;

    /// Keeps the answer of the turn `fence`, which is `client`'s, for everybody who asks again. Repeating it is no harm.
    async fn complete(
        &self,
        scope: &Scope,
        fence: Fence,
        answer: &SealedAnswer,
        client: &ClientId,
    ) -> Result<Completed, CacheError>;

    /// Gives the turn `fence` back: nothing was executed, or only the durable row shall answer.
    async fn release(&self, scope: &Scope, fence: Fence) -> Result<Fenced, CacheError>;

    /// Whether a claim can be answered now, with the turn as well, which has to be written.
    async fn ready(&self) -> Result<(), CacheError>;
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// It is kept, by this call or by the same one before.
    Kept,
    /// The turn is over: another request has a later one, or the cache has forgotten this one. Nothing changed.
    Stale,
    /// What the client has had kept lately is as much as one may. The turn is given back: the row answers.
    OverQuota,
    /// The cache is nearly full, and the rest is for claims. The turn is given back: the row answers.
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

/// The cache cannot say. The operation may have happened or not; the fence makes both safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// Why, for logs. Holds neither keys nor answers.
    #[error("the edge cache is unavailable: {0}")]
    Unavailable(String),
}

impl CacheError {
    fn unavailable(reason: impl fmt::Display) -> Self {
        Self::Unavailable(reason.to_string())
    }
}

/// The cache in Redis if there is one, else in this process. Connects when first used, so a Redis that is away
/// does not stop a start. Needs a Tokio runtime around it.
///
/// # Errors
/// The Redis client cannot be set up.
pub fn open(
    redis: Option<RedisUri>,
    keep_policy: KeepPolicy,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn EdgeCache>, CacheError> {
    Ok(match redis {
        Some(uri) => Arc::new(RedisCache::open(uri, keep_policy)?),
        None => Arc::new(InProcessCache::new(Limits::default(), keep_policy, clock)),
    })
}
