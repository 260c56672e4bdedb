//! The edge cache over HTTP, as an edge meets it.

use std::net::SocketAddr;
use std::sync::Arc;

use control_plane::cache::{CacheError, Completed, EdgeCache, InProcessCache, KeepPolicy, Limits, router};
use edge_core::attestation::{Audience, HEADER, Holder, Keys};
use edge_core::client::ClientId;
use edge_core::idempotency::{
    CLAIMS_MAX, ClaimCall, ClaimRequest, Fence, Fenced, MARKER_HEADER, Scope, SealedAnswer, Verdict,
};
use payments::ports::clock::Clock;
use serde_json::{Value, json};

use super::harness::*;
use crate::common::client;

const OTHER_KEY: &str = "k1:0202020202020202020202020202020202020202020202020202020202020202";

struct Service {
    cache: Arc<dyn EdgeCache>,
    clock: Arc<TestClock>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Service {
    async fn start() -> Self {
        let clock = TestClock::start();
        Self::with(
            Arc::new(InProcessCache::new(Limits::default(), KeepPolicy::default(), clock.clone())),
            clock,
        )
        .await
    }

    async fn with(cache: Arc<dyn EdgeCache>, clock: Arc<TestClock>) -> Self {
        // The subkeys of a separate edge cache.
        let keys = Keys::parse(KEY).unwrap().of(Holder::EdgeCache).unwrap();
        let keys = Keys::parse_for(Holder::EdgeCache, &keys).unwrap();
        let router = router(cache.clone(), Arc::new(keys), clock.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { cache, clock, address, task }
    }

    fn call(&self, claims: &[ClaimRequest], key: &str) -> ClaimCall {
        let now_s = u64::try_from(self.clock.now().as_second()).unwrap();
        ClaimCall::new(claims, &Keys::parse(key).unwrap(), "req-1", now_s)
    }

    async fn send(&self, call: ClaimCall) -> Reply {
        let request = http().post(self.url("/claims")).header(HEADER, call.attestation).body(call.body);
        Reply::of(request).await
    }

    async fn claim(&self, claim: ClaimRequest) -> Reply {
        self.send(self.call(&[claim], KEY)).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap()
}

struct Reply {
    status: u16,
    marker: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl Reply {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let marker = response.headers().get(MARKER_HEADER).map(|value| value.as_bytes().to_vec());
        Self { status: response.status().as_u16(), marker, body: response.bytes().await.unwrap().to_vec() }
    }

    /// As the edge reads it.
    fn verdicts(&self, claims: usize) -> Option<Vec<Option<Verdict>>> {
        Verdict::read_all(self.status, self.marker.as_deref(), &self.body, claims)
    }

    fn verdict(&self) -> Option<Verdict> {
        self.verdicts(1)?.pop()?
    }

    fn error(&self) -> (u16, Value) {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        (self.status, body["error"]["code"].clone())
    }
}

#[tokio::test]
async fn an_edge_is_told_each_verdict() {
    let (service, scope) = (Service::start().await, scope());
    let Some(Verdict::Start { fence }) = service.claim(claim(scope, 1)).await.verdict() else { panic!() };
    let waiting = service.claim(claim(scope, 1)).await.verdict();
    assert!(matches!(waiting, Some(Verdict::InFlight { .. })));
    let other = service.claim(claim(scope, 2)).await.verdict();
    assert_eq!(other, Some(Verdict::Mismatch { held: None }));
    service.cache.complete(&scope, fence, &answer("{\"a\":1}"), &client("demo")).await.unwrap();
    assert_eq!(service.claim(claim(scope, 1)).await.verdict(), Some(Verdict::Replay(answer("{\"a\":1}"))));
}

#[tokio::test]
async fn claims_of_one_call_are_taken_in_their_order_and_told_each_its_verdict() {
    let (service, mine, other) = (Service::start().await, scope(), scope());
    let claims = [claim(mine, 1), claim(mine, 1), claim(other, 1), claim(mine, 2)];
    let verdicts = service.send(service.call(&claims, KEY)).await.verdicts(4).unwrap();
    let [Some(Verdict::Start { fence }), second, Some(Verdict::Start { .. }), fourth] = &verdicts[..] else {
        panic!("{verdicts:?}")
    };
    assert!(matches!(second, Some(Verdict::InFlight { .. })), "{second:?}");
    assert_eq!(*fourth, Some(Verdict::Mismatch { held: None }));

    service.cache.complete(&mine, *fence, &answer("1"), &client("demo")).await.unwrap();
    let most = service.send(service.call(&[claim(mine, 1); CLAIMS_MAX], KEY)).await;
    assert_eq!(most.verdicts(CLAIMS_MAX).unwrap(), vec![Some(Verdict::Replay(answer("1"))); CLAIMS_MAX]);
}

#[tokio::test]
async fn where_one_claim_cannot_be_told_the_others_are() {
    let clock = TestClock::start();
    let one_record = Limits { records: 1, ..Limits::default() };
    let service =
        Service::with(Arc::new(InProcessCache::new(one_record, KeepPolicy::default(), clock.clone())), clock)
            .await;
    let claims = [claim(scope(), 1), claim(scope(), 1)];
    let verdicts = service.send(service.call(&claims, KEY)).await.verdicts(2).unwrap();
    assert!(matches!(verdicts[..], [Some(Verdict::Start { .. }), None]), "{verdicts:?}");
}

#[tokio::test]
async fn http_1_does_as_well() {
    let service = Service::start().await;
    let call = service.call(&[claim(scope(), 1)], KEY);
    let client = reqwest::Client::builder().no_proxy().http1_only().build().unwrap();
    let request = client.post(service.url("/claims")).header(HEADER, call.attestation).body(call.body);
    assert!(matches!(Reply::of(request).await.verdict(), Some(Verdict::Start { .. })));
}

#[tokio::test]
async fn a_caller_without_a_key_is_refused_and_changes_nothing() {
    let (service, scope) = (Service::start().await, scope());
    let refused = (401, json!("EDGE_ATTESTATION_REQUIRED"));
    let good = service.call(&[claim(scope, 1)], KEY);

    let forged = service.call(&[claim(scope, 1)], OTHER_KEY);
    assert_eq!(service.send(forged).await.error(), refused);
    let seen = edge_core::attestation::Request::new("POST", "/claims", &good.body);
    let statement = edge_core::attestation::Statement::anonymous("req-1".to_owned());
    let now_s = u64::try_from(service.clock.now().as_second()).unwrap();
    let elsewhere = Keys::parse(KEY).unwrap().sign(&seen, &statement, now_s);
    let elsewhere = ClaimCall { attestation: elsewhere, body: good.body.clone() };
    assert_eq!(service.send(elsewhere).await.error(), refused, "for the control plane");
    let altered = ClaimCall { body: service.call(&[claim(scope, 2)], KEY).body, ..good.clone() };
    assert_eq!(service.send(altered).await.error(), refused);
    let bare = http().post(service.url("/claims")).body(good.body.clone());
    assert_eq!(Reply::of(bare).await.error(), refused);
    let twice = http().post(service.url("/claims")).header(HEADER, &good.attestation);
    let twice = twice.header(HEADER, &good.attestation).body(good.body.clone());
    assert_eq!(Reply::of(twice).await.error(), refused);
    service.clock.advance_by(std::time::Duration::from_secs(61));
    assert_eq!(service.send(good).await.error(), refused, "stale");

    assert!(matches!(service.claim(claim(scope, 2)).await.verdict(), Some(Verdict::Start { .. })));
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_is_refused() {
    let service = Service::start().await;
    let now_s = u64::try_from(service.clock.now().as_second()).unwrap();
    let sign = |body: &[u8]| {
        let seen = edge_core::attestation::Request::new("POST", "/claims", body).to(Audience::EdgeCache);
        let claims = edge_core::attestation::Statement::anonymous("req-1".to_owned());
        ClaimCall { attestation: Keys::parse(KEY).unwrap().sign(&seen, &claims, now_s), body: body.to_vec() }
    };
    for body in [
        b"".as_slice(),
        b"{}",
        b"[]",
        b"[1]",
        b"\xff\xfe",
        br#"[{"scope":"1","fingerprint":"2","leaseMs":3}]"#,
    ] {
        assert_eq!(service.send(sign(body)).await.error(), (400, json!("INVALID_REQUEST")));
    }
    let large = service.send(sign(&[b' '; 32 * 1_024 + 1])).await;
    assert_eq!(large.error(), (413, json!("PAYLOAD_TOO_LARGE")));
}

#[tokio::test]
async fn an_absent_store_gives_no_verdict_and_is_not_ready() {
    let service = Service::with(Arc::new(Absent), TestClock::start()).await;
    let reply = service.claim(claim(scope(), 1)).await;
    assert_eq!(reply.verdict(), None);
    assert_eq!(reply.error(), (503, json!("IDEMPOTENCY_UNAVAILABLE")));
    let ready = http().get(service.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    let reason = ready.text().await.unwrap();
    assert!(reason.contains("takes no claims") && reason.contains(": away"), "{reason}");
    assert_eq!(Reply::of(http().get(service.url("/healthz"))).await.status, 200);
}

#[tokio::test]
async fn probes_need_no_key() {
    let service = Service::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(Reply::of(http().get(service.url(path))).await.status, 200);
    }
}

/// A cache whose store is away.
struct Absent;

fn away<T>() -> Result<T, CacheError> {
    Err(CacheError::Unavailable("away".to_owned()))
}

#[async_trait::async_trait]
impl EdgeCache for Absent {
    async fn claim(&self, _: &ClaimRequest) -> Result<Verdict, CacheError> {
        away()
    }

    async fn complete(
        &self,
        _: &Scope,
        _: Fence,
        _: &SealedAnswer,
        _: &ClientId,
    ) -> Result<Completed, CacheError> {
        away()
    }

    async fn release(&self, _: &Scope, _: Fence) -> Result<Fenced, CacheError> {
        away()
    }

    async fn ready(&self) -> Result<(), CacheError> {
        away()
    }
}
