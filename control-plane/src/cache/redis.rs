//! The edge cache of a gateway with several control planes or edges: Redis 6.2 or newer, or Valkey.
//!
//! Each operation is one script on one key, hence atomic and one round trip. `maxmemory-policy` must be
//! `noeviction`: any other drops the records of operations under way, since all of them have an expiry. A full
//! Redis then refuses claims, which is no worse than an absent one.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    Client, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError, RedisResult, Script, Value,
    from_redis_value,
};
use async_trait::async_trait;
use edge_core::idempotency::{Answer, ClaimRequest, Fence, Fenced, KEPT_FOR, Scope, Verdict};

use super::{CacheError, EdgeCache};

/// For one operation, connecting included. The edge waits for it while the client does.
const TIMEOUT: Duration = Duration::from_millis(250);

/// How long sent bytes may stay unacknowledged before the connection counts as cut: a peer that went away
/// without a word is noticed by this alone.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(2);

/// Commands that may wait to be written; more wait for a place.
const QUEUE: usize = 1_024;

/// Codes of errors that are about the connection, not about a record. Our scripts use none of them.
const REFUSALS: [&str; 5] = ["ERR", "NOAUTH", "NOPERM", "READONLY", "WRONGPASS"];

/// Where Redis is. Never printed, since it may hold a password.
#[derive(Clone)]
pub struct RedisUri(Client);

impl FromStr for RedisUri {
    type Err = &'static str;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let client = uri.into_connection_info().and_then(|info| {
            // By RESP3 the client learns of a cut connection at once, not by the next command's failure.
            let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            Client::open(info.set_redis_settings(redis).set_tcp_settings(tcp_settings()))
        });
        client
            .map(Self)
            .map_err(|_| "must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss://… for TLS")
    }
}

impl fmt::Debug for RedisUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUri(…)")
    }
}

fn tcp_settings() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNACKNOWLEDGED_MAX);
    settings
}

pub struct RedisCache {
    uri: RedisUri,
    connection: RwLock<ConnectionManager>,
    claim: Script,
    complete: Script,
    release: Script,
}

impl RedisCache {
    /// Connects when first used. Needs a Tokio runtime around it.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn open(uri: RedisUri) -> Result<Self, CacheError> {
        Ok(Self {
            connection: RwLock::new(connection(&uri).map_err(CacheError::unavailable)?),
            uri,
            claim: Script::new(include_str!("redis/claim.lua")),
            complete: Script::new(include_str!("redis/complete.lua")),
            release: Script::new(include_str!("redis/release.lua")),
        })
    }

    fn connection(&self) -> ConnectionManager {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn within_time<T>(&self, command: impl Future<Output = RedisResult<T>>) -> Result<T, CacheError> {
        let outcome = tokio::time::timeout(TIMEOUT, command).await;
        let outcome = outcome.map_err(|_| CacheError::unavailable("Redis did not answer in time"))?;
        outcome.map_err(|error| {
            self.renew_if_refused(&error);
            CacheError::unavailable(error)
        })
    }

    /// The connection manager replaces a connection that was cut, but not one that was refused: that error would
    /// stand for good. Passwords are changed, servers have too many clients for a while or become replicas.
    fn renew_if_refused(&self, error: &RedisError) {
        let refused = error.kind() == ErrorKind::AuthenticationFailed
            || error.code().is_some_and(|code| REFUSALS.contains(&code));
        if refused && let Ok(fresh) = connection(&self.uri) {
            *self.connection.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }
}

fn connection(uri: &RedisUri) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        // A caller is told at once that Redis is away; the next one tries again.
        .set_number_of_retries(0)
        .set_connection_timeout(Some(TIMEOUT))
        // The timeout around each operation has this in it.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    ConnectionManager::new_lazy_with_config(uri.0.clone(), config)
}

#[async_trait]
impl EdgeCache for RedisCache {
    async fn claim(&self, claim: &ClaimRequest) -> Result<Verdict, CacheError> {
        let mut script = self.claim.key(key(&claim.scope));
        script.arg(claim.fingerprint.to_string()).arg(claim.lease.as_ms()).arg(kept_for_ms());
        let mut connection = self.connection();
        let reply = self.within_time(script.invoke_async(&mut connection)).await?;
        // Why stays unsaid: the parser would quote the answer.
        verdict(reply).ok_or_else(|| CacheError::unavailable("Redis holds a record that is not ours"))
    }

    async fn complete(&self, scope: &Scope, fence: Fence, answer: &Answer) -> Result<Fenced, CacheError> {
        let answer = serde_json::to_string(answer).map_err(CacheError::unavailable)?;
        let mut script = self.complete.key(key(scope));
        script.arg(fence.get()).arg(answer).arg(kept_for_ms());
        let mut connection = self.connection();
        self.within_time(script.invoke_async(&mut connection)).await.map(fenced)
    }

    async fn release(&self, scope: &Scope, fence: Fence) -> Result<Fenced, CacheError> {
        let mut script = self.release.key(key(scope));
        script.arg(fence.get());
        let mut connection = self.connection();
        self.within_time(script.invoke_async(&mut connection)).await.map(fenced)
    }

    async fn ready(&self) -> Result<(), CacheError> {
        let (ping, mut connection) = (::redis::cmd("PING"), self.connection());
        self.within_time(ping.query_async(&mut connection)).await
    }
}

fn key(scope: &Scope) -> String {
    format!("edge:idem:{scope}")
}

fn kept_for_ms() -> u64 {
    u64::try_from(KEPT_FOR.as_millis()).unwrap_or(u64::MAX)
}

/// Reads what `claim.lua` returns.
fn verdict(reply: Value) -> Option<Verdict> {
    let (name, value): (String, Value) = from_redis_value(reply).ok()?;
    Some(match name.as_str() {
        "start" => Verdict::Start { fence: Fence::new(from_redis_value(value).ok()?)? },
        "replay" => Verdict::Replay(serde_json::from_slice(&from_redis_value::<Vec<u8>>(value).ok()?).ok()?),
        "in_flight" => Verdict::in_flight(from_redis_value(value).ok()?),
        "mismatch" => Verdict::Mismatch,
        _ => return None,
    })
}

fn fenced(applied: bool) -> Fenced {
    if applied { Fenced::Applied } else { Fenced::Stale }
}
