//! What `parse` takes and refuses, for all bodies.

use super::*;
use crate::provider::Provider;
use crate::test;

const CHARGE: &str =
    r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
const TXN: &str = "txn_01890000-0000-7000-8000-00000000abcd";

fn charge(body: &str) -> Result<ChargeRequest, InvalidRequest> {
    ChargeRequest::parse(body.as_bytes())
}

/// A charge with one more field.
fn with(field: &str) -> String {
    CHARGE.replace('}', &format!(",{field}}}"))
}

/// A charge by PayPal with this payment method.
fn paypal(method: &str) -> String {
    format!(r#"{{"provider":"paypal","amount":1,"currency":"EUR","paymentMethodId":{method}}}"#)
}

#[track_caller]
fn assert_refused(body: &str, param: &str) {
    let invalid = charge(body).expect_err(body);
    assert_eq!(invalid.param.as_deref(), Some(param), "{body}: {invalid}");
    assert!(invalid.message.starts_with(&format!("`{param}` ")), "{invalid}");
}

#[test]
fn the_documented_charge_is_read() {
    let request = charge(CHARGE).unwrap();
    assert_eq!(request.provider, Provider::Stripe);
    assert_eq!((request.amount.minor(), request.currency.code()), (4999, "USD"));
    assert_eq!(request.payment_method_id.as_ref().map(PaymentMethodId::as_str), Some("pm_card_visa"));
    assert_eq!(request.capture, CaptureMode::Automatic);
    assert!(request.metadata.is_empty() && request.description.is_none());
}

#[test]
fn every_optional_field_is_read() {
    let body = with(
        r#""capture":"manual","description":"Tea, größer ☕","metadata":{"order":"7","a.b-c":""},
           "returnUrl":"https://shop.example/back?x=1","customerReference":"c-1""#,
    );
    let request = charge(&body).unwrap();
    assert_eq!(request.capture, CaptureMode::Manual);
    assert_eq!(request.description.as_deref(), Some("Tea, größer ☕"));
    assert_eq!(request.metadata.iter().collect::<Vec<_>>(), [("a.b-c", ""), ("order", "7")]);
    assert_eq!(request.return_url.as_deref(), Some("https://shop.example/back?x=1"));
    assert_eq!(request.customer_reference.as_deref(), Some("c-1"));
}

#[test]
fn what_was_read_can_be_stored_and_read_back() {
    let body = with(r#""capture":"manual","metadata":{"order":"7"},"returnUrl":"https://a""#);
    let request = charge(&body).unwrap();
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<ChargeRequest>(&stored).unwrap(), request);
    assert_eq!(charge(&stored).unwrap(), request);
}

#[test]
fn amounts_are_plain_integers_in_range() {
    let wrong = [
        "0",
        "-1",
        "-0",
        "1.0",
        "1e2",
        "\"5\"",
        "1000000000000",
        "18446744073709551616",
        "null",
        "[1]",
        "{}",
    ];
    for amount in wrong {
        assert_refused(&CHARGE.replace("4999", amount), "amount");
    }
    for amount in ["1", "999999999999"] {
        assert!(charge(&CHARGE.replace("4999", amount)).is_ok(), "{amount}");
    }
}

#[test]
fn fields_have_their_own_forms() {
    let long = "x".repeat(128);
    let wrong = [
        (CHARGE.replace("\"stripe\"", "\"Stripe\""), "provider"),
        (CHARGE.replace("\"stripe\"", "{\"stripe\":null}"), "provider"),
        (CHARGE.replace("\"stripe\"", "7"), "provider"),
        (CHARGE.replace("USD", "usd"), "currency"),
        (CHARGE.replace("USD", "XAU"), "currency"),
        (with(r#""capture":"later""#), "capture"),
        (with(r#""capture":{"manual":null}"#), "capture"),
        (with(r#""description":"""#), "description"),
        (with(&format!(r#""description":"{long}""#)), "description"),
        (with(r#""description":"a\nb""#), "description"),
        (with(r#""description":null"#), "description"),
        (with(r#""customerReference":"\u007f""#), "customerReference"),
        (with(r#""returnUrl":"ftp://a""#), "returnUrl"),
        (with(r#""returnUrl":"https://""#), "returnUrl"),
        (with(r#""returnUrl":"https:///x""#), "returnUrl"),
        (with(r#""returnUrl":"https://a b""#), "returnUrl"),
        (with(r#""returnUrl":"https://ä.example""#), "returnUrl"),
        (with(&format!(r#""returnUrl":"https://a/{}""#, "x".repeat(2039))), "returnUrl"),
    ];
    for (body, param) in &wrong {
        assert_refused(body, param);
    }
    assert!(charge(&with(&format!(r#""returnUrl":"https://a/{}""#, "x".repeat(2038)))).is_ok());
    assert!(charge(&with(&format!(r#""description":"{}""#, "ä".repeat(127)))).is_ok());
}

#[test]
fn payment_methods_fit_their_provider() {
    for method in [
        "null",
        "\"\"",
        "\"pm_\"",
        "\"card:vault\"",
        "\"pm_a-b\"",
        "\"PM_a\"",
        "\"ctoken_\"",
        "\"tok_a b\"",
        "\"ctoken\"",
        "\"seti_1\"",
        "7",
        &format!("\"ctoken_{}\"", "x".repeat(101)),
    ] {
        assert_refused(&CHARGE.replace("\"pm_card_visa\"", method), "paymentMethodId");
    }
    for method in
        ["ctoken_1NnQUf2eZvKYlo2CIObdtnxb", "tok_visa", "tok_1_a", &format!("tok_{}", "x".repeat(100))]
    {
        assert!(charge(&CHARGE.replace("pm_card_visa", method)).is_ok(), "{method}");
    }
    assert_refused(&CHARGE.replace(r#","paymentMethodId":"pm_card_visa""#, ""), "paymentMethodId");
    for method in
        ["null", "\"\"", "\"card:\"", "\"card:card:x\"", "\"a b\"", &format!("\"{}\"", "x".repeat(65))]
    {
        assert_refused(&paypal(method), "paymentMethodId");
    }
    for method in ["\"B-1AB23456CD789012E\"", "\"card:vault-ok\"", "\"vault_ok\"", "\"5O190127TN364715T\""] {
        assert!(charge(&paypal(method)).is_ok(), "{method}");
    }
    assert_eq!(
        charge(r#"{"provider":"paypal","amount":1,"currency":"EUR"}"#).unwrap().payment_method_id,
        None
    );
}

#[test]
fn a_wallet_is_for_a_paypal_order_and_verification_for_a_new_one_with_google_pay() {
    let order = |fields: &str| format!(r#"{{"provider":"paypal","amount":1,"currency":"EUR",{fields}}}"#);
    let read = charge(&order(r#""wallet":"google_pay","verification":"always""#)).unwrap();
    assert_eq!((read.wallet, read.verification), (Some(Wallet::GooglePay), Some(Verification::Always)));
    for fine in [
        r#""wallet":"apple_pay""#,
        r#""wallet":"google_pay","verification":"when_required""#,
        r#""wallet":"apple_pay","paymentMethodId":"5O190127TN364715T""#,
    ] {
        assert!(charge(&order(fine)).is_ok(), "{fine}");
    }
    for (wrong, param) in [
        (r#""wallet":"samsung_pay""#, "wallet"),
        (r#""wallet":null"#, "wallet"),
        (r#""wallet":"apple_pay","paymentMethodId":"vault-ok""#, "paymentMethodId"),
        (r#""wallet":"google_pay","verification":"never""#, "verification"),
        (r#""wallet":"apple_pay","verification":"always""#, "verification"),
        (r#""verification":"always""#, "verification"),
        (
            r#""wallet":"google_pay","verification":"always","paymentMethodId":"5O190127TN364715T""#,
            "verification",
        ),
    ] {
        assert_refused(&order(wrong), param);
    }
    assert_refused(&with(r#""wallet":"apple_pay""#), "wallet");
}

#[test]
fn missing_unknown_and_repeated_fields_are_named() {
    assert_refused("{}", "provider");
    assert_refused(r#"{"provider":"stripe"}"#, "amount");
    assert_refused(&with(r#""amonut":1"#), "amonut");
    assert_refused(&with(r#""amount":4999"#), "amount");
    assert_refused(&with(r#""\u0061mount":4999"#), "amount");
    let odd = charge(&with(r#""a\"<b>":1"#)).unwrap_err();
    assert_eq!(odd.param, None);
    assert!(!odd.message.contains("<b>"), "{odd}");
}

#[test]
fn metadata_is_a_small_object_of_strings() {
    let pairs = |n: usize| (0..n).map(|i| format!("\"k{i}\":\"v\"")).collect::<Vec<_>>().join(",");
    let metadata = |json: &str| with(&format!("\"metadata\":{json}"));
    assert!(charge(&metadata(&format!("{{{}}}", pairs(40)))).is_ok());
    assert_refused(&metadata(&format!("{{{}}}", pairs(41))), "metadata");
    for wrong in [
        "null",
        "[]",
        "\"a\"",
        "{\"\":\"a\"}",
        "{\"a b\":\"c\"}",
        &format!("{{\"{}\":\"\"}}", "k".repeat(41)),
    ] {
        assert_refused(&metadata(wrong), "metadata");
    }
    let long = format!("{{\"order\":\"{}\"}}", "v".repeat(501));
    for wrong in
        ["{\"order\":1}", "{\"order\":null}", "{\"order\":{}}", "{\"order\":\"1\",\"order\":\"2\"}", &long]
    {
        assert_refused(&metadata(wrong), "metadata.order");
    }
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    let deep = format!("{{\"metadata\":{}", "[".repeat(60_000));
    let bodies: [&[u8]; 16] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"[\"stripe\",4999,\"USD\",\"pm_card_visa\"]",
        b"\"{}\"",
        b"{",
        b"{\"amount\":}",
        b"{\"amount\":1,}",
        b"{\"amount\":01}",
        b"{'amount':1}",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"{\"description\":\"\xff\"}",
        b"{\"description\":\"\\ud800\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        assert!(ChargeRequest::parse(body).is_err(), "{}", String::from_utf8_lossy(body));
        assert!(RefundRequest::parse(body).is_err(), "{}", String::from_utf8_lossy(body));
    }
    let trailing = charge(&format!("{CHARGE}x")).unwrap_err();
    assert!(trailing.message.contains("not valid JSON"), "{trailing}");
}

#[test]
fn a_lone_surrogate_is_a_wrong_value() {
    assert_refused(&with(r#""description":"a\ud800b""#), "description");
    assert!(charge(&with(r#""description":"a\ud83d\ude00b""#)).is_ok());
}

#[test]
fn no_message_repeats_what_was_sent() {
    let secret = "hunter2";
    let bodies = [
        CHARGE.replace("\"stripe\"", "\"hunter2\""),
        CHARGE.replace("4999", "\"hunter2\""),
        CHARGE.replace("USD", secret),
        CHARGE.replace("pm_card_visa", secret),
        with(r#""capture":"hunter2""#),
        with(r#""returnUrl":"hunter2""#),
        with(r#""metadata":{"a":["hunter2"]}"#),
        with(r#""metadata":"hunter2""#),
        with("hunter2"),
    ];
    for body in bodies {
        let invalid = charge(&body).expect_err(&body);
        assert!(!format!("{invalid:?}").contains(secret), "{invalid:?}");
    }
}

#[test]
fn a_refund_names_a_transaction() {
    let refund = |body: String| RefundRequest::parse(body.as_bytes());
    let all = refund(format!(r#"{{"transactionId":"{TXN}"}}"#)).unwrap();
    assert_eq!((all.transaction_id.as_str(), all.amount), (TXN, None));
    let part = refund(format!(r#"{{"transactionId":"{TXN}","amount":5}}"#)).unwrap();
    assert_eq!(part.amount.map(crate::money::Amount::minor), Some(5));
    for id in ["txn_1", "", &TXN.replace("txn", "rfnd"), &TXN.to_uppercase()] {
        let invalid = refund(format!(r#"{{"transactionId":"{id}"}}"#)).unwrap_err();
        assert_eq!(invalid.param.as_deref(), Some("transactionId"), "{id}");
    }
    // An amount that went missing must not become "all of it".
    let null = refund(format!(r#"{{"transactionId":"{TXN}","amount":null}}"#)).unwrap_err();
    assert_eq!(null.param.as_deref(), Some("amount"));
}

#[test]
fn capture_and_cancel_take_no_body_for_an_empty_object() {
    assert_eq!(CaptureRequest::parse(b""), Ok(CaptureRequest::default()));
    assert_eq!(CaptureRequest::parse(b"{}"), Ok(CaptureRequest::default()));
    assert_eq!(CancelRequest::parse(b""), Ok(CancelRequest::default()));
    assert_eq!(CancelRequest::parse(b"{}"), Ok(CancelRequest::default()));
    assert!(CaptureRequest::parse(br#"{"amount":7}"#).unwrap().amount.is_some());
    assert_eq!(CaptureRequest::parse(br#"{"amount":0}"#).unwrap_err().param.as_deref(), Some("amount"));
    assert_eq!(CancelRequest::parse(br#"{"amount":1}"#).unwrap_err().param.as_deref(), Some("amount"));
    assert!(CancelRequest::parse(b"[]").is_err());
}
