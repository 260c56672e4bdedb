//! PayPal orders: immediate payments, declines, malformed requests.

use reqwest::Method;

use crate::support::{TestSandbox, Value, agreement, card, json, order, wallet};

#[tokio::test]
async fn a_vaulted_source_completes_at_create_and_is_an_effect() {
    let sandbox = TestSandbox::new().await;
    for source in [wallet("vault-ok"), card("vault-ok")] {
        let paid = sandbox.paypal_order("CAPTURE", source).await;
        assert_eq!(paid.status, 201);
        assert_eq!(paid.body["status"], "COMPLETED");
        assert_eq!(paid.capture()["status"], "COMPLETED");
        assert_eq!(paid.capture()["custom_id"], "txn_1");
        let effect = sandbox.ledger().await.pop().unwrap();
        assert_eq!(effect["provider"], "paypal");
        assert_eq!(effect["kind"], "charge");
        assert_eq!(effect["id"], paid.capture()["id"]);
        assert_eq!(effect["transactionId"], "txn_1");
        assert!(effect["idempotencyKey"].as_str().unwrap().starts_with("order-"));
        let id = paid.capture()["id"].as_str().unwrap();
        assert_eq!(sandbox.paypal_get(&format!("payments/captures/{id}")).await.body["status"], "COMPLETED");
        assert_eq!(sandbox.paypal_get(&format!("checkout/orders/{}", paid.id())).await.body, paid.body);
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "charge 4999 USD"]);
}

#[tokio::test]
async fn a_declined_wallet_is_refused_and_a_declined_card_has_a_declined_capture() {
    let sandbox = TestSandbox::new().await;
    let refused = sandbox.paypal_order("CAPTURE", wallet("vault-declined")).await;
    assert_eq!(refused.issue(), (422, "INSTRUMENT_DECLINED", ""));
    let declined = sandbox.paypal_order("CAPTURE", card("vault-declined")).await;
    assert_eq!((declined.status, &declined.body["status"]), (201, &json!("COMPLETED")));
    assert_eq!(declined.capture()["status"], "DECLINED");
    assert_eq!(declined.capture()["processor_response"]["response_code"], "0500");
    let denied = sandbox.paypal_order("AUTHORIZE", card("vault-declined")).await;
    assert_eq!(denied.authorization()["status"], "DENIED");
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pending_capture_has_its_effect_when_the_review_ends() {
    let sandbox = TestSandbox::new().await;
    let pending = sandbox.paypal_order("CAPTURE", wallet("vault-pending")).await;
    assert_eq!(pending.capture()["status"], "PENDING");
    assert_eq!(pending.capture()["status_details"]["reason"], "PENDING_REVIEW");
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
    let id = pending.capture()["id"].as_str().unwrap();
    let review = format!("/_sandbox/paypal/payments/{id}/review?outcome=accept");
    assert_eq!(sandbox.visit(Method::POST, &review).await.status, 200);
    assert_eq!(sandbox.visit(Method::POST, &review).await.status, 400);
    assert_eq!(sandbox.paypal_get(&format!("payments/captures/{id}")).await.body["status"], "COMPLETED");
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);

    let other = sandbox.paypal_order("CAPTURE", wallet("vault-pending")).await;
    let id = other.capture()["id"].as_str().unwrap();
    sandbox.visit(Method::POST, &format!("/_sandbox/paypal/payments/{id}/review?outcome=deny")).await;
    assert_eq!(sandbox.paypal_get(&format!("payments/captures/{id}")).await.body["status"], "DECLINED");
    assert_eq!(sandbox.effects().await.len(), 1);
}

