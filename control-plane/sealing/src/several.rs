//! Several places that keep wrapping keys, while one replaces another.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{DataKeyId, SecretKey, WrapError, WrappedKey, Wrapping};

/// The first one wraps; each unwraps what it has wrapped.
#[derive(Debug)]
pub struct Several {
    first: Arc<dyn Wrapping>,
    others: Vec<Arc<dyn Wrapping>>,
}

impl Several {
    #[must_use]
    pub fn new(first: Arc<dyn Wrapping>, others: Vec<Arc<dyn Wrapping>>) -> Self {
        Self { first, others }
    }

    fn with(&self, name: &str) -> Option<&Arc<dyn Wrapping>> {
        std::iter::once(&self.first).chain(&self.others).find(|one| one.has(name))
    }
}

#[async_trait]
impl Wrapping for Several {
    fn first(&self) -> &str {
        self.first.first()
    }

    fn has(&self, name: &str) -> bool {
        self.with(name).is_some()
    }

    async fn wrap(&self, id: DataKeyId, key: &SecretKey) -> Result<WrappedKey, WrapError> {
        self.first.wrap(id, key).await
    }

    async fn unwrap(&self, id: DataKeyId, wrapped: &WrappedKey) -> Result<SecretKey, WrapError> {
        let with = self.with(&wrapped.by).ok_or_else(|| WrapError::UnknownKey(wrapped.by.clone()))?;
        with.unwrap(id, wrapped).await
    }

    async fn check(&self) -> Result<(), WrapError> {
        for one in std::iter::once(&self.first).chain(&self.others) {
            one.check().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyRing;

    const OLD: &str = "old:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const NEW: &str = "new:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

    #[tokio::test]
    async fn the_first_wraps_and_each_unwraps_its_own() {
        let ring = |list| -> Arc<dyn Wrapping> { Arc::new(KeyRing::parse(list).unwrap()) };
        let (id, key) = (DataKeyId::from_bytes([1; 8]), SecretKey::random().unwrap());
        let several = Several::new(ring(NEW), vec![ring(OLD)]);
        assert_eq!(several.wrap(id, &key).await.unwrap().by, "new");
        let of_old = ring(OLD).wrap(id, &key).await.unwrap();
        assert_eq!(several.unwrap(id, &of_old).await.unwrap().as_bytes(), key.as_bytes());
        several.check().await.unwrap();
        assert!(several.has("old") && several.has("new") && !several.has("other"));
        let unknown = WrappedKey { by: "other".to_owned(), ..of_old };
        assert!(matches!(several.unwrap(id, &unknown).await, Err(WrapError::UnknownKey(_))));
    }
}
