//! Bodies have exactly one interpretation: what two parsers could read differently is rejected at the edge.

use gateway_tests::{RejectingGateway, rejecting};
use serde_json::{Value, json};

async fn is_refused(
    gateway: &RejectingGateway,
    path: &str,
    body: impl Into<Vec<u8>>,
    param: Option<&str>,
) -> String {
    let body = body.into();
    let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
    let error = gateway.post(path, body).await.refuses(400, "INVALID_REQUEST");
    assert_eq!(error.get("param").and_then(Value::as_str), param, "{shown}: {error}");
    gateway.nothing_reached_the_control_plane().await;
    error["message"].as_str().unwrap().to_owned()
}

/// A valid charge with this text as its amount.
fn with_amount(amount: &str) -> String {
    format!(r#"{{"provider":"stripe","amount":{amount},"currency":"USD","paymentMethodId":"pm_card_visa"}}"#)
}

fn with_field(field: &str) -> String {
    with_amount(&format!("4999,{field}"))
}

#[tokio::test]
async fn only_a_plain_integer_of_at_most_twelve_digits_is_an_amount() {
    let gateway = rejecting().await;
    for amount in [
        "1e2",
        "1.0",
        "-0",
        "0",
        "-1",
        "-4999",
        "1000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "\"4999\"",
        "true",
        "null",
        "[4999]",
        "{}",
    ] {
        is_refused(&gateway, "/payments/charge", with_amount(amount), Some("amount")).await;
    }
    // Not even numbers in JSON.
    for amount in ["+1", "01", "0x10", "1_000", "NaN", ".5", "1."] {
        is_refused(&gateway, "/payments/charge", with_amount(amount), None).await;
    }
}

#[tokio::test]
async fn a_field_that_a_request_does_not_have_is_refused_by_its_name() {
    let gateway = rejecting().await;
    let body = with_field(r#""amuont":1"#);
    let message = is_refused(&gateway, "/payments/charge", body, Some("amuont")).await;
    assert!(message.contains("paymentMethodId"), "says which fields there are: {message}");
    is_refused(&gateway, "/payments/charge", with_field(r#""Amount":1"#), Some("Amount")).await;

    let transaction = "txn_01890000-0000-7000-8000-000000000000";
    let refund = json!({ "transactionId": transaction, "currency": "USD" }).to_string();
    is_refused(&gateway, "/payments/refund", refund, Some("currency")).await;
    let (capture, cancel) =
        (format!("/payments/{transaction}/capture"), format!("/payments/{transaction}/cancel"));
    is_refused(&gateway, &capture, r#"{"final":true}"#, Some("final")).await;
    is_refused(&gateway, &cancel, r#"{"amount":1}"#, Some("amount")).await;
}

#[tokio::test]
async fn a_field_given_twice_is_refused_however_it_is_spelt() {
    let gateway = rejecting().await;
    for field in [r#""amount":1"#, r#""amount":4999"#, r#""\u0061mount":1"#, r#""amo\u0075nt":4999"#] {
        is_refused(&gateway, "/payments/charge", with_field(field), Some("amount")).await;
    }
    let metadata = with_field(r#""metadata":{"order":"1","\u006frder":"2"}"#);
    is_refused(&gateway, "/payments/charge", metadata, Some("metadata.order")).await;
}

#[tokio::test]
async fn a_missing_or_wrong_field_is_refused_by_its_name() {
    let gateway = rejecting().await;
    let good =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    for field in ["provider", "amount", "currency", "paymentMethodId"] {
        let mut charge = good.clone();
        charge.as_object_mut().unwrap().remove(field);
        is_refused(&gateway, "/payments/charge", charge.to_string(), Some(field)).await;
        for wrong in [json!(null), json!(""), json!(7.5), json!(["USD"]), json!("\u{0}")] {
            charge[field] = wrong;
            is_refused(&gateway, "/payments/charge", charge.to_string(), Some(field)).await;
        }
    }
    for (field, wrong) in [
        ("provider", json!("Stripe")),
        ("provider", json!("adyen")),
        ("currency", json!("usd")),
        ("currency", json!("XAU")),
        ("currency", json!("ZZZ")),
        ("paymentMethodId", json!("src_visa")),
        ("paymentMethodId", json!("pm_../../refunds")),
        ("capture", json!("later")),
        ("description", json!("two\nlines")),
        ("description", json!("x".repeat(128))),
        ("returnUrl", json!("javascript:alert(1)")),
        ("returnUrl", json!("http://shop.example/back")),
        ("returnUrl", json!("https://paypal.com@evil.example/")),
        ("returnUrl", json!("https://:80/")),
        ("customerReference", json!("")),
        ("metadata", json!("order")),
    ] {
        let mut charge = good.clone();
        charge[field] = wrong;
        is_refused(&gateway, "/payments/charge", charge.to_string(), Some(field)).await;
    }
    for (metadata, param) in
        [(json!({ "order": 7 }), "metadata.order"), (json!({ "order": null }), "metadata.order")]
    {
        let mut charge = good.clone();
        charge["metadata"] = metadata;
        is_refused(&gateway, "/payments/charge", charge.to_string(), Some(param)).await;
    }
    for transaction in [json!("txn_1"), json!("rfnd_01890000-0000-7000-8000-000000000000"), json!(1)] {
        let refund = json!({ "transactionId": transaction }).to_string();
        is_refused(&gateway, "/payments/refund", refund, Some("transactionId")).await;
    }
}

#[tokio::test]
async fn what_is_not_one_json_object_is_refused() {
    let gateway = rejecting().await;
    let good = with_amount("4999");
    for body in ["", " ", "[]", "null", "4999", "\"charge\"", "{", "{}x", "nul", "[{}]"] {
        is_refused(&gateway, "/payments/charge", body, None).await;
    }
    for body in [
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}\0"),
        format!("[{good}]"),
        format!("\u{feff}{good}"),
        format!("/* a comment */{good}"),
        good.replace('"', "'"),
        good.replace("4999,", "4999,,"),
        good.replace('}', ",}"),
    ] {
        is_refused(&gateway, "/payments/charge", body, None).await;
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    is_refused(&gateway, "/payments/charge", utf16, None).await;
}

#[tokio::test]
async fn text_that_is_not_unicode_is_refused() {
    let gateway = rejecting().await;
    let good = with_field(r#""description":"MARK""#);
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf"] {
        let (before, after) = good.split_once("MARK").unwrap();
        let body = [before.as_bytes(), bytes, after.as_bytes()].concat();
        is_refused(&gateway, "/payments/charge", body, None).await;
    }
    let lone_surrogate = good.replace("MARK", r"\ud800");
    is_refused(&gateway, "/payments/charge", lone_surrogate, Some("description")).await;
}

#[tokio::test]
async fn deep_nesting_is_refused_and_harms_nobody() {
    let gateway = rejecting().await;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let value = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for field in ["metadata", "unheard_of"] {
            let body = with_field(&format!("\"{field}\":{value}"));
            let error = gateway.post("/payments/charge", body).await.refuses(400, "INVALID_REQUEST");
            assert!(error["message"].as_str().unwrap().len() < 200, "{error}");
        }
        gateway.post("/payments/charge", value).await.refuses(400, "INVALID_REQUEST");
        // Never closed again.
        gateway.post("/payments/charge", open.repeat(10_000)).await.refuses(400, "INVALID_REQUEST");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_refusal_never_repeats_what_was_sent() {
    let gateway = rejecting().await;
    let secret = "correct horse battery staple";
    for body in [
        with_field(&format!(r#""{secret}":1"#)),
        with_amount(&format!(r#""{secret}""#)),
        with_field(&format!(r#""returnUrl":"{secret}""#)),
        format!("{{{secret}"),
        secret.to_owned(),
    ] {
        let response = gateway.post("/payments/charge", body).await;
        response.refuses(400, "INVALID_REQUEST");
        assert!(!response.text().contains("horse"), "{}", response.text());
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn unknown_repeated_and_wrong_parameters_of_a_query_are_refused_by_their_name() {
    let gateway = rejecting().await;
    let transaction = "/payments/txn_01890000-0000-7000-8000-000000000000";
    for (path, param) in [
        ("/payments?page=2", "page"),
        ("/payments?limit=1&limit=1", "limit"),
        ("/payments?limit=1&%6cimit=1", "limit"),
        ("/payments?limit=0", "limit"),
        ("/payments?limit=101", "limit"),
        ("/payments?limit=1e1", "limit"),
        ("/payments?status=lost", "status"),
        ("/payments?provider=adyen", "provider"),
        ("/payments?startingAfter=1", "startingAfter"),
        ("/payments?createdAfter=yesterday", "createdAfter"),
        (&format!("{transaction}?expand=all"), "expand"),
        (&format!("{transaction}/events?limit=1"), "limit"),
    ] {
        let error = gateway.get(path).await.refuses(400, "INVALID_REQUEST");
        assert_eq!(error["param"], param, "{path}");
    }
    let response = gateway.post("/payments/charge?amount=1", with_amount("4999")).await;
    assert_eq!(response.refuses(400, "INVALID_REQUEST")["param"], "amount");
    gateway.nothing_reached_the_control_plane().await;
}
