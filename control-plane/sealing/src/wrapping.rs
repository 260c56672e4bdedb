//! What protects data keys.

use std::fmt;

use async_trait::async_trait;

use crate::{DataKeyId, NoRandomness, SecretKey};

/// A data key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The name of the key that has wrapped it.
    pub by: String,
    pub bytes: Vec<u8>,
}

/// Why a data key is not wrapped or unwrapped. Holds no key.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    #[error("the key `{0}` is not configured")]
    UnknownKey(String),
    #[error(
        "the key `{by}` does not open the data key {data_key}: it is not the key of that name that has wrapped it, or \
         the wrapped key was altered"
    )]
    Wrong { by: String, data_key: DataKeyId },
    #[error("the service of the key `{by}` cannot be used")]
    Unavailable { by: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Keys that wrap data keys: at hand ([`crate::KeyRing`]), or in a key management service. A wrapped key opens only
/// under its own id.
#[async_trait]
pub trait Wrapping: Send + Sync + fmt::Debug {
    /// The name of the key that wraps.
    fn first(&self) -> &str;

    /// Whether the key of this name can unwrap.
    fn has(&self, name: &str) -> bool;

    /// Wraps with the first key.
    async fn wrap(&self, id: DataKeyId, key: &SecretKey) -> Result<WrappedKey, WrapError>;

    /// Unwraps with the key that has wrapped.
    async fn unwrap(&self, id: DataKeyId, wrapped: &WrappedKey) -> Result<SecretKey, WrapError>;

    /// Tries the key. Creates nothing.
    async fn check(&self) -> Result<(), WrapError> {
        round_trip(self).await
    }
}

/// Wraps a made-up data key and unwraps it again.
///
/// # Errors
/// Either fails.
pub async fn round_trip(wrapping: &(impl Wrapping + ?Sized)) -> Result<(), WrapError> {
    let (id, key) = (DataKeyId::random()?, SecretKey::random()?);
    let wrapped = wrapping.wrap(id, &key).await?;
    let unwrapped = wrapping.unwrap(id, &wrapped).await?;
    if unwrapped.as_bytes() == key.as_bytes() {
        Ok(())
    } else {
        Err(WrapError::Wrong { by: wrapped.by, data_key: id })
    }
}