#[tokio::test]
async fn a_billing_agreement_is_charged_by_the_capture_call() {
    let sandbox = TestSandbox::new().await;
    let created = sandbox.paypal_order("CAPTURE", agreement("B-12345")).await;
    assert_eq!(created.body["status"], "CREATED");
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
    let capture = format!("checkout/orders/{}/capture", created.id());
    let captured = sandbox.paypal_post(&capture, &json!({})).await;
    assert_eq!((captured.status, &captured.body["status"]), (201, &json!("COMPLETED")));
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.issue(), (422, "ORDER_ALREADY_CAPTURED", ""));
    let declined = sandbox.paypal_order("CAPTURE", agreement("B-DECLINED")).await;
    let capture = format!("checkout/orders/{}/capture", declined.id());
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.issue(), (422, "INSTRUMENT_DECLINED", ""));
    for (id, issue) in
        [("B-CANCELLED", "AGREEMENT_ALREADY_CANCELLED"), ("X-1", "BILLING_AGREEMENT_NOT_FOUND")]
    {
        let refused = sandbox.paypal_order("CAPTURE", agreement(id)).await;
        assert_eq!(refused.issue(), (422, issue, "/payment_source/token/id"));
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn each_currency_is_counted_as_paypal_counts_it() {
    let sandbox = TestSandbox::new().await;
    for (currency, value, issue) in [
        ("JPY", "499", ""),
        ("HUF", "499", ""),
        ("TWD", "499", ""),
        ("USD", "49.9", ""),
        ("JPY", "499.00", "DECIMALS_NOT_SUPPORTED"),
        ("HUF", "4.99", "DECIMALS_NOT_SUPPORTED"),
        ("USD", "4.999", "DECIMAL_PRECISION"),
        ("USD", "0.00", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("KWD", "4.99", "INVALID_CURRENCY_CODE"),
        ("ISK", "499", "INVALID_CURRENCY_CODE"),
    ] {
        let body = order("CAPTURE", currency, value, wallet("vault-ok"));
        let id = format!("{currency}-{value}");
        let reply = sandbox.paypal_post_with_id(&id, "checkout/orders", &body).await;
        assert_eq!(reply.issue().1, issue, "{currency} {value}: {}", reply.text);
        assert_eq!(reply.status, if issue.is_empty() { 201 } else { 422 });
    }
    assert_eq!(
        sandbox.effects().await,
        ["charge 499 JPY", "charge 49900 HUF", "charge 49900 TWD", "charge 4990 USD"]
    );
}

/// A change to a valid order's body.
type OrderChange = fn(&mut Value);

#[tokio::test]
async fn malformed_orders_are_refused_by_field() {
    let sandbox = TestSandbox::new().await;
    let cases: [(OrderChange, &str, &str); 13] = [
        (|body| body["intent"] = json!("GIVE"), "INVALID_PARAMETER_VALUE", "/intent"),
        (|body| body["purchase_units"] = json!([]), "INVALID_ARRAY_MIN_ITEMS", "/purchase_units"),
        (
            |body| drop(body.as_object_mut().unwrap().remove("intent")),
            "MISSING_REQUIRED_PARAMETER",
            "/intent",
        ),
        (
            |body| body["purchase_units"][0]["amount"] = json!({"value": "1.00"}),
            "MISSING_REQUIRED_PARAMETER",
            "/purchase_units/0/amount/currency_code",
        ),
        (
            |body| body["purchase_units"][0]["amount"]["value"] = json!(49.99),
            "INVALID_PARAMETER_SYNTAX",
            "/purchase_units/0/amount/value",
        ),
        (
            |body| body["purchase_units"][0]["amount"]["value"] = json!("1e2"),
            "INVALID_PARAMETER_SYNTAX",
            "/purchase_units/0/amount/value",
        ),
        (
            |body| body["purchase_units"][0]["custom_id"] = json!("x".repeat(128)),
            "INVALID_STRING_LENGTH",
            "/purchase_units/0/custom_id",
        ),
        (
            |body| body["purchase_units"][0]["colour"] = json!("red"),
            "INVALID_PARAMETER_SYNTAX",
            "/purchase_units/0/colour",
        ),
        (|body| body["payment_source"] = json!({}), "MISSING_REQUIRED_PARAMETER", "/payment_source"),
        (
            |body| body["payment_source"]["card"] = json!({"vault_id": "vault-ok"}),
            "INVALID_PARAMETER_VALUE",
            "/payment_source",
        ),
        (|body| body["payment_source"] = json!({"venmo": {}}), "NOT_SUPPORTED", "/payment_source/venmo"),
        (
            |body| body["payment_source"] = json!({"token": {"id": "B-1", "type": "PAYMENT_METHOD_TOKEN"}}),
            "INVALID_PARAMETER_VALUE",
            "/payment_source/token/type",
        ),
        (
            |body| body["payment_source"] = json!({"paypal": {"vault_id": "a b"}}),
            "INVALID_PARAMETER_SYNTAX",
            "/payment_source/paypal/vault_id",
        ),
    ];
    for (change, issue, field) in cases {
        let mut body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
        change(&mut body);
        let reply = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
        assert_eq!(reply.issue(), (400, issue, field), "{}", reply.text);
    }
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_card_number_is_refused_and_not_echoed() {
    let sandbox = TestSandbox::new().await;
    let pan = "4111111111111111";
    for source in [
        json!({ "card": { "number": pan, "expiry": "2040-01" } }),
        json!({ "card": { "vault_id": "vault-ok", "number": pan } }),
    ] {
        let refused = sandbox.paypal_order("CAPTURE", source).await;
        assert_eq!(refused.issue(), (403, "NOT_ENABLED_FOR_CARD_PROCESSING", ""));
        assert!(!refused.text.contains(pan));
    }
    let misplaced = sandbox.paypal_order(pan, wallet("vault-ok")).await;
    assert_eq!(misplaced.status, 400);
    assert!(!misplaced.text.contains(pan));
}

#[tokio::test]
async fn several_purchase_units_are_captured_each() {
    let sandbox = TestSandbox::new().await;
    let mut body = order("CAPTURE", "USD", "10.00", wallet("vault-ok"));
    let mut second = body["purchase_units"][0].clone();
    second["amount"]["value"] = json!("5.00");
    body["purchase_units"].as_array_mut().unwrap().push(second);
    let refused = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    assert_eq!(refused.issue(), (422, "REFERENCE_ID_REQUIRED", "/purchase_units/0/reference_id"));
    body["purchase_units"][0]["reference_id"] = json!("a");
    body["purchase_units"][1]["reference_id"] = json!("a");
    let refused = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    assert_eq!(refused.issue(), (422, "DUPLICATE_REFERENCE_ID", "/purchase_units/1/reference_id"));
    body["purchase_units"][1]["reference_id"] = json!("b");
    assert_eq!(sandbox.paypal_post_with_id("k", "checkout/orders", &body).await.status, 201);
    assert_eq!(sandbox.effects().await, ["charge 1000 USD", "charge 500 USD"]);
}

#[tokio::test]
async fn an_invoice_is_paid_once() {
    let sandbox = TestSandbox::new().await;
    let mut body = order("CAPTURE", "USD", "10.00", wallet("vault-ok"));
    body["purchase_units"][0]["invoice_id"] = json!("invoice-1");
    assert_eq!(sandbox.paypal_post_with_id("k1", "checkout/orders", &body).await.status, 201);
    let refused = sandbox.paypal_post_with_id("k2", "checkout/orders", &body).await;
    assert_eq!((refused.status, refused.issue().1), (422, "DUPLICATE_INVOICE_ID"));
    assert_eq!(sandbox.effects().await, ["charge 1000 USD"]);
}

#[tokio::test]
async fn a_minimal_answer_has_id_status_links_and_the_payments() {
    let sandbox = TestSandbox::new().await;
    let request = sandbox
        .http
        .post(sandbox.url("/v2/checkout/orders"))
        .bearer_auth(sandbox.paypal_token().await)
        .header("PayPal-Request-Id", "k")
        .json(&order("CAPTURE", "USD", "49.99", wallet("vault-ok")));
    let minimal = sandbox.paypal_send(request).await;
    assert_eq!(minimal.status, 201);
    assert!(minimal.body["intent"].is_null() && minimal.body["purchase_units"][0]["amount"].is_null());
    assert_eq!(minimal.capture()["status"], "COMPLETED");
    assert!(minimal.link("self").is_some());
}

#[tokio::test]
async fn a_mocked_issue_is_raised_and_has_no_effect() {
    let sandbox = TestSandbox::new().await;
    for (code, status) in [
        ("INSTRUMENT_DECLINED", 422),
        ("PAYER_CANNOT_PAY", 422),
        ("COMPLIANCE_VIOLATION", 422),
        ("PREVIOUS_REQUEST_IN_PROGRESS", 409),
        ("INTERNAL_SERVER_ERROR", 500),
        ("NO_SUCH_ISSUE", 400),
    ] {
        let request = sandbox.paypal_request(Method::POST, "checkout/orders").await;
        let request = request
            .header("PayPal-Request-Id", code)
            .header("PayPal-Mock-Response", format!("{{\"mock_application_codes\": \"{code}\"}}"))
            .json(&order("CAPTURE", "USD", "49.99", wallet("vault-ok")));
        assert_eq!(sandbox.paypal_send(request).await.status, status, "{code}");
    }
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn tokens_are_needed_and_expire() {
    let sandbox =
        TestSandbox::with(|config| provider_sandbox::Config { paypal_token_seconds: 7200, ..config }).await;
    let anonymous = sandbox.http.get(sandbox.url("/v2/checkout/orders/X"));
    assert_eq!(sandbox.paypal_send(anonymous).await.status, 401);
    assert_eq!(sandbox.paypal_get("checkout/orders/X").await.issue(), (404, "INVALID_RESOURCE_ID", ""));
    sandbox.hours_pass(2);
    assert_eq!(sandbox.paypal_get("checkout/orders/X").await.body["name"], "AUTHENTICATION_FAILURE");
    let refused = sandbox.http.post(sandbox.url("/v1/oauth2/token")).basic_auth("client", Some(""));
    let refused = refused.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"], "invalid_client");
    let refused = sandbox.http.post(sandbox.url("/v1/oauth2/token")).basic_auth("client", Some("secret"));
    assert_eq!(refused.form(&[("grant_type", "password")]).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn other_media_types_than_json_are_refused() {
    let sandbox = TestSandbox::new().await;
    let request = sandbox.paypal_request(Method::POST, "checkout/orders").await.body("{}");
    let refused = sandbox.paypal_send(request).await;
    assert_eq!((refused.status, &refused.body["name"]), (415, &json!("UNSUPPORTED_MEDIA_TYPE")));
}

#[tokio::test]
async fn a_breakdown_adds_up_to_its_amount_and_items_to_their_part() {
    let sandbox = TestSandbox::new().await;
    let money = |value: &str| json!({ "currency_code": "USD", "value": value });
    let item = |price: &str, quantity: &str| json!({ "name": "thing", "quantity": quantity, "unit_amount": money(price) });
    let order = |breakdown: Value, items: Value| {
        let mut unit = json!({ "amount": { "currency_code": "USD", "value": "30.00" } });
        if !breakdown.is_null() {
            unit["amount"]["breakdown"] = breakdown;
        }
        if !items.is_null() {
            unit["items"] = items;
        }
        json!({ "intent": "CAPTURE", "purchase_units": [unit] })
    };
    let whole = json!({
        "item_total": money("25.00"), "shipping": money("6.00"), "tax_total": money("2.00"), "discount": money("3.00"),
    });
    let taken = sandbox
        .paypal_post("checkout/orders", &order(whole, json!([item("10.00", "2"), item("5.00", "1")])))
        .await;
    assert_eq!(taken.status, 201, "{}", taken.text);
    for (breakdown, items, issue) in [
        (json!({ "item_total": money("29.99") }), Value::Null, "AMOUNT_MISMATCH"),
        (json!({}), Value::Null, "AMOUNT_MISMATCH"),
        (json!({ "item_total": money("30.00"), "shipping": money("1.00") }), Value::Null, "AMOUNT_MISMATCH"),
        (
            json!({ "item_total": money("31.00"), "discount": money("-1.00") }),
            Value::Null,
            "CANNOT_BE_NEGATIVE",
        ),
        (Value::Null, json!([item("30.00", "1")]), "ITEM_TOTAL_REQUIRED"),
        (json!({ "item_total": money("30.00") }), json!([item("10.00", "2")]), "ITEM_TOTAL_MISMATCH"),
        (
            json!({ "item_total": json!({ "currency_code": "EUR", "value": "30.00" }) }),
            Value::Null,
            "MULTI_CURRENCY_ORDER",
        ),
    ] {
        let refused = sandbox.paypal_post("checkout/orders", &order(breakdown.clone(), items)).await;
        assert_eq!((refused.status, refused.issue().1), (422, issue), "{breakdown}");
    }
}
