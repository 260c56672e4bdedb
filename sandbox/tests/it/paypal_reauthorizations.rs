//! Renewing a PayPal authorization after its honor period.

use provider_sandbox::Config;
use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, Value, card, json, order, wallet};

/// A sandbox whose access token outlives the authorizations.
async fn lasting() -> TestSandbox {
    TestSandbox::with(|config| Config { paypal_token_seconds: 10_000_000, ..config }).await
}

/// An authorization of this amount, and the id of its order.
async fn authorize(sandbox: &TestSandbox, currency: &str, value: &str) -> (String, String) {
    let body = order("AUTHORIZE", currency, value, wallet("vault-ok"));
    let key = format!("order-{}", rand::random::<u64>());
    let held = sandbox.paypal_post_with_id(&key, "checkout/orders", &body).await;
    (held.authorization()["id"].as_str().unwrap().to_owned(), held.id().to_owned())
}

fn amount(currency: &str, value: &str) -> Value {
    json!({ "amount": { "currency_code": currency, "value": value } })
}

async fn call(sandbox: &TestSandbox, authorization: &str, call: &str, body: &Value) -> HttpResponse {
    sandbox.paypal_post(&format!("payments/authorizations/{authorization}/{call}"), body).await
}

async fn reauthorize(sandbox: &TestSandbox, authorization: &str) -> HttpResponse {
    call(sandbox, authorization, "reauthorize", &json!({})).await
}

async fn status(sandbox: &TestSandbox, authorization: &str) -> Value {
    sandbox.paypal_get(&format!("payments/authorizations/{authorization}")).await.body["status"].clone()
}

async fn happen(sandbox: &TestSandbox, script: &Value) {
    let reply = sandbox.control_post("happen", script).await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[tokio::test]
async fn a_reauthorization_is_a_new_authorization_with_the_end_of_the_original() {
    let sandbox = lasting().await;
    let (id, order) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(3 * 24);
    let renewed = reauthorize(&sandbox, &id).await;
    assert_eq!((renewed.status, &renewed.body["status"]), (201, &json!("CREATED")));
    assert_ne!(renewed.id(), id);
    assert_eq!(renewed.body["amount"]["value"], "49.99");
    assert_eq!(renewed.body["custom_id"], "txn_1");
    assert_eq!(renewed.body["create_time"], "2026-01-04T00:00:00Z");
    assert_eq!(renewed.body["expiration_time"], "2026-01-30T00:00:00Z");
    assert_eq!((renewed.link("void"), renewed.link("reauthorize")), (None, None));
    let seen = sandbox.paypal_get(&format!("payments/authorizations/{}", renewed.id())).await;
    assert_eq!(seen.body, renewed.body);
    let order = sandbox.paypal_get(&format!("checkout/orders/{order}")).await;
    let authorizations = &order.body["purchase_units"][0]["payments"]["authorizations"];
    assert_eq!((&authorizations[0]["id"], &authorizations[1]["id"]), (&json!(id), &json!(renewed.id())));
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD", "reauthorize 4999 USD"]);
    assert_eq!(sandbox.ledger().await[1]["transactionId"], "txn_1");
    assert_eq!(sandbox.event_kinds().await.pop().unwrap(), "PAYMENT.AUTHORIZATION.CREATED");
}

#[tokio::test]
async fn it_is_allowed_from_day_four_to_day_twenty_nine() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(3 * 24 - 1);
    assert_eq!(reauthorize(&sandbox, &id).await.issue(), (422, "REAUTHORIZATION_TOO_SOON", ""));
    sandbox.hours_pass(1 + 26 * 24 - 1);
    assert_eq!(reauthorize(&sandbox, &id).await.status, 201);
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(29 * 24);
    assert_eq!(reauthorize(&sandbox, &id).await.issue(), (422, "AUTHORIZATION_EXPIRED", ""));
}

#[tokio::test]
async fn it_is_allowed_once_and_not_for_a_reauthorization() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(4 * 24);
    let renewed = reauthorize(&sandbox, &id).await;
    sandbox.hours_pass(4 * 24);
    assert_eq!(reauthorize(&sandbox, &id).await.issue(), (422, "REAUTHORIZATION_TOO_SOON", ""));
    let again = reauthorize(&sandbox, renewed.id()).await;
    assert_eq!(again.issue(), (422, "REAUTHORIZATION_NOT_SUPPORTED", ""));
    assert_eq!(sandbox.effects().await.len(), 2);
}

#[tokio::test]
async fn the_amount_may_rise_by_fifteen_percent_and_seventy_five_dollars_at_most() {
    let sandbox = lasting().await;
    for (held, most, too_much) in
        [("49.99", "57.48", "57.49"), ("500.00", "575.00", "575.01"), ("1000.00", "1075.00", "1075.01")]
    {
        let (id, _) = authorize(&sandbox, "USD", held).await;
        sandbox.hours_pass(4 * 24);
        let refused = call(&sandbox, &id, "reauthorize", &amount("USD", too_much)).await;
        assert_eq!(refused.issue(), (422, "AUTHORIZATION_AMOUNT_EXCEEDED", "/amount/value"), "{held}");
        let renewed = call(&sandbox, &id, "reauthorize", &amount("USD", most)).await;
        assert_eq!((renewed.status, &renewed.body["amount"]["value"]), (201, &json!(most)));
        let captured = call(&sandbox, renewed.id(), "capture", &json!({})).await;
        assert_eq!(captured.body["amount"]["value"], most);
    }
}

