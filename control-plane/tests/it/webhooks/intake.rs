//! `POST /webhooks/{provider}`: what is stored and what is refused before an event is acknowledged.

use axum::http::StatusCode;
use edge_core::attestation::Statement;
use edge_core::provider::Provider;
use payments::model::webhook::{EventState, WebhookEvent};
use payments::ports::store::WebhookFilter;
use serde_json::{Value, json};

use crate::http::{Api, read};

const EVENT: &str = "{\"id\" : \"evt_1\",\n \"about\":\"payment\"}";

fn genuine(provider: Provider) -> Statement {
    Statement { webhook: Some(provider), ..Statement::anonymous("req-1".to_owned()) }
}

async fn send(api: &Api, claims: &Statement, path: &str, body: &str) -> (StatusCode, Value) {
    read(api.send(api.vouched_for(claims, "POST", path, body)).await).await
}

async fn kept(api: &Api) -> Vec<WebhookEvent> {
    api.test.gateway.store.webhooks(&WebhookFilter { limit: 100, ..WebhookFilter::default() }).await.unwrap()
}

#[tokio::test]
async fn an_event_is_kept_byte_for_byte_before_it_is_acknowledged_and_only_once() {
    let api = Api::start().await;
    for _ in 0..3 {
        let answer = send(&api, &genuine(Provider::Stripe), "/webhooks/stripe", EVENT).await;
        assert_eq!(answer, (StatusCode::OK, json!({ "success": true })));
    }
    let [event] = kept(&api).await.try_into().unwrap();
    assert_eq!((event.body.as_slice(), event.state), (EVENT.as_bytes(), EventState::Received));
    // The same id at another provider is another event.
    send(&api, &genuine(Provider::Paypal), "/webhooks/paypal", EVENT).await;
    assert_eq!(kept(&api).await.len(), 2);
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_the_edges_word_for_this_very_provider_nothing_is_kept() {
    let api = Api::start().await;
    let client = edge_core::client::ClientId::parse("demo");
    let of_a_client = Statement { client, ..Statement::anonymous("req-1".to_owned()) };
    for claims in [of_a_client, genuine(Provider::Paypal), Statement::anonymous("req-1".to_owned())] {
        let (status, answer) = send(&api, &claims, "/webhooks/stripe", EVENT).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer["error"]["code"], "EDGE_ATTESTATION_REQUIRED");
    }
    let bare = axum::http::Request::post("/webhooks/stripe").body(EVENT.into()).unwrap();
    assert_eq!(api.send(bare).await.status(), StatusCode::UNAUTHORIZED);
    assert!(kept(&api).await.is_empty());
}

#[tokio::test]
async fn a_webhooks_attestation_opens_nothing_else() {
    let api = Api::start().await;
    let (status, _) = send(&api, &genuine(Provider::Stripe), "/payments/charge", EVENT).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let api = Api::start().await;
    for body in ["", "[]", "{}", "not json"] {
        let (status, answer) = send(&api, &genuine(Provider::Stripe), "/webhooks/stripe", body).await;
        assert_eq!((status, &answer["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("INVALID_REQUEST")));
    }
    assert!(kept(&api).await.is_empty());
}

#[tokio::test]
async fn an_event_may_be_larger_than_a_clients_request() {
    let api = Api::start().await;
    let padded = |bytes: usize| format!("{EVENT}{}", " ".repeat(bytes - EVENT.len()));
    let claims = genuine(Provider::Stripe);
    let (status, _) = send(&api, &claims, "/webhooks/stripe", &padded(256 * 1024)).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = send(&api, &claims, "/webhooks/stripe", &padded(256 * 1024 + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged() {
    let api = Api::start().await;
    api.test.store.execute("DROP TABLE webhook_events").await;
    let (status, answer) = send(&api, &genuine(Provider::Stripe), "/webhooks/stripe", EVENT).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("GATEWAY_UNAVAILABLE"))
    );
}
