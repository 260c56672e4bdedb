//! Authorizing with PayPal, and the states that follow.

use reqwest::Method;

use crate::support::{TestSandbox, agreement, json, order, wallet};

async fn authorize(sandbox: &TestSandbox) -> String {
    let held = sandbox.paypal_order("AUTHORIZE", wallet("vault-ok")).await;
    assert_eq!(held.authorization()["status"], "CREATED");
    held.authorization()["id"].as_str().unwrap().to_owned()
}

fn usd(value: &str) -> serde_json::Value {
    json!({ "amount": { "currency_code": "USD", "value": value } })
}

#[tokio::test]
async fn an_authorization_is_captured_in_parts_and_no_further() {
    let sandbox = TestSandbox::new().await;
    let id = authorize(&sandbox).await;
    let capture = format!("payments/authorizations/{id}/capture");
    let part = sandbox.paypal_post(&capture, &usd("20.00")).await;
    assert_eq!((part.status, &part.body["status"]), (201, &json!("COMPLETED")));
    assert_eq!(
        sandbox.paypal_get(&format!("payments/authorizations/{id}")).await.body["status"],
        "PARTIALLY_CAPTURED"
    );
    let refused = sandbox.paypal_post(&capture, &usd("30.00")).await;
    assert_eq!(refused.issue(), (422, "MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount/value"));
    let euros = json!({ "amount": { "currency_code": "EUR", "value": "1.00" } });
    assert_eq!(sandbox.paypal_post(&capture, &euros).await.issue().1, "AUTH_CAPTURE_CURRENCY_MISMATCH");
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.body["amount"]["value"], "29.99");
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.issue().1, "AUTHORIZATION_ALREADY_CAPTURED");
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD", "capture 2000 USD", "capture 2999 USD"]);
    assert_eq!(sandbox.ledger().await[1]["transactionId"], "txn_1");
}

#[tokio::test]
async fn a_final_capture_closes_the_authorization() {
    let sandbox = TestSandbox::new().await;
    let id = authorize(&sandbox).await;
    let capture = format!("payments/authorizations/{id}/capture");
    let mut body = usd("20.00");
    body["final_capture"] = json!(true);
    assert_eq!(sandbox.paypal_post(&capture, &body).await.status, 201);
    assert_eq!(sandbox.paypal_post(&capture, &usd("1.00")).await.issue().1, "AUTHORIZATION_ALREADY_CAPTURED");
    let void = sandbox.paypal_post(&format!("payments/authorizations/{id}/void"), &json!({})).await;
    assert_eq!(void.issue().1, "PREVIOUSLY_CAPTURED");
}

#[tokio::test]
async fn a_void_releases_what_was_not_captured() {
    let sandbox = TestSandbox::new().await;
    let id = authorize(&sandbox).await;
    sandbox.paypal_post(&format!("payments/authorizations/{id}/capture"), &usd("20.00")).await;
    let path = format!("payments/authorizations/{id}/void");
    let minimal =
        sandbox.http.post(sandbox.url(&format!("/v2/{path}"))).bearer_auth(sandbox.paypal_token().await);
    assert_eq!(sandbox.paypal_send(minimal).await.status, 204);
    let again = sandbox.paypal_send(sandbox.paypal_request(Method::POST, &path).await).await;
    assert_eq!(again.issue(), (422, "PREVIOUSLY_VOIDED", ""));
    let capture = sandbox.paypal_post(&format!("payments/authorizations/{id}/capture"), &json!({})).await;
    assert_eq!(capture.issue().1, "AUTHORIZATION_VOIDED");
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD", "capture 2000 USD", "cancel 2999 USD"]);
}

#[tokio::test]
async fn a_void_with_representation_shows_the_authorization() {
    let sandbox = TestSandbox::new().await;
    let id = authorize(&sandbox).await;
    let request = sandbox.paypal_request(Method::POST, &format!("payments/authorizations/{id}/void")).await;
    let voided = sandbox.paypal_send(request).await;
    assert_eq!((voided.status, &voided.body["status"]), (200, &json!("VOIDED")));
}

#[tokio::test]
async fn an_agreement_is_authorized_by_the_authorize_call_and_intents_do_not_mix() {
    let sandbox = TestSandbox::new().await;
    let created = sandbox.paypal_order("AUTHORIZE", agreement("B-1")).await;
    let capture = sandbox.paypal_post(&format!("checkout/orders/{}/capture", created.id()), &json!({})).await;
    assert_eq!(capture.issue().1, "ACTION_DOES_NOT_MATCH_INTENT");
    let authorize = format!("checkout/orders/{}/authorize", created.id());
    assert_eq!(sandbox.paypal_post(&authorize, &json!({})).await.authorization()["status"], "CREATED");
    assert_eq!(sandbox.paypal_post(&authorize, &json!({})).await.issue().1, "ORDER_ALREADY_AUTHORIZED");
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD"]);
}

#[tokio::test]
async fn an_authorization_expires_after_twenty_nine_days() {
    let sandbox =
        TestSandbox::with(|config| provider_sandbox::Config { paypal_token_seconds: 4_000_000, ..config })
            .await;
    let id = authorize(&sandbox).await;
    sandbox.hours_pass(29 * 24);
    let capture = sandbox.paypal_post(&format!("payments/authorizations/{id}/capture"), &json!({})).await;
    assert_eq!(capture.issue().1, "AUTHORIZATION_EXPIRED");
}

#[tokio::test]
async fn an_authorization_of_several_units_is_not_supported() {
    let sandbox = TestSandbox::new().await;
    let mut body = order("AUTHORIZE", "USD", "1.00", wallet("vault-ok"));
    let unit = body["purchase_units"][0].clone();
    body["purchase_units"].as_array_mut().unwrap().push(unit);
    assert_eq!(
        sandbox.paypal_post_with_id("k", "checkout/orders", &body).await.issue().1,
        "UNSUPPORTED_INTENT"
    );
}