#[tokio::test]
async fn the_amount_may_fall_and_in_other_currencies_not_rise() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "EUR", "49.99").await;
    sandbox.hours_pass(4 * 24);
    let more = call(&sandbox, &id, "reauthorize", &amount("EUR", "50.00")).await;
    assert_eq!(more.issue(), (422, "AUTHORIZATION_AMOUNT_EXCEEDED", "/amount/value"));
    let dollars = call(&sandbox, &id, "reauthorize", &amount("USD", "49.99")).await;
    assert_eq!(dollars.issue(), (422, "AUTH_CURRENCY_MISMATCH", "/amount/currency_code"));
    let less = call(&sandbox, &id, "reauthorize", &amount("EUR", "20.00")).await;
    assert_eq!(less.status, 201);
    let capture = call(&sandbox, less.id(), "capture", &amount("EUR", "20.01")).await;
    assert_eq!(capture.issue().1, "MAX_CAPTURE_AMOUNT_EXCEEDED");
    assert_eq!(sandbox.effects().await, ["authorize 4999 EUR", "reauthorize 2000 EUR"]);
}

#[tokio::test]
async fn what_was_captured_voided_or_denied_is_not_reauthorized() {
    let sandbox = lasting().await;
    let (captured, _) = authorize(&sandbox, "USD", "49.99").await;
    call(&sandbox, &captured, "capture", &json!({})).await;
    let (in_part, _) = authorize(&sandbox, "USD", "49.99").await;
    call(&sandbox, &in_part, "capture", &amount("USD", "1.00")).await;
    let (voided, _) = authorize(&sandbox, "USD", "49.99").await;
    call(&sandbox, &voided, "void", &json!({})).await;
    let denied = sandbox.paypal_order("AUTHORIZE", card("vault-declined")).await;
    let pending = sandbox.paypal_order("AUTHORIZE", wallet("vault-pending")).await;
    sandbox.hours_pass(4 * 24);
    for (id, issue) in [
        (captured.as_str(), "AUTHORIZATION_ALREADY_CAPTURED"),
        (&in_part, "AUTHORIZATION_ALREADY_CAPTURED"),
        (&voided, "AUTHORIZATION_VOIDED"),
        (denied.authorization()["id"].as_str().unwrap(), "AUTHORIZATION_DENIED"),
        (pending.authorization()["id"].as_str().unwrap(), "AUTHORIZATION_DENIED"),
    ] {
        assert_eq!(reauthorize(&sandbox, id).await.issue(), (422, issue, ""));
    }
    assert_eq!(reauthorize(&sandbox, "NONE").await.issue(), (404, "INVALID_RESOURCE_ID", ""));
}

#[tokio::test]
async fn malformed_reauthorizations_are_refused_by_field() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(4 * 24);
    for (body, status, issue, field) in [
        (json!({ "invoice_id": "INV-1" }), 400, "INVALID_PARAMETER_SYNTAX", "/invoice_id"),
        (
            json!({ "amount": { "value": "1.00" } }),
            400,
            "MISSING_REQUIRED_PARAMETER",
            "/amount/currency_code",
        ),
        (amount("USD", "0.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE", "/amount/value"),
        (amount("USD", "1.001"), 422, "DECIMAL_PRECISION", "/amount/value"),
        (amount("JPY", "1.00"), 422, "DECIMALS_NOT_SUPPORTED", "/amount/value"),
        (amount("KWD", "1.00"), 422, "INVALID_CURRENCY_CODE", "/amount/currency_code"),
    ] {
        let refused = call(&sandbox, &id, "reauthorize", &body).await;
        assert_eq!(refused.issue(), (status, issue, field), "{body}");
    }
}

#[tokio::test]
async fn a_repeat_within_forty_five_days_finds_the_same_reauthorization() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    let path = format!("payments/authorizations/{id}/reauthorize");
    let repeat = async || sandbox.paypal_post_with_id("k", &path, &json!({})).await;
    // A refused request is not remembered.
    assert_eq!(repeat().await.status, 422);
    sandbox.hours_pass(4 * 24);
    let (first, again) = (repeat().await, repeat().await);
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
    // The same id on another kind of call is separate.
    let capture = format!("payments/authorizations/{}/capture", first.id());
    assert_eq!(sandbox.paypal_post_with_id("k", &capture, &json!({})).await.status, 201);
    sandbox.hours_pass(44 * 24);
    assert_eq!(repeat().await.body["status"], "CAPTURED");
    sandbox.hours_pass(24);
    assert_eq!(repeat().await.status, 422);
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD", "reauthorize 4999 USD", "capture 4999 USD"]);
    assert_eq!(sandbox.ledger().await[1]["idempotencyKey"], "k");
}

