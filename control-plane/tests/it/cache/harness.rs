//! A cache under test, and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control_plane::cache::{EdgeCache, InProcessCache, KeepPolicy, Limits, RedisCache};
pub(super) use control_plane_tests::TestClock;
use edge_core::attestation::Keys;
use edge_core::idempotency::{Answer, ClaimRequest, Fence, Fingerprint, Lease, Scope, SealedAnswer, Verdict};
use test_services::RedisServer;

use crate::common::client;

/// A cache and its backend.
pub(super) struct Harness {
    pub(super) cache: Arc<dyn EdgeCache>,
    backend: Backend,
}

enum Backend {
    InProcess(Arc<TestClock>),
    Redis(RedisServer),
}

impl Harness {
    pub(super) fn in_process() -> Self {
        let clock = TestClock::start();
        let cache = Arc::new(InProcessCache::new(Limits::default(), KeepPolicy::default(), clock.clone()));
        Self { cache, backend: Backend::InProcess(clock) }
    }

    /// `None`, with a printed reason, where there is no Redis to be had.
    pub(super) async fn redis() -> Option<Self> {
        let server = RedisServer::any().await?;
        Some(Self { cache: cache_at(server.uri()), backend: Backend::Redis(server) })
    }

    /// Until `lease` is over by the cache's clock, which for Redis is the real one.
    pub(super) async fn outlast(&self, lease: Lease) {
        let lease = Duration::from_millis(lease.as_ms().into());
        match &self.backend {
            Backend::InProcess(clock) => clock.advance_by(lease),
            Backend::Redis(_) => tokio::time::sleep(lease + Duration::from_millis(2)).await,
        }
    }

    /// As after hours: nothing is known of `scope` any more.
    pub(super) async fn forget(&self, scope: Scope) {
        match &self.backend {
            Backend::InProcess(clock) => clock.advance_by(Duration::from_hours(24)),
            Backend::Redis(server) => forget(server, scope).await,
        }
    }
}

pub(super) fn cache_at(uri: &str) -> Arc<dyn EdgeCache> {
    cache_that_keeps(uri, KeepPolicy::default())
}

pub(super) fn cache_that_keeps(uri: &str, keep_policy: KeepPolicy) -> Arc<dyn EdgeCache> {
    Arc::new(RedisCache::open(uri.parse().unwrap(), keep_policy, &keys()).unwrap())
}

/// Where the cache keeps its record, as operators see it.
pub(super) fn key(scope: Scope) -> String {
    format!("edge:idem:3:{scope}")
}

pub(super) async fn forget(server: &RedisServer, scope: Scope) {
    server.run::<()>(&["DEL", &key(scope)]).await;
}

/// A scope that no other test uses, on a shared server neither.
pub(super) fn scope() -> Scope {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = format!("{}-{}", NEXT.fetch_add(1, Ordering::SeqCst), rand::random::<u64>());
    let key = edge_core::idempotency::Key::parse([id.as_bytes()]).unwrap();
    Scope::new(&client("demo"), "POST", "/payments/charge", &key)
}

pub(super) fn fingerprint(body: u8) -> Fingerprint {
    Fingerprint::new("POST", "/payments/charge", "", b"application/json", &[body])
}

pub(super) fn lease_ms(ms: u32) -> Lease {
    Lease::from_ms(ms).unwrap()
}

pub(super) const KEY: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";

pub(super) fn keys() -> Keys {
    Keys::parse(KEY).unwrap()
}

/// A claim for the request `body`, with a lease that no test outlasts by accident.
pub(super) fn claim(scope: Scope, body: u8) -> ClaimRequest {
    ClaimRequest { scope, fingerprint: fingerprint(body), lease: lease_ms(600_000) }
}

pub(super) fn short_claim(scope: Scope, body: u8) -> ClaimRequest {
    ClaimRequest { lease: lease_ms(20), ..claim(scope, body) }
}

/// Sealed for no key in particular: the cache keeps what it is given.
pub(super) fn answer(body: &str) -> SealedAnswer {
    let answer = Answer::new(200, "application/json".to_owned(), body.to_owned()).unwrap();
    let scope = Scope::from_hex(&"ab".repeat(32)).unwrap();
    SealedAnswer::new(answer, &scope, &fingerprint(1), &keys())
}

pub(super) async fn start(cache: &dyn EdgeCache, claim: ClaimRequest) -> Fence {
    match cache.claim(&claim).await {
        Ok(Verdict::Start { fence }) => fence,
        other => panic!("{other:?}"),
    }
}
