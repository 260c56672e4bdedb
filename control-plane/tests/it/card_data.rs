//! Card data behind the edge: a request with any is refused before anything is written, and an event that a provider
//! signed is kept without.

use axum::http::StatusCode;
use edge_core::attestation::Statement;
use edge_core::provider::Provider;
use payments::ports::store::WebhookFilter;
use sha2::{Digest, Sha256};

use crate::common::*;
use crate::http::{Api, read};

const NUMBER: &str = "4242 4242 4242 4242";

#[tokio::test]
async fn a_request_with_card_data_that_the_edge_let_through_is_refused_and_leaves_nothing() {
    let api = Api::start().await;
    let id = "txn_01890000-0000-7000-8000-000000000000";
    let charge = |more: &str| {
        format!(
            r#"{{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"{more}}}"#
        )
    };
    for (method, path, body, param) in [
        ("POST", "/payments/charge", charge(&format!(r#","description":"{NUMBER}""#)), Some("description")),
        (
            "POST",
            "/payments/charge",
            charge(r#","metadata":{"note":"4242.4242.4242.4242"}"#),
            Some("metadata.note"),
        ),
        ("POST", "/payments/charge", charge(r#","metadata":{"cvv":"123"}"#), Some("metadata.cvv")),
        (
            "POST",
            "/payments/refund",
            format!(r#"{{"transactionId":"{id}","note":"{NUMBER}"}}"#),
            Some("note"),
        ),
        ("POST", &format!("/payments/{id}/capture"), format!(r#"{{"note":"{NUMBER}"}}"#), Some("note")),
        ("POST", &format!("/payments/{id}/cancel"), format!(r#"["{NUMBER}"]"#), Some("[0]")),
        ("POST", "/graphql", r#"{"query":"{ a(cvv: \"123\") }"}"#.to_owned(), Some("query")),
        (
            "POST",
            "/graphql",
            r#"{"query":"a","variables":{"m":[{"key":"cvv","value":"123"}]}}"#.to_owned(),
            Some("variables.m[0].key"),
        ),
        ("GET", "/payments?startingAfter=4242%204242%204242%204242", String::new(), Some("startingAfter")),
        ("GET", "/payments/4242424242424242", String::new(), None),
    ] {
        let (status, answer) = api.demo(method, path, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}: {answer}");
        assert_eq!(answer["error"]["code"], "CARD_DATA_NOT_ACCEPTED", "{path} {body}: {answer}");
        assert_eq!(answer["error"]["param"].as_str(), param, "{path} {body}: {answer}");
        assert!(!answer.to_string().contains("4242"), "{answer}");
    }
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
    let all = payments::ports::store::Filter { limit: 10, ..Default::default() };
    assert!(api.test.gateway.store.payments(&client("demo"), &all).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn an_event_is_kept_without_card_data_and_secrets_but_with_the_hash_of_its_body() {
    let api = Api::start().await;
    let body = format!(
        r#"{{"id":"evt_1", "about":"customer","object":{{"client_secret":"pi_1_secret_2","note":"{NUMBER}","last4":"4242"}}}}"#
    );
    let claims = Statement { webhook: Some(Provider::Stripe), ..Statement::anonymous("req-1".to_owned()) };
    let (status, _) = read(api.send(api.vouched_for(&claims, "POST", "/webhooks/stripe", &body)).await).await;
    assert_eq!(status, StatusCode::OK);
    let filter = WebhookFilter { limit: 10, ..WebhookFilter::default() };
    let [event] = api.test.gateway.store.webhooks(&filter).await.unwrap().try_into().unwrap();
    let kept = String::from_utf8(event.body).unwrap();
    let wanted = r#"{"id":"evt_1", "about":"customer","object":{"client_secret":"[redacted]","note":"[redacted]","last4":"4242"}}"#;
    assert_eq!(kept, wanted);
    assert_eq!(event.body_sha256, Some(Sha256::digest(body.as_bytes()).into()));
}
