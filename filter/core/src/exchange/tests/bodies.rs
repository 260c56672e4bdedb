//! What bodies may be.

use super::*;
use crate::test;

#[test]
fn bodies_are_plain_json() {
    let types = [
        "",
        "text/plain",
        "application/json;charset=latin1",
        "application/json; charset=utf-8; a=b",
        "application/jsonx",
        "application/json, text/plain",
    ];
    for content_type in types {
        Sent::charge().replacing("content-type", content_type).rejected(ErrorCode::UnsupportedMediaType);
    }
    Sent::charge().without("content-type").rejected(ErrorCode::UnsupportedMediaType);
    for fine in ["Application/JSON", "application/json; charset=UTF-8", "application/json;charset=\"utf-8\""]
    {
        Sent::charge().replacing("content-type", fine).forwarded();
    }
    for encoding in ["gzip", "identity", ""] {
        Sent::charge().with("content-encoding", encoding).rejected(ErrorCode::UnsupportedMediaType);
    }
}

#[test]
fn an_empty_body_needs_no_type_where_it_may_be_empty() {
    let cancel = Sent::new("POST", &format!("/payments/{TXN}/cancel")).with("content-length", "0");
    cancel.forwarded();
    cancel.with("content-type", "application/x-www-form-urlencoded").forwarded();
    Sent::charge().body(b"").rejected(ErrorCode::InvalidRequest);
}

#[test]
fn reading_requests_have_no_body() {
    Sent::new("GET", "/payments").body(b"{}").rejected(ErrorCode::InvalidRequest);
    Sent::new("GET", "/payments").with("content-length", "2").rejected(ErrorCode::InvalidRequest);
    Sent::new("GET", "/payments").with("content-length", "0").forwarded();
}

/// The charge, made as long as wanted by spaces.
#[test]
fn a_body_at_the_limit_passes_and_one_byte_more_is_too_large() {
    Sent::charge().body(&charge_of(65_536)).forwarded();
    Sent::charge().body(&charge_of(65_537)).rejected(ErrorCode::PayloadTooLarge);
    Sent::charge().with("content-length", "65537").rejected(ErrorCode::PayloadTooLarge);
    Sent::charge().with("content-length", "65536").forwarded();
    let mut exchange = Exchange::default();
    exchange.on_request_head(Head::new(&Sent::charge().lines), &config(), NOW);
    assert_eq!(exchange.on_request_body(65_536), HostAction::Wait);
    assert!(matches!(exchange.on_request_body(65_537), HostAction::Reply(Reply { status: 413, .. })));
}

#[test]
fn a_card_number_wins_over_every_other_fault_of_the_body_and_is_not_repeated() {
    let card = "4242 4242 4242 4242";
    let bodies = [format!("{{\"number\":\"{card}\"}}"), card.to_owned(), format!("{{\"{card}\":")];
    for body in bodies {
        let (reply, _) = Sent::charge().body(body.as_bytes()).rejected(ErrorCode::CardDataNotAccepted);
        assert!(!String::from_utf8_lossy(&reply.body).contains("4242"));
    }
    for path in ["/payments/4242424242424242", "/4242-4242-4242-4242", "/payments?a=%34242424242424242"] {
        Sent::new("GET", path).rejected(ErrorCode::CardDataNotAccepted);
    }
}

#[test]
fn a_wallets_payload_is_refused_under_its_own_code_and_never_repeated() {
    let encrypted = r#"{"paymentData":{"header":{"ephemeralPublicKey":"MFkwsecret"}}}"#;
    let decrypted = r#"{"paymentData":{"onlinePaymentCryptogram":"MFkwsecret"}}"#;
    let quoted = format!(r#"{{"metadata":{{"token":{}}}}}"#, serde_json::Value::from(encrypted));
    for (body, code) in [
        (encrypted, ErrorCode::WalletPayloadNotAccepted),
        (&quoted, ErrorCode::WalletPayloadNotAccepted),
        (decrypted, ErrorCode::CardDataNotAccepted),
    ] {
        let (reply, _) = Sent::charge().body(body.as_bytes()).rejected(code);
        assert!(!String::from_utf8_lossy(&reply.body).contains("MFkw"), "{body}");
    }
    Sent::new("GET", "/payments?a=%7B%22signedMessage%22%3A1%7D")
        .rejected(ErrorCode::WalletPayloadNotAccepted);
}

#[test]
fn a_wallets_payload_in_a_header_is_refused_by_the_headers_name() {
    let encrypted = r#"{"signedMessage":"MFkwsecret","protocolVersion":"ECv2"}"#;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, encrypted);
    for (value, code) in [
        (encrypted, ErrorCode::WalletPayloadNotAccepted),
        (&encoded, ErrorCode::WalletPayloadNotAccepted),
        (r#"{"onlinePaymentCryptogram":"MFkwsecret"}"#, ErrorCode::CardDataNotAccepted),
        (r#"{"pan":"4111111111111111","cryptogram":"MFkwsecret"}"#, ErrorCode::CardDataNotAccepted),
    ] {
        for name in ["x-wallet", "cookie", "user-agent"] {
            for sent in [Sent::charge(), Sent::new("GET", "/payments")] {
                let (reply, error) = sent.with(name, value).rejected(code);
                assert_eq!(error["param"], name, "{value}");
                assert!(!String::from_utf8_lossy(&reply.body).contains("MFkw"), "{value}");
            }
        }
    }
    let (_, error) =
        Sent::charge().with("x-4111111111111111", encrypted).rejected(ErrorCode::CardDataNotAccepted);
    assert_eq!(error["param"], serde_json::Value::Null, "a name that is card data itself is not repeated");
}

#[test]
fn honest_headers_of_browsers_and_proxies_pass() {
    for (name, value) in [
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0",
        ),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("x-correlation-id", "01JDZ8Q4V7N3M5K2H9R6T0W1XY"),
        ("request-id", "|4bf92f3577b34da6a3ce929d0e0e4736.00f067aa0c5902b7."),
        ("x-session-id", "1576013402161823744"),
        (
            "cookie",
            "_ga=GA1.2.4242424242424242.1795822832; session=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MjQyNDI0MjQyNDI0MjQyIn0.c2ln",
        ),
        ("x-forwarded-for", "2001:db8::1, 192.0.2.7"),
        ("cf-visitor", r#"{"scheme":"https"}"#),
    ] {
        Sent::charge().with(name, value).forwarded();
    }
}
