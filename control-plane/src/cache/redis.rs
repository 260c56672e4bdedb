//! The edge cache of a gateway with several control planes or edges: Redis 6.2 or newer, or Valkey.
//!
//! Each operation is one script, so it is atomic and takes one round trip. `maxmemory-policy` should be `noeviction`: any other
//! evicts the records of operations in flight, since they all have an expiry (money is safe even then: the durable row
//! decides). Answers are kept for minutes, and only while a quarter of `maxmemory` is free, so that claims always have
//! room. If Redis is full nevertheless, it refuses claims, which is no worse than an absent Redis.
//!
//! Measured on Redis 7.0.15 with 200,000 keys of each kind, overhead included: 565 bytes for the answer to a charge
//! (102 bytes of JSON; a longer answer takes correspondingly more), 293 bytes for a lease.

mod answer_cipher;
mod info;
mod inspect;
mod room;

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSub};
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    Client, ClientTlsConfig, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError,
    RedisResult, Script, TlsCertificates, Value, from_redis_value,
};
pub use answer_cipher::AnswerCipher;
use async_trait::async_trait;
use edge_core::attestation::Keys;
use edge_core::client::ClientId;
use edge_core::idempotency::{
    ClaimRequest, Fence, Fenced, Fingerprint, KEPT_AFTER_LEASE, Scope, SealedAnswer, Verdict,
};
use info::Info;
use room::Room;
use sha2::{Digest as _, Sha256};

use super::{CacheError, Completed, EdgeCache, KeepPolicy};
use crate::client_tls::ClientTls;
use crate::config::is_this_machine;
use crate::escapes::ESCAPES;

/// The timeout of one operation, connecting included. The edge, and with it the client, waits for it.
const TIMEOUT: Duration = Duration::from_millis(250);

/// How long sent bytes may stay unacknowledged before the connection counts as broken. Nothing else detects a peer that
/// vanished silently.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(2);

/// Consecutive commands without a timely answer after which the connection is replaced: a middlebox may acknowledge
/// bytes that it forwards to nobody. With a single probe a second, this takes four seconds.
const UNANSWERED_MAX: u32 = 4;

/// Commands that may be queued for writing; further ones wait for a place.
const QUEUE: usize = 1_024;

/// The overhead of an answer in Redis's memory beyond its body and content type, in bytes: measured, see above.
const ANSWER_BYTES: u64 = 450;

/// Earlier releases keep answers unsealed or in clear, under other prefixes, so no release reads another's records. While
/// two run, a key known to one is new to the other; the database knows it in either case.
const RECORDS: &str = "edge:idem:3:";

/// The prefix of the clients' recent use.
const CLIENTS: &str = "edge:kept:";

/// A key for probes, which no claim can have.
const PROBE: &str = "edge:idem:3:ready";

/// Error codes that concern the connection, not a record. Our scripts return none of them.
const REFUSALS: [&str; 5] = ["ERR", "NOAUTH", "NOPERM", "READONLY", "WRONGPASS"];

/// The address of Redis. Never printed in full, since it may hold a password.
#[derive(Clone)]
pub struct RedisUri(Client);

impl FromStr for RedisUri {
    type Err = String;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let client = uri.into_connection_info().and_then(|info| {
            // With RESP3 the client detects a broken connection at once, not when the next command fails.
            let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            Client::open(info.set_redis_settings(redis).set_tcp_settings(tcp_settings()))
        });
        client.map(Self).map_err(|_| {
            format!("must be redis://[USER:PASSWORD@]HOST[:PORT][/DB], or rediss://… for TLS; {ESCAPES}")
        })
    }
}

impl RedisUri {
    /// With these files for TLS. Without authorities among them, the machine's count.
    ///
    /// # Errors
    /// The address is without TLS.
    pub(crate) fn with_tls(self, tls: &ClientTls) -> Result<Self, String> {
        let info = self.0.get_connection_info().clone();
        let certificates = TlsCertificates {
            client_tls: tls.identity.as_ref().map(|(certificate, key)| ClientTlsConfig {
                client_cert: certificate.clone(),
                client_key: key.to_vec(),
            }),
            root_cert: tls.authorities.clone(),
        };
        let client = Client::build_with_tls(info, certificates);
        client.map(Self).map_err(|_| "must be rediss://…, since a setting has certificates for it".to_owned())
    }

