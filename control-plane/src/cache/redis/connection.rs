//! The connection for commands: how long it waits for a reply, and when another one replaces it.

use std::future::Future;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{ErrorKind, RedisError, RedisResult};

use super::replies::words;
use super::{RedisCache, RedisUri};
use crate::cache::CacheError;

/// The timeout of one operation, connecting included. The edge, and with it the client, waits for it.
pub(super) const TIMEOUT: Duration = Duration::from_millis(250);

/// How long sent bytes may stay unacknowledged before the connection counts as broken. Nothing else detects a peer that
/// vanished silently.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(2);

/// Consecutive commands without a timely answer after which the connection is replaced: a middlebox may acknowledge
/// bytes that it forwards to nobody. With a single probe a second, this takes four seconds.
const UNANSWERED_MAX: u32 = 4;

/// Commands that may be queued for writing; further ones wait for a place.
const QUEUE: usize = 1_024;

/// Error codes that concern the connection, not a record. Our scripts return none of them.
const REFUSALS: [&str; 5] = ["ERR", "NOAUTH", "NOPERM", "READONLY", "WRONGPASS"];

pub(super) fn tcp_settings() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNACKNOWLEDGED_MAX);
    settings
}

pub(super) fn connection(uri: &RedisUri) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        // A caller fails at once if Redis is unavailable; the next one tries again.
        .set_number_of_retries(0)
        .set_connection_timeout(Some(TIMEOUT))
        // The timeout around each operation covers the response.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    ConnectionManager::new_lazy_with_config(uri.0.clone(), config)
}

impl RedisCache {
    pub(super) fn connection(&self) -> ConnectionManager {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn within_time<T>(
        &self,
        command: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, CacheError> {
        self.invoke(command).await?.map_err(|error| CacheError::Unavailable(words(&error)))
    }

    /// Returns Redis's reply, or an error if it did not reply in time.
    pub(super) async fn invoke<T>(
        &self,
        command: impl Future<Output = RedisResult<T>>,
    ) -> Result<RedisResult<T>, CacheError> {
        let Ok(outcome) = tokio::time::timeout(TIMEOUT, command).await else {
            self.note_silence();
            return Err(CacheError::unavailable("Redis did not answer in time"));
        };
        // Load before storing: all claims share this counter, and it is hardly ever reset.
        if self.unanswered.load(Ordering::Relaxed) > 0 {
            self.unanswered.store(0, Ordering::Relaxed);
        }
        Ok(outcome.inspect_err(|error| self.renew_if_refused(error)))
    }

    /// Counts a missing reply and eventually reconnects, which is harmless if Redis only stalls.
    fn note_silence(&self) {
        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= UNANSWERED_MAX {
            self.unanswered.store(0, Ordering::Relaxed);
            self.renew();
        }
    }

    /// The connection manager replaces a broken connection, but not a refused one, whose error would persist. Refusals
    /// pass: passwords change, servers have too many clients for a while or become replicas.
    fn renew_if_refused(&self, error: &RedisError) {
        let refused = error.kind() == ErrorKind::AuthenticationFailed
            || error.code().is_some_and(|code| REFUSALS.contains(&code));
        if refused {
            self.renew();
        }
    }

    fn renew(&self) {
        if let Ok(fresh) = connection(&self.uri) {
            *self.connection.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }
}
