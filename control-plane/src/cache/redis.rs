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
mod connection;
mod info;
mod inspect;
mod memory;
mod replies;
mod uri;

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ::redis::aio::ConnectionManager;
use ::redis::{Script, Value};
pub use answer_cipher::AnswerCipher;
use async_trait::async_trait;
use connection::{TIMEOUT, connection};
use edge_core::attestation::Keys;
use edge_core::client::ClientId;
use edge_core::idempotency::{ClaimRequest, Fence, Fenced, KEPT_AFTER_LEASE, Scope, SealedAnswer, Verdict};
use info::Info;
use memory::RedisMemory;
use replies::{fenced, is_full, verdict, words};
use sha2::{Digest as _, Sha256};
pub use uri::RedisUri;

use super::{CacheError, Completed, EdgeCache, KeepPolicy};

/// The overhead of an answer in Redis's memory beyond its body and content type, in bytes: measured, see above.
const ANSWER_BYTES: u64 = 450;

/// Earlier releases keep answers unsealed or in clear, under other prefixes, so no release reads another's records. While
/// two run, a key known to one is new to the other; the database knows it in either case.
const RECORDS: &str = "edge:idem:3:";

/// The prefix of the clients' recent use.
const CLIENTS: &str = "edge:kept:";

/// A key for probes, which no claim can have.
const PROBE: &str = "edge:idem:3:ready";

/// The same for a client's recent use.
const PROBE_CLIENT: &str = "edge:kept:ready";

pub struct RedisCache {
    uri: RedisUri,
    keep_policy: KeepPolicy,
    cipher: AnswerCipher,
    memory: RedisMemory,
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
            memory: RedisMemory::new(),
            connection: RwLock::new(connection(&uri).map_err(CacheError::unavailable)?),
            unanswered: AtomicU32::new(0),
            has_told_version: AtomicBool::new(false),
            uri,
            claim: Script::new(include_str!("redis/claim.lua")),
            complete: Script::new(include_str!("redis/complete.lua")),
            release: Script::new(include_str!("redis/release.lua")),
        })
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
                self.memory.note_full();
                self.give_back(scope, fence).await
            }
            Err(error) => Err(CacheError::Unavailable(words(&error))),
        }
    }

    /// Checks at intervals how full Redis is. Without an answer, assumes that Redis has room until it refuses a write.
    async fn look_at_memory(&self) {
        if !self.memory.is_due() {
            return;
        }
        let mut info = ::redis::cmd("INFO");
        info.arg("memory");
        let mut connection = self.connection();
        // Bypasses `invoke`: a user that may not run INFO may do everything else, so a refusal needs no reconnect.
        if let Ok(Ok(said)) = tokio::time::timeout(TIMEOUT, info.query_async::<String>(&mut connection)).await
        {
            self.memory.note(&said);
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
        if self.memory.is_scarce() {
            let given_back = self.give_back(scope, fence).await?;
            self.look_at_memory().await;
            return Ok(given_back);
        }
        let kept = self.keep(scope, fence, answer, client).await?;
        self.look_at_memory().await;
        Ok(kept)
    }

    async fn release(&self, scope: &Scope, fence: Fence) -> Result<Fenced, CacheError> {
        let mut script = self.release.key(key(scope));
        script.arg(fence.get());
        let mut connection = self.connection();
        self.within_time(script.invoke_async(&mut connection)).await.map(fenced)
    }

    /// Writes as a claim does: a Redis that responds may be full, or a replica. Names the two keys that an answer needs,
    /// which Redis checks beforehand: a node of a Redis Cluster, or a user without the right to both, would keep none.
    async fn ready(&self) -> Result<(), CacheError> {
        self.look_at_memory().await;
        // A lease that expires immediately, so that each probe writes.
        let mut script = self.claim.key(PROBE);
        script.key(PROBE_CLIENT).arg("0").arg(0).arg(1_000);
        let mut connection = self.connection();
        self.within_time::<Value>(script.invoke_async(&mut connection)).await?;
        // Here and not where claims are answered: nobody waits for it.
        self.tell_version().await;
        Ok(())
    }
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