    /// Whether nobody on the way can read or change the traffic: it stays on this machine, or is TLS.
    pub(crate) fn is_protected(&self) -> bool {
        match self.0.get_connection_info().addr() {
            ConnectionAddr::TcpTls { .. } | ConnectionAddr::Unix(_) => true,
            ConnectionAddr::Tcp(host, _) => is_this_machine(host),
            _ => false,
        }
    }

    /// A connection for commands. Connects on first use.
    pub(crate) fn commands(&self) -> RedisResult<ConnectionManager> {
        connection(self)
    }

    /// A connection that receives messages.
    pub(crate) async fn listener(&self) -> RedisResult<PubSub> {
        self.0.get_async_pubsub().await
    }

    pub(crate) fn database(&self) -> i64 {
        self.0.get_connection_info().redis_settings().db()
    }
}

/// Without user and password.
impl fmt::Display for RedisUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.0.get_connection_info();
        write!(f, "Redis {}, database {}", info.addr(), info.redis_settings().db())
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
    keep_policy: KeepPolicy,
    cipher: AnswerCipher,
    room: Room,
    connection: RwLock<ConnectionManager>,
    /// Consecutive commands without an answer.
    unanswered: AtomicU32,
    has_told_version: AtomicBool,
    claim: Script,
    complete: Script,
    release: Script,
}