#[tokio::test]
async fn a_minimal_answer_has_the_id_the_status_and_the_links() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(4 * 24);
    let url = sandbox.url(&format!("/v2/payments/authorizations/{id}/reauthorize"));
    let request = sandbox.http.post(url).bearer_auth(sandbox.paypal_token().await).json(&json!({}));
    let minimal = sandbox.paypal_send(request).await;
    assert_eq!((minimal.status, &minimal.body["status"]), (201, &json!("CREATED")));
    assert_eq!(minimal.body["amount"], Value::Null);
}

#[tokio::test]
async fn only_the_reauthorization_is_captured_and_only_the_original_is_voided() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(4 * 24);
    let renewed = call(&sandbox, &id, "reauthorize", &amount("USD", "55.00")).await.id().to_owned();
    assert_eq!(call(&sandbox, &id, "capture", &json!({})).await.issue(), (422, "TRANSACTION_REFUSED", ""));
    assert_eq!(call(&sandbox, &renewed, "capture", &amount("USD", "20.00")).await.status, 201);
    assert_eq!(call(&sandbox, &renewed, "void", &json!({})).await.issue(), (422, "CANNOT_BE_VOIDED", ""));
    assert_eq!(call(&sandbox, &id, "void", &json!({})).await.body["status"], "VOIDED");
    assert_eq!(status(&sandbox, &renewed).await, "VOIDED");
    assert_eq!(call(&sandbox, &id, "void", &json!({})).await.issue().1, "PREVIOUSLY_VOIDED");
    assert_eq!(call(&sandbox, &renewed, "capture", &json!({})).await.issue().1, "AUTHORIZATION_VOIDED");
    let effects = ["authorize 4999 USD", "reauthorize 5500 USD", "capture 2000 USD", "cancel 3500 USD"];
    assert_eq!(sandbox.effects().await, effects);
}

#[tokio::test]
async fn the_original_cannot_be_voided_once_its_reauthorization_is_captured() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(4 * 24);
    let renewed = reauthorize(&sandbox, &id).await;
    assert_eq!(call(&sandbox, renewed.id(), "capture", &json!({})).await.status, 201);
    assert_eq!(call(&sandbox, &id, "void", &json!({})).await.issue(), (422, "PREVIOUSLY_CAPTURED", ""));
}

#[tokio::test]
async fn a_reauthorization_outlives_its_honor_period_and_expires_with_its_original() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(4 * 24);
    let renewed = reauthorize(&sandbox, &id).await;
    sandbox.hours_pass(24 * 24);
    assert_eq!(call(&sandbox, renewed.id(), "capture", &amount("USD", "1.00")).await.status, 201);
    sandbox.hours_pass(24);
    assert_eq!(call(&sandbox, renewed.id(), "capture", &json!({})).await.issue().1, "AUTHORIZATION_EXPIRED");
    assert_eq!(call(&sandbox, &id, "void", &json!({})).await.issue().1, "CANNOT_BE_VOIDED");
}

#[tokio::test]
async fn what_happens_by_itself_happens_to_the_reauthorization() {
    let sandbox = lasting().await;
    for kind in ["authorization.expired", "PAYMENT.AUTHORIZATION.VOIDED", "PAYMENT.CAPTURE.COMPLETED"] {
        let (id, _) = authorize(&sandbox, "USD", "49.99").await;
        sandbox.hours_pass(4 * 24);
        let renewed = reauthorize(&sandbox, &id).await.id().to_owned();
        happen(&sandbox, &json!({ "provider": "paypal", "type": kind, "transactionId": "txn_1" })).await;
        let (capture, kept) = match kind {
            "authorization.expired" => ("AUTHORIZATION_EXPIRED", "CREATED"),
            "PAYMENT.AUTHORIZATION.VOIDED" => ("AUTHORIZATION_VOIDED", "VOIDED"),
            _ => ("AUTHORIZATION_ALREADY_CAPTURED", "CREATED"),
        };
        assert_eq!(call(&sandbox, &renewed, "capture", &json!({})).await.issue().1, capture, "{kind}");
        assert_eq!(status(&sandbox, &id).await, kept, "{kind}");
    }
}

#[tokio::test]
async fn a_fault_of_authorizations_hits_a_reauthorization_and_a_repeat_finds_it() {
    let sandbox = lasting().await;
    let (id, _) = authorize(&sandbox, "USD", "49.99").await;
    sandbox.hours_pass(4 * 24);
    sandbox
        .fault(json!({ "provider": "paypal", "operation": "authorize", "fault": "error_after", "times": 1 }))
        .await;
    let path = format!("payments/authorizations/{id}/reauthorize");
    assert_eq!(sandbox.paypal_post_with_id("k", &path, &json!({})).await.status, 500);
    assert_eq!(sandbox.paypal_post_with_id("k", &path, &json!({})).await.status, 200);
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD", "reauthorize 4999 USD"]);
    let faults = sandbox.visit(Method::GET, "/_sandbox/faults").await;
    assert_eq!(faults.body["faults"][0]["fired"], 1);
}
