//! Genuine webhooks are accepted, stored before they are acknowledged, and count once.

use gateway_tests::{OwnGateway, http2, shared, until};
use http::HeaderMap;
use serde_json::json;

use super::{event, now_s, secret, stripe_signature, to_stripes_door};

#[tokio::test]
async fn a_genuine_webhook_of_any_length_is_accepted_over_http_1_and_2_with_any_trailers() {
    let gateway = shared().await;
    let secret = secret(&gateway);
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1".parse().unwrap());
    for length in [200, 2_048, 65_537, 262_144] {
        let body = event(&format!("evt_length_{length}"), length);
        let signature = stripe_signature(&secret, now_s(), &body);
        let rolled = format!("{signature},v1={},v0=00", "0".repeat(64));
        for signature in [signature, rolled] {
            let response = to_stripes_door(&signature, &body).send(gateway.address()).await;
            response.succeeds(200, &json!({}));
            for trailers in [None, Some(trailers.clone())] {
                let mut request = http2::post("/webhooks/stripe");
                request.headers_mut().insert("stripe-signature", signature.parse().unwrap());
                let pieces: Vec<_> = body.chunks(16_000).collect();
                let response = http2::send(gateway.address(), request, &pieces, trailers).await;
                response.succeeds(200, &json!({}));
            }
        }
    }
}

#[tokio::test]
async fn the_access_log_and_the_metric_say_what_a_signature_was_worth() {
    let gateway = shared().await;
    let body = event("evt_logged", 300);
    for (secret, status, worth) in
        [(secret(&gateway).as_str(), 200, "verified"), ("whsec_other", 401, "signature_mismatch")]
    {
        let response =
            to_stripes_door(&stripe_signature(secret, now_s(), &body), &body).send(gateway.address()).await;
        let line = gateway.access_log_line(&response).await;
        assert_eq!((&line["status"], &line["edge_signature"]), (&json!(status), &json!(worth)), "{line}");
        assert_eq!(line["operation"], "webhook_stripe", "{line}");
        assert!(gateway.edge_webhooks(worth).await > 0);
    }
}

#[tokio::test]
async fn card_data_and_secrets_in_a_genuine_webhook_are_acknowledged_and_not_kept() {
    let gateway = shared().await;
    let number = "4000 0027 6000 3184";
    let body = format!(
        r#"{{"id":"evt_redacted","object":"event","type":"account.updated","created":1,"data":{{"object":{{
            "client_secret":"pi_redacted_secret_redacted","note":"{number}"}}}}}}"#
    );
    let signature = stripe_signature(&secret(&gateway), now_s(), body.as_bytes());
    to_stripes_door(&signature, body.as_bytes()).send(gateway.address()).await.succeeds(200, &json!({}));
    for (path, contents) in gateway.files() {
        for secret in [number, "pi_redacted_secret_redacted"] {
            let is_kept = contents.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_kept, "{secret} is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn signed_bytes_that_are_no_event_are_refused_by_the_control_plane() {
    let gateway = shared().await;
    for body in [b"".as_slice(), b"{}", b"\xff\xfe", b"[]", br#"{"id":"evt_1"}"#] {
        let signature = stripe_signature(&secret(&gateway), now_s(), body);
        let response = to_stripes_door(&signature, body).send(gateway.address()).await;
        response.refuses(400, "INVALID_REQUEST");
    }
}

/// The sandbox signs as PayPal does, with a certificate that it serves.
#[tokio::test]
async fn paypals_webhooks_are_verified_with_a_certificate_that_is_fetched_once() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    // Slow, so that all of them wait for the one fetch.
    gateway.sandbox.slow_down("paypal", "certificate", 500).await;
    let charge =
        json!({ "provider": "paypal", "amount": 810, "currency": "USD", "paymentMethodId": "vault-ok" });
    for _ in 0..5 {
        gateway.charge(&charge).await.succeeds(200, &json!({ "status": "completed" }));
    }
    let deliveries = gateway.sandbox.deliveries("paypal", 5).await;
    assert!(deliveries.iter().all(|delivery| delivery == "delivered"), "{deliveries:?}");
    assert_eq!(gateway.sandbox.requests("paypal", "certificate").await, 1);
    assert!(gateway.edge_webhooks("verified").await >= 5);
}

#[tokio::test]
async fn while_paypals_certificate_cannot_be_had_its_webhooks_come_again() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    gateway.sandbox.break_down("paypal", "certificate", "html_error").await;
    let charge =
        json!({ "provider": "paypal", "amount": 811, "currency": "USD", "paymentMethodId": "vault-ok" });
    gateway.charge(&charge).await.succeeds(200, &json!({ "status": "completed" }));
    until("a refusal", async || (gateway.edge_count("signature_unverifiable").await > 0).then_some(())).await;
    assert_eq!(gateway.edge_count("signature_invalid").await, 0);
}
