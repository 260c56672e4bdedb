//! Mistakes with Stripe's webhooks, each named.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::program::{CommandResult, Webhook};

const SECRET: &str = "whsec_right";
const AT: &str = "2026-06-01T00:00:00Z";
const AT_S: u64 = 1_780_272_000;
const BODY: &str = "{\n  \"id\": \"evt_1\",\n  \"livemode\": false\n}";

fn header_by(secret: &str, at_s: u64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.{BODY}").as_bytes());
    format!("t={at_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}

fn header() -> String {
    header_by(SECRET, AT_S)
}

fn verify(header: &str, secrets: &[&str], body: &str) -> CommandResult {
    let mut webhook =
        Webhook::new("stripe", &[("stripe-signature", header)], body.as_bytes()).with(&["--at", AT]);
    for secret in secrets {
        webhook = webhook.with(&["--secret", secret]);
    }
    webhook.verify()
}

#[test]
fn any_of_several_secrets_will_do() {
    let answer = verify(&header(), &["whsec_old", SECRET], BODY);
    assert_eq!((answer.code, answer.verdict()), (0, "verified"), "{}", answer.report);
    assert!(answer.failed().is_empty() && answer.causes().is_empty());
}

#[test]
fn a_rewritten_body_is_recognised() {
    for (body, how) in [
        (format!("{BODY}\n"), "without the line end at its end"),
        (BODY.replace('\n', "\r\n"), "with LF for CRLF"),
        ("{\"id\":\"evt_1\",\"livemode\":false}".to_owned(), "as JSON indented by two spaces"),
    ] {
        let answer = verify(&header(), &["whsec_old", SECRET], &body);
        assert_eq!((answer.code, answer.failed()), (1, vec!["signature"]), "{}", answer.report);
        assert!(answer.causes().contains("secret 2") && answer.causes().contains(how), "{}", answer.report);
    }
}

#[test]
fn a_wrongly_copied_secret_is_recognised_and_never_printed() {
    for (secret, how) in [
        ("right", "whsec_"),
        (" whsec_right ", "white space"),
        ("whsec_right\n", "white space"),
        ("'whsec_right'", "quotes"),
    ] {
        let answer = verify(&header(), &[secret], BODY);
        assert_eq!(answer.verdict(), "forged", "{}", answer.report);
        assert!(answer.causes().contains(how), "{secret}: {}", answer.report);
        assert!(!answer.report.to_string().contains("right"), "{}", answer.report);
    }
    let answer = verify(&header_by("right", AT_S), &[SECRET], BODY);
    assert!(answer.causes().contains("without its `whsec_`"), "{}", answer.report);
    let answer = verify(&header_by("whsec_other", AT_S), &[SECRET], BODY);
    assert!(answer.causes().contains("another endpoint's"), "{}", answer.report);
    assert!(answer.causes().contains("of test mode"), "{}", answer.report);
    assert!(!answer.report.to_string().contains(SECRET), "{}", answer.report);
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    for (at_s, words) in [(AT_S - 301, "301 s before"), (AT_S + 3600, "3600 s after")] {
        let answer = verify(&header_by(SECRET, at_s), &[SECRET], BODY);
        assert_eq!((answer.code, answer.failed()), (1, vec!["time"]), "{}", answer.report);
        assert!(
            answer.causes().contains(words) && answer.causes().contains("only the time"),
            "{}",
            answer.report
        );
    }
    let header = header_by(SECRET, AT_S - 301);
    let webhook = Webhook::new("stripe", &[("Stripe-Signature", &header)], BODY.as_bytes());
    let patient = webhook.with(&["--at", AT, "--secret", SECRET, "--tolerance", "301"]).verify();
    assert_eq!(patient.code, 0, "{}", patient.report);
}

#[test]
fn a_damaged_header_is_told_by_its_damage() {
    let good = header();
    let (time, v1) = good.split_once(',').unwrap();
    for (header, words) in [
        (time.to_owned(), "no `v1=`"),
        (v1.to_owned(), "no `t=`"),
        (good[..good.len() - 10].to_owned(), "54 of 64"),
        (good.replace(',', ", "), "spaces at its commas"),
        (good.replace("v1=", "v0="), "test signature"),
        (format!("{time},{good}"), "more than one `t=`"),
    ] {
        let answer = verify(&header, &[SECRET], BODY);
        assert_eq!((answer.code, answer.verdict()), (1, "forged"), "{}", answer.report);
        assert!(answer.causes().contains(words), "{header}: {}", answer.report);
    }
    let twice = [("Stripe-Signature", good.as_str()), ("stripe-signature", good.as_str())];
    let twice =
        Webhook::new("stripe", &twice, BODY.as_bytes()).with(&["--at", AT, "--secret", SECRET]).verify();
    assert!(twice.causes().contains("duplicated"), "{}", twice.report);
    let none = Webhook::new("stripe", &[], BODY.as_bytes()).with(&["--at", AT, "--secret", SECRET]).verify();
    assert!(none.causes().contains("lost on the way"), "{}", none.report);
}

#[test]
fn people_get_a_line_a_check_and_the_verdict() {
    let header = header();
    let webhook = Webhook::new("stripe", &[("Stripe-Signature", &header)], b"{}");
    let output = webhook.with(&["--at", AT, "--secret", SECRET]).run();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    for words in [
        "  ok      header",
        "  FAILED  signature",
        "FORGED: the signature does not match the body",
        "likely cause:\n  - ",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn what_is_no_use_of_the_command_ends_with_two_and_a_missing_file_with_one() {
    let no_secret = Webhook::new("stripe", &[], b"{}").run();
    assert_eq!(no_secret.status.code(), Some(2), "{no_secret:?}");
    let no_id = Webhook::new("paypal", &[], b"{}").run();
    assert_eq!(no_id.status.code(), Some(2), "{no_id:?}");
    let other = Webhook::new("braintree", &[], b"{}").run();
    assert_eq!(other.status.code(), Some(2), "{other:?}");
    let missing = Webhook::new("paypal", &[], b"{}")
        .with(&["--webhook-id", "1", "--certificate", "/nonexistent/certificate.pem"])
        .run();
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nonexistent/certificate.pem"), "{missing:?}");
}
