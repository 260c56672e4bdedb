//! Each client's share of the connections for lists.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use edge_core::client::ClientId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::store::StoreError;

/// Lets one client use half of the connections at most, so that its polling leaves some to the others.
pub(super) struct Shares {
    each: usize,
    /// How long a list waits for one before it of the same client.
    patience: Duration,
    /// As many as there are clients that list at this moment.
    taken: Mutex<HashMap<ClientId, Weak<Semaphore>>>,
}

/// Gives the share back when it is dropped.
pub(super) struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Shares {
    pub(super) fn of(connections: u32, patience: Duration) -> Self {
        let each = usize::try_from(connections.div_ceil(2)).unwrap_or(1).max(1);
        Self { each, patience, taken: Mutex::default() }
    }

    /// # Errors
    /// `NoConnection` if the client's own lists leave it none.
    pub(super) async fn take(&self, client: &ClientId) -> Result<Share, StoreError> {
        let permit = timeout(self.patience, self.semaphore(client).acquire_owned()).await;
        // Nothing closes a semaphore.
        let permit = permit.ok().and_then(Result::ok).ok_or(StoreError::NoConnection)?;
        Ok(Share { _permit: permit })
    }

    fn semaphore(&self, client: &ClientId) -> Arc<Semaphore> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = taken.get(client).and_then(Weak::upgrade) {
            return semaphore;
        }
        taken.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(self.each));
        taken.insert(client.clone(), Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_takes_half_of_the_connections_and_others_have_the_rest() {
        let shares = Shares::of(4, Duration::from_secs(2));
        let first = shares.take(&client("greedy")).await.unwrap();
        let _second = shares.take(&client("greedy")).await.unwrap();
        assert!(matches!(shares.take(&client("greedy")).await, Err(StoreError::NoConnection)));
        let _other = shares.take(&client("other")).await.unwrap();
        drop(first);
        shares.take(&client("greedy")).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_lists_no_more_is_forgotten() {
        let shares = Shares::of(1, Duration::from_secs(2));
        for n in 0..100 {
            shares.take(&client(&format!("client-{n}"))).await.unwrap();
        }
        assert_eq!(shares.taken.lock().unwrap().len(), 1);
    }
}
