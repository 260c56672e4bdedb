//! Each client's share of the connections for lists.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use edge_core::client::ClientId;
use payments::ports::store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// Minimum time that a list occupies its share, even if it ends earlier. It limits a client that polls without pause to
/// about 200 lists a second per connection, a tenth of the load that fills a processor core, which charges need too. A
/// client that reads page after page does not notice.
const PACE: Duration = Duration::from_millis(4);

/// Limits each client to half of the connections, so that its polling leaves some to the others.
pub(super) struct Shares {
    each: usize,
    /// How long a list waits for earlier lists of the same client.
    patience: Duration,
    /// One entry per client with a list in progress.
    taken: Mutex<HashMap<ClientId, Weak<Semaphore>>>,
}

/// Returned on drop, but no earlier than `PACE` after it was taken.
pub(super) struct Share {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Shares {
    pub(super) fn of(connections: u32, patience: Duration) -> Self {
        let each = usize::try_from(connections.div_ceil(2)).unwrap_or(1).max(1);
        Self { each, patience, taken: Mutex::default() }
    }

    /// # Errors
    /// Returns `NoConnection` if the client's own lists leave it none.
    pub(super) async fn take(&self, client: &ClientId) -> Result<Share, StoreError> {
        let permit = timeout(self.patience, self.semaphore(client).acquire_owned()).await;
        // The semaphore is never closed.
        let permit = permit.ok().and_then(Result::ok).ok_or(StoreError::NoConnection)?;
        let permit = Arc::new(permit);
        let kept = permit.clone();
        tokio::spawn(async move {
            sleep(PACE).await;
            drop(kept);
        });
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
    use tokio::time::Instant;

    use super::*;

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    #[tokio::test]
    async fn a_client_takes_half_of_the_connections_and_others_have_the_rest() {
        let shares = Shares::of(4, Duration::from_millis(50));
        let first = shares.take(&client("greedy")).await.unwrap();
        let _second = shares.take(&client("greedy")).await.unwrap();
        assert!(matches!(shares.take(&client("greedy")).await, Err(StoreError::NoConnection)));
        let _other = shares.take(&client("other")).await.unwrap();
        drop(first);
        shares.take(&client("greedy")).await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_polls_without_pause_gets_a_steady_rate() {
        let shares = Shares::of(2, Duration::from_secs(2));
        let start = Instant::now();
        for _ in 0..20 {
            drop(shares.take(&client("greedy")).await.unwrap());
        }
        assert!(start.elapsed() >= 19 * PACE, "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_client_that_lists_no_more_is_forgotten() {
        let shares = Shares::of(1, Duration::from_secs(2));
        for n in 0..5 {
            drop(shares.take(&client(&format!("client-{n}"))).await.unwrap());
            sleep(2 * PACE).await;
        }
        assert_eq!(shares.taken.lock().unwrap().len(), 1);
    }
}
