//! The HTTP API in the process, without a proxy: what the edge's attestation opens, and what answers look like.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use control_plane::cache::{EdgeCache, InProcessCache, KeepPolicy, Limits};
use control_plane::http::{App, Documents, Graphql, router};
use edge_core::attestation::{HEADER, Keys, Request as Attested, Statement};
use edge_core::request::ReturnUrlHosts;
use futures_util::stream::pending;
use metrics_exporter_prometheus::PrometheusBuilder;
use payments::model::provider::{Outcome, Refusal, RefusalKind, Uncertainty};
use payments::ports::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::common::*;

mod attestations;
mod copies;
mod damaged_keys;
mod graphql;
mod graphql_settings;
mod keys;
mod secrets;

pub(crate) const KEY: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";
pub(crate) const CHARGE: &str =
    r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;

pub(crate) struct Api {
    pub(crate) test: TestGateway,
    router: Router,
    draining: CancellationToken,
    cache: Arc<dyn EdgeCache>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with_tenure(Duration::from_secs(300)).await
    }

    /// Its streams last this long at most.
    pub(crate) async fn with_tenure(stream_tenure: Duration) -> Self {
        Self::of(TestGateway::start().await, stream_tenure)
    }

    pub(crate) fn on(store: TestStore) -> Self {
        Self::of(TestGateway::on(store, without_inline_repeats()), Duration::from_secs(300))
    }

    /// Its `/graphql` executes this.
    async fn with_graphql(graphql: Graphql) -> Self {
        Self::serving(TestGateway::start().await, Duration::from_secs(300), graphql)
    }

    fn of(test: TestGateway, stream_tenure: Duration) -> Self {
        Self::serving(test, stream_tenure, Graphql::new(true, Documents::default()))
    }

    fn serving(test: TestGateway, stream_tenure: Duration, graphql: Graphql) -> Self {
        let draining = CancellationToken::new();
        let cache: Arc<dyn EdgeCache> = Arc::new(InProcessCache::new(
            Limits::default(),
            KeepPolicy::default(),
            test.gateway.clock.clone(),
        ));
        let app = App {
            gateway: test.gateway.clone(),
            cache: cache.clone(),
            attestation_keys: Arc::new(Keys::parse(KEY).unwrap()),
            graphql: Arc::new(graphql),
            stream_tenure,
            events_days: Some(90),
            live: control_plane::live::Live::start(test.gateway.store.clone(), None, draining.clone())
                .unwrap(),
            wallets: Arc::default(),
            return_url_hosts: Arc::new(ReturnUrlHosts::new(["shop.example"]).unwrap()),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            draining: draining.clone(),
        };
        Self { router: router(app), test, draining, cache }
    }

    /// Serves it on an address of its own, for what needs a connection.
    pub(crate) async fn listen(&self) -> SocketAddr {
        self.listen_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn listen_on(&self, listener: TcpListener) -> SocketAddr {
        let (address, router) = (listener.local_addr().unwrap(), self.router.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Serves it by the server of every listener, which also speaks HTTP/2.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, stop) = (self.router.clone(), self.draining.clone());
        tokio::spawn(control_plane::server::serve(listener, None, router, stop));
        address
    }

    /// Another process on the same database.
    pub(crate) async fn restarted(self) -> Self {
        let gateway = self.test.restarted().await;
        Self::of(TestGateway { gateway, ..self.test }, Duration::from_secs(300))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// As the edge would forward it for `client`, with an id that no other request has.
    pub(crate) fn attested(&self, client: &str, method: &str, path: &str, body: &str) -> Request<Body> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let client = edge_core::client::ClientId::parse(client);
        let id = format!("req-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let claims = Statement { client, ..Statement::anonymous(id) };
        self.vouched_for(&claims, method, path, body)
    }

    pub(crate) fn vouched_for(
        &self,
        claims: &Statement,
        method: &str,
        path: &str,
        body: &str,
    ) -> Request<Body> {
        let now_s = u64::try_from(self.test.clock.now().as_second()).unwrap();
        let seen = Attested::new(method, path, body.as_bytes());
        let header = Keys::parse(KEY).unwrap().sign(&seen, claims, now_s);
        Api::request(method, path).header(HEADER, header).body(Body::from(body.to_owned())).unwrap()
    }

    fn request(method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header("x-request-id", "req-1")
    }

    pub(crate) async fn demo(&self, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        read(self.send(self.attested("demo", method, path, body)).await).await
    }

    /// As a shutdown begins.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
    }

    pub(crate) async fn charged(&self) -> String {
        let (status, answer) = self.demo("POST", "/payments/charge", CHARGE).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["transactionId"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_charge_answers_as_documented() {
    let api = Api::start().await;
    let (status, answer) = api.demo("POST", "/payments/charge", CHARGE).await;
    let id = answer["transactionId"].as_str().unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer, json!({"success": true, "transactionId": id, "status": "completed"}));
    assert!(id.starts_with("txn_"));
}

#[tokio::test]
async fn a_refund_answers_as_documented() {
    let api = Api::start().await;
    let id = api.charged().await;
    let (status, answer) =
        api.demo("POST", "/payments/refund", &format!(r#"{{"transactionId":"{id}","amount":4999}}"#)).await;
    let refund = answer["refundId"].as_str().unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer, json!({"success": true, "refundId": refund, "status": "processed"}));
    let (_, found) = api.demo("GET", &format!("/refunds/{refund}"), "").await;
    assert_eq!((found["amount"].as_u64(), found["transactionId"].as_str()), (Some(4999), Some(id.as_str())));
}

#[tokio::test]
async fn a_path_that_is_no_text_names_nothing() {
    let api = Api::start().await;
    for (method, path, code) in [
        ("GET", "/payments/%ff", "TRANSACTION_NOT_FOUND"),
        ("POST", "/payments/%ff/cancel", "TRANSACTION_NOT_FOUND"),
        ("GET", "/refunds/%ff", "NOT_FOUND"),
    ] {
        let (status, answer) = api.demo(method, path, "").await;
        assert_eq!((status, answer["error"]["code"].as_str()), (StatusCode::NOT_FOUND, Some(code)), "{path}");
    }
}

#[tokio::test]
async fn no_answer_is_kept_by_a_cache() {
    let api = Api::start().await;
    for (method, path, body) in
        [("POST", "/payments/charge", CHARGE), ("GET", "/payments", ""), ("GET", "/payments/txn_1", "")]
    {
        let answer = api.send(api.attested("demo", method, path, body)).await;
        assert_eq!(answer.headers()["cache-control"], "no-store", "{method} {path}");
    }
    let unattested = api.send(Api::request("GET", "/payments").body(Body::empty()).unwrap()).await;
    assert_eq!(unattested.headers()["cache-control"], "no-store");
}

/// In case an edge is configured with another list.
#[tokio::test]
async fn payers_are_sent_only_to_hosts_of_the_list() {
    let api = Api::start().await;
    let to = |host| CHARGE.replace('}', &format!(r#","returnUrl":"https://{host}/back"}}"#));
    let (status, answer) = api.demo("POST", "/payments/charge", &to("evil.example")).await;
    let error = (answer["error"]["code"].as_str(), answer["error"]["param"].as_str());
    assert_eq!((status, error), (StatusCode::BAD_REQUEST, (Some("INVALID_REQUEST"), Some("returnUrl"))));
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
    let (status, answer) = api.demo("POST", "/payments/charge", &to("shop.example")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

/// Takes as long as the patience with a body, ten seconds.
#[tokio::test]
async fn a_body_that_does_not_end_is_given_up() {
    let api = Api::start().await;
    let mut request = api.attested("demo", "POST", "/payments/charge", CHARGE);
    *request.body_mut() = Body::from_stream(pending::<Result<&str, Infallible>>());
    let (status, answer) = timeout(Duration::from_secs(20), async { read(api.send(request).await).await })
        .await
        .expect("it is waited for");
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("INVALID_REQUEST"))
    );
}

#[tokio::test]
async fn every_answer_carries_the_request_id() {
    let api = Api::start().await;
    let response = api.send(api.attested("demo", "POST", "/payments/charge", CHARGE)).await;
    assert_eq!(response.headers()["x-request-id"], "req-1");
    let response = api.send(api.attested("demo", "POST", "/payments/charge", "{}")).await;
    assert_eq!(response.headers()["x-request-id"], "req-1");
    assert_eq!(read(response).await.1["error"]["requestId"], "req-1");
}

#[tokio::test]
async fn a_decline_answers_402_with_the_providers_reason() {
    let api = Api::start().await;
    api.test.provider.charges.lock().unwrap().push(Outcome::Refused(Refusal {
        kind: RefusalKind::Declined,
        code: Some("card_declined".to_owned()),
        decline_code: Some("lost_card".to_owned()),
        message: "Your card was declined.".to_owned(),
        reference: None,
    }));
    let (status, answer) = api.demo("POST", "/payments/charge", CHARGE).await;
    let error = &answer["error"];
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!((&error["code"], &error["declineCode"]), (&json!("PAYMENT_FAILED"), &json!("lost_card")));
    assert_eq!((&error["retryable"], &answer["success"]), (&json!(false), &json!(false)));
    let (_, payment) =
        api.demo("GET", &format!("/payments/{}", error["transactionId"].as_str().unwrap()), "").await;
    assert_eq!(
        (&payment["status"], &payment["failure"]["code"]),
        (&json!("failed"), &json!("card_declined"))
    );
}

#[tokio::test]
async fn a_lost_answer_is_202_pending() {
    let api = Api::start().await;
    api.test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let (status, answer) = api.demo("POST", "/payments/charge", CHARGE).await;
    assert_eq!((status, &answer["status"]), (StatusCode::ACCEPTED, &json!("pending")));
}

#[tokio::test]
async fn our_own_misconfiguration_is_502_and_an_unreachable_provider_is_asked_later() {
    let api = Api::start().await;
    let refusal = Refusal {
        kind: RefusalKind::Configuration,
        code: Some("invalid_api_key".to_owned()),
        decline_code: None,
        message: "Invalid API Key provided: sk_test_***".to_owned(),
        reference: None,
    };
    api.test.provider.charges.lock().unwrap().push(Outcome::Refused(refusal));
    let (status, answer) = api.demo("POST", "/payments/charge", CHARGE).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::BAD_GATEWAY, &json!("PROVIDER_REJECTED")));
    assert_eq!(answer["error"]["providerCode"], "invalid_api_key");
    assert!(!answer.to_string().contains("API Key"), "{answer}");
    api.test.provider.charges.lock().unwrap().push(Outcome::NotSent(Uncertainty::new("connection refused")));
    let (status, answer) = api.demo("POST", "/payments/charge", CHARGE).await;
    assert_eq!((status, &answer["status"]), (StatusCode::ACCEPTED, &json!("pending")));
}

/// The database has undone what it had done of it.
#[tokio::test]
async fn a_charge_that_the_database_refused_is_told_as_not_carried_out() {
    let api = Api::start().await;
    api.test.store.execute("DROP TABLE events").await;
    let (status, answer) = api.demo("POST", "/payments/charge", CHARGE).await;
    assert_eq!(
        (status, &answer["error"]["code"], &answer["error"]["retryable"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("GATEWAY_UNAVAILABLE"), &json!(true))
    );
    assert!(answer["error"]["message"].as_str().unwrap().contains("was not carried out"), "{answer}");
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_control_plane_checks_bodies_again() {
    let api = Api::start().await;
    let (status, answer) = api.demo("POST", "/payments/charge", &CHARGE.replace("4999", "0")).await;
    assert_eq!((status, &answer["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("amount")));
}

#[tokio::test]
async fn unknown_payments_and_those_of_others_are_404() {
    let api = Api::start().await;
    let id = api.charged().await;
    let (status, answer) =
        read(api.send(api.attested("demo-2", "GET", &format!("/payments/{id}"), "")).await).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::NOT_FOUND, &json!("TRANSACTION_NOT_FOUND")));
    let (status, _) = api.demo("GET", &format!("/payments/{}", payment_id(9)), "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = api.demo("GET", &format!("/payments/{}/events", payment_id(9)), "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_listing_is_walked_with_the_last_id() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(api.charged().await);
    }
    ids.reverse();
    let (_, first) = api.demo("GET", "/payments?limit=2", "").await;
    assert_eq!(
        (first["hasMore"].as_bool(), first["data"][1]["transactionId"].as_str()),
        (Some(true), Some(&*ids[1]))
    );
    let (_, rest) = api.demo("GET", &format!("/payments?limit=2&startingAfter={}", ids[1]), "").await;
    assert_eq!(
        (rest["hasMore"].as_bool(), rest["data"][0]["transactionId"].as_str()),
        (Some(false), Some(&*ids[2]))
    );
    let (status, wrong) = api.demo("GET", "/payments?createdAfter=2026-99-99T00:00:00Z", "").await;
    assert_eq!((status, &wrong["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("createdAfter")));
}

#[tokio::test]
async fn the_events_tell_the_story_of_a_payment() {
    let api = Api::start().await;
    let id = api.charged().await;
    let (_, answer) = api.demo("GET", &format!("/payments/{id}/events"), "").await;
    let story: Vec<_> =
        answer["data"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(story, ["payment.created", "payment.processing", "payment.completed"]);
    assert_eq!(answer["data"][0]["client"], "demo");
    assert!(answer["data"][1]["attemptId"].as_str().unwrap().starts_with("att_"));
}

#[tokio::test]
async fn readiness_ends_when_draining_begins() {
    let api = Api::start().await;
    let probe = || Request::get("/readyz").body(Body::empty()).unwrap();
    assert_eq!(api.send(probe()).await.status(), StatusCode::OK);
    api.draining.cancel();
    assert_eq!(api.send(probe()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let live = Request::get("/healthz").body(Body::empty()).unwrap();
    assert_eq!(api.send(live).await.status(), StatusCode::OK);
}