impl RedisCache {
    /// Connects on first use. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn open(uri: RedisUri, keep_policy: KeepPolicy, keys: &Keys) -> Result<Self, CacheError> {
        Ok(Self {
            cipher: AnswerCipher::new(keys),
            keep_policy,
            room: Room::new(),
            connection: RwLock::new(connection(&uri).map_err(CacheError::unavailable)?),
            unanswered: AtomicU32::new(0),
            has_told_version: AtomicBool::new(false),
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
        self.invoke(command).await?.map_err(|error| CacheError::Unavailable(words(&error)))
    }

    /// Returns Redis's reply, or an error if it did not reply in time.
    async fn invoke<T>(
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

    async fn keep(
        &self,
        scope: &Scope,
        fence: Fence,
        answer: &SealedAnswer,
        client: &ClientId,
    ) -> Result<Completed, CacheError> {
        let encrypted = self.cipher.encrypt(scope, answer);
        let encrypted = encrypted.ok_or_else(|| CacheError::unavailable("the answer cannot be encrypted"))?;
        let bytes = ANSWER_BYTES.saturating_add(u64::try_from(answer.length()).unwrap_or(u64::MAX));
        let mut script = self.complete.key(key(scope));
        script.key(client_key(client)).arg(fence.get()).arg(encrypted).arg(ms(self.keep_policy.answers_for));
        script.arg(bytes).arg(self.keep_policy.client_bytes);
        let mut connection = self.connection();
        match self.invoke::<u8>(script.invoke_async(&mut connection)).await? {
            Ok(0) => Ok(Completed::Stale),
            Ok(2) => Ok(Completed::OverQuota),
            Ok(_) => Ok(Completed::Kept),
            Err(error) if is_full(&error) => {
                self.room.note_full();
                self.give_back(scope, fence).await
            }
            Err(error) => Err(CacheError::Unavailable(words(&error))),
        }
    }

    /// Checks at intervals how full Redis is. Without an answer, assumes that Redis has room until it refuses a write.
    async fn look_for_room(&self) {
        if !self.room.is_due() {
            return;
        }
        let mut info = ::redis::cmd("INFO");
        info.arg("memory");
        let mut connection = self.connection();
        // Bypasses `invoke`: a user that may not run INFO may do everything else, so a refusal needs no reconnect.
        if let Ok(Ok(said)) = tokio::time::timeout(TIMEOUT, info.query_async::<String>(&mut connection)).await
        {
            self.room.note(&said);
        }
    }

    /// Logs which server this is, once. Nothing depends on it, so a user that may not run INFO loses only the name.
    async fn tell_version(&self) {
        if self.has_told_version.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut info = ::redis::cmd("INFO");
        info.arg("server");
        let mut connection = self.connection();
        let said = tokio::time::timeout(TIMEOUT, info.query_async::<String>(&mut connection)).await;
        let product = said.ok().and_then(Result::ok).and_then(|said| Info(&said).product());
        let version = product.unwrap_or_else(|| "unknown".to_owned());
        tracing::info!(version, "connected to Redis");
    }

    async fn give_back(&self, scope: &Scope, fence: Fence) -> Result<Completed, CacheError> {
        Ok(match self.release(scope, fence).await? {
            Fenced::Applied => Completed::NoRoom,
            Fenced::Stale => Completed::Stale,
        })
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

fn connection(uri: &RedisUri) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        // A caller fails at once if Redis is unavailable; the next one tries again.
        .set_number_of_retries(0)
        .set_connection_timeout(Some(TIMEOUT))
        // The timeout around each operation covers the response.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    ConnectionManager::new_lazy_with_config(uri.0.clone(), config)
}

#[async_trait]
impl EdgeCache for RedisCache {
    async fn claim(&self, claim: &ClaimRequest) -> Result<Verdict, CacheError> {
        let lease_ms = u64::from(claim.lease.as_ms());
        let mut script = self.claim.key(key(&claim.scope));
        script.arg(claim.fingerprint.to_string()).arg(lease_ms);
        script.arg(lease_ms.saturating_add(ms(KEPT_AFTER_LEASE)));
        let mut connection = self.connection();
        let reply = self.within_time(script.invoke_async(&mut connection)).await?;
        // Without the parser's reason, which would quote the answer.
        let read = |stored: &[u8]| self.cipher.decrypt(&claim.scope, stored);
        verdict(reply, read).ok_or_else(|| CacheError::unavailable("Redis holds a record that is not ours"))
    }

    async fn complete(
        &self,
        scope: &Scope,
        fence: Fence,
        answer: &SealedAnswer,
        client: &ClientId,
    ) -> Result<Completed, CacheError> {
        if self.room.is_scarce() {
            let given_back = self.give_back(scope, fence).await?;
            self.look_for_room().await;
            return Ok(given_back);
        }
        let kept = self.keep(scope, fence, answer, client).await?;
        self.look_for_room().await;
        Ok(kept)
    }

    async fn release(&self, scope: &Scope, fence: Fence) -> Result<Fenced, CacheError> {
        let mut script = self.release.key(key(scope));
        script.arg(fence.get());
        let mut connection = self.connection();
        self.within_time(script.invoke_async(&mut connection)).await.map(fenced)
    }

    /// Writes as a claim does: a Redis that responds may be full, or a replica.
    async fn ready(&self) -> Result<(), CacheError> {
        self.look_for_room().await;
        // A lease that expires immediately, so that each probe writes.
        let mut script = self.claim.key(PROBE);
        script.arg("0").arg(0).arg(1_000);
        let mut connection = self.connection();
        self.within_time::<Value>(script.invoke_async(&mut connection)).await?;
        // Here and not where claims are answered: nobody waits for it.
        self.tell_version().await;
        Ok(())
    }
}

/// The error in one line. For a server of another protocol, Redis's own text would only name an unparsable byte.
fn words(error: &RedisError) -> String {
    if error.kind() == ErrorKind::Parse {
        return "the server there does not speak the protocol of Redis; check host and port".to_owned();
    }
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn key(scope: &Scope) -> String {
    format!("{RECORDS}{scope}")
}

/// Hashed, like every other key there, so that the cache does not reveal the clients.
fn client_key(client: &ClientId) -> String {
    let hash = Sha256::digest(client.as_str());
    format!("{CLIENTS}{}", hex::encode(hash))
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Parses the reply of `claim.lua`. `read` decrypts an answer.
fn verdict(reply: Value, read: impl FnOnce(&[u8]) -> Option<SealedAnswer>) -> Option<Verdict> {
    let mut parts = from_redis_value::<Vec<Value>>(reply).ok()?.into_iter();
    let name: String = from_redis_value(parts.next()?).ok()?;
    let value = parts.next()?;
    Some(match name.as_str() {
        "start" => Verdict::Start { fence: Fence::new(from_redis_value(value).ok()?)? },
        "replay" => Verdict::Replay(read(&from_redis_value::<Vec<u8>>(value).ok()?)?),
        "in_flight" => Verdict::in_flight(from_redis_value(value).ok()?),
        "mismatch" => {
            let fingerprint = Fingerprint::from_hex(&from_redis_value::<String>(value).ok()?)?;
            let answer: Vec<u8> = from_redis_value(parts.next()?).ok()?;
            let held = if answer.is_empty() { None } else { Some(read(&answer)?.held(fingerprint)) };
            Verdict::Mismatch { held }
        }
        _ => return None,
    })
}

/// Also searches the text: before Redis 7, an error inside a script has the code of script errors.
fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM") || error.to_string().contains("-OOM ")
}

fn fenced(applied: bool) -> Fenced {
    if applied { Fenced::Applied } else { Fenced::Stale }
}
