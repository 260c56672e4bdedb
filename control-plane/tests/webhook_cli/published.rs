//! Published signatures of both providers, from the folder `GATEWAY_SHARED` (default: `../shared` beside the
//! repository).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::program::{CommandResult, Webhook};

/// The file `name` of the vectors, or `None`, which is said past the test harness.
fn vectors(name: &str) -> Option<Value> {
    let shared = std::env::var_os("GATEWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let Ok(text) = fs::read(shared.join("vectors").join(name)) else {
        let why = format!("SKIPPED: {name}: GATEWAY_SHARED does not lead to it\n");
        io::stderr().write_all(why.as_bytes()).unwrap();
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

fn stripe(header: &str, secret: &str, body: &str, at_s: i64) -> CommandResult {
    Webhook::new("stripe", &[("Stripe-Signature", header)], body.as_bytes())
        .with(&["--secret", secret, "--at", &Timestamp::from_second(at_s).unwrap().to_string()])
        .verify()
}

#[test]
fn every_published_stripe_signature_gets_the_verdict_of_the_official_libraries() {
    let Some(file) = vectors("stripe_signatures.json") else { return };
    for vector in file["vectors"].as_array().unwrap() {
        let at_s = vector["timestamp"].as_i64().unwrap();
        let answer = stripe(text(vector, "/header"), text(vector, "/secret"), text(vector, "/payload"), at_s);
        assert_eq!((answer.code, answer.verdict()), (0, "verified"), "{}", answer.report);
    }
    let behaviour = &file["sdk_behaviour"];
    for case in behaviour["cases"].as_array().unwrap() {
        let at_s = behaviour["now"].as_i64().unwrap();
        let (secret, body) = (text(behaviour, "/secret"), text(behaviour, "/payload"));
        let answer = stripe(text(case, "/header"), secret, body, at_s);
        // They take the first or the last of two times, and any time in the future.
        let stricter = ["two t", "two t reversed", "future 1h"].contains(&text(case, "/case"));
        let accepted = case["python_accepts"] == true && !stricter;
        assert_eq!(answer.code, i32::from(!accepted), "{case}: {}", answer.report);
        assert_eq!(answer.verdict(), if accepted { "verified" } else { "forged" }, "{case}");
        assert_eq!(answer.causes().is_empty(), accepted, "{case}: {}", answer.report);
    }
}

/// A published transmission, with another body or webhook id where one is given.
fn paypal(
    vector: &Value,
    pem: &str,
    body: Option<&[u8]>,
    id: Option<&str>,
    at: Option<&str>,
) -> CommandResult {
    let headers = vector["headers"].as_object().unwrap();
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let published = STANDARD.decode(text(vector, "/body_base64")).unwrap();
    let environment = if text(vector, "/cert").starts_with("live") { "live" } else { "sandbox" };
    let webhook = Webhook::new("paypal", &headers, body.unwrap_or(&published))
        .with(&["--webhook-id", id.unwrap_or_else(|| text(vector, "/webhook_id"))])
        .with(&["--environment", environment])
        .with_file("--certificate", pem.as_bytes());
    match at {
        Some(at) => webhook.with(&["--at", at]).verify(),
        None => webhook.verify(),
    }
}

#[test]
fn each_published_paypal_transmission_is_verified_at_its_time_and_no_altered_one() {
    let Some((webhooks, certificates)) =
        vectors("paypal_webhooks.json").zip(vectors("paypal_certificates.json"))
    else {
        return;
    };
    for vector in webhooks["vectors"].as_array().unwrap() {
        let name = text(vector, "/cert");
        let pem = text(&certificates["certs"][name], "/pem");
        let at = Some(text(vector, "/headers/PAYPAL-TRANSMISSION-TIME"));
        let answer = paypal(vector, pem, None, None, at);
        assert_eq!((answer.code, answer.verdict()), (0, "verified"), "{}", answer.report);
        let answer = paypal(vector, &pem.replace('\n', "\r\n"), None, None, at);
        assert_eq!((answer.code, answer.verdict()), (0, "verified"), "{}", answer.report);

        let body = text(vector, "/body");
        let altered = body.replacen("\"id\":\"WH-", "\"id\":\"WX-", 1);
        let answer = paypal(vector, pem, Some(altered.as_bytes()), None, at);
        assert_eq!((answer.code, answer.verdict()), (1, "forged"), "{}", answer.report);
        assert_eq!(answer.failed(), ["signature"]);

        let line = format!("{body}\n");
        let answer = paypal(vector, pem, Some(line.as_bytes()), None, at);
        assert!(answer.causes().contains("without the line end at its end"), "{}", answer.report);

        let answer = paypal(vector, pem, None, Some("0X0000000X0000000"), at);
        assert_eq!((answer.code, answer.verdict()), (1, "forged"), "{}", answer.report);
        let simulated = text(vector, "/webhook_id") == "WEBHOOK_ID";
        assert_eq!(
            answer.causes().contains("simulator in PayPal's dashboard"),
            simulated,
            "{}",
            answer.report
        );

        // At today's time: PayPal does not send it any more, though its signature is good, and its certificate is over.
        let answer = paypal(vector, pem, None, None, None);
        assert_eq!((answer.code, answer.verdict()), (1, "forged"), "{}", answer.report);
        assert_eq!(answer.failed(), ["time", "certificate"]);
        assert!(answer.causes().contains("it was good when the webhook was sent"), "{}", answer.report);
    }
}

#[test]
fn no_published_certificate_but_the_right_one_is_of_use() {
    let Some((webhooks, certificates)) =
        vectors("paypal_webhooks.json").zip(vectors("paypal_certificates.json"))
    else {
        return;
    };
    for vector in webhooks["vectors"].as_array().unwrap() {
        let at = Some(text(vector, "/headers/PAYPAL-TRANSMISSION-TIME"));
        for (name, certificate) in certificates["certs"].as_object().unwrap() {
            let answer = paypal(vector, text(certificate, "/pem"), None, None, at);
            let right = name == text(vector, "/cert");
            assert_eq!(answer.code, i32::from(!right), "{name}: {}", answer.report);
        }
    }
}
