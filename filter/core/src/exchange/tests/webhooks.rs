//! What becomes of a webhook by its signature.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;
use crate::provider::Provider;
use crate::test;
use crate::webhook::FetchFailure;
use crate::webhook::rsa::PureRust;

const EVENT: &[u8] = b"{\"id\":\"evt_1\",\"card\":\"4242 4242 4242 4242\"}";

fn signature(secret: &str, at_s: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn event(header: &str) -> Sent {
    let sent = Sent::new("POST", "/webhooks/stripe").without("x-client-id").without("idempotency-key");
    sent.with("stripe-signature", header).with("content-type", "text/anything").body(EVENT)
}

fn signed_by(secret: &str, at_s: u64) -> Sent {
    event(&format!("t={at_s},v1={}", signature(secret, at_s, EVENT)))
}

#[track_caller]
fn rejected_because(sent: &Sent, code: ErrorCode, reason: &str) {
    let mut exchange = Exchange::default();
    let HostAction::Reply(reply) = sent.to(&mut exchange) else { panic!("not rejected") };
    assert_eq!(reply.status, code.status());
    assert_eq!(exchange.outcome(), Some(Outcome::Rejected(code)));
    assert_eq!(exchange.signature(), Some(reason));
}

#[test]
fn a_genuine_webhook_goes_on_as_its_providers_and_as_no_clients() {
    for secret in ["whsec_new", "whsec_old"] {
        let mut exchange = Exchange::default();
        let HostAction::Forward(edits) = signed_by(secret, NOW).to(&mut exchange) else {
            panic!("not forwarded")
        };
        let statement = attested(&edits, "POST", "/webhooks/stripe", EVENT);
        assert_eq!(
            (statement.client, statement.key, statement.webhook),
            (None, None, Some(Provider::Stripe))
        );
        assert_eq!(exchange.signature(), Some("verified"));
    }
}

#[test]
fn a_forged_one_is_refused_with_its_head_where_that_tells() {
    let at_end = [signed_by("whsec_other", NOW), signed_by("whsec_new", NOW).body(b"{}")];
    for sent in at_end {
        rejected_because(&sent, ErrorCode::SignatureInvalid, "signature_mismatch");
    }
    for (sent, reason) in [
        (event("").without("stripe-signature"), "header_missing"),
        (signed_by("whsec_new", NOW).with("stripe-signature", "t=1,v1=00"), "header_repeated"),
        (signed_by("whsec_new", NOW - 301), "too_old"),
        (signed_by("whsec_new", NOW + 301), "too_new"),
    ] {
        rejected_because(&sent, ErrorCode::SignatureInvalid, reason);
        let mut exchange = Exchange::default();
        let action = exchange.on_request_head(Head::new(&sent.lines), &config(), NOW);
        assert!(matches!(action, HostAction::Reply(_)), "its body is not waited for");
    }
}

#[test]
fn a_webhook_may_be_longer_than_other_requests() {
    for (length, forwarded) in [(65_537, true), (262_144, true), (262_145, false)] {
        let body = vec![b' '; length];
        let header = format!("t={NOW},v1={}", signature("whsec_new", NOW, &body));
        let mut exchange = Exchange::default();
        let action = event(&header).body(&body).to(&mut exchange);
        assert_eq!(matches!(action, HostAction::Forward(_)), forwarded, "{length}");
    }
}

#[test]
fn a_provider_that_is_not_set_up_sends_again() {
    let sent = Sent::new("POST", "/webhooks/paypal").body(EVENT);
    rejected_because(&sent, ErrorCode::SignatureUnverifiable, "not_configured");
}

/// A gateway that PayPal's live webhooks are sent to.
fn for_paypal() -> EdgeConfig {
    let pem = include_str!("../../../../../envoy/trust/paypal.pem");
    let settings = serde_json::json!({ "webhooks": { "paypal": {
        "environment": "live", "webhookId": "WH-1", "trust": pem, "clusters": {},
    } } });
    EdgeConfig::read(settings.to_string().as_bytes(), secrets()).unwrap()
}

const CERTIFICATE: &str = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406";
/// That is `NOW`.
const NOW_IN_WORDS: &str = "2025-11-24T16:00:00Z";

fn from_paypal(url: &str, time: &str) -> Sent {
    Sent::new("POST", "/webhooks/paypal")
        .with("paypal-transmission-id", "dfb3be50-fd74-11e4-8bf3-77339302725b")
        .with("paypal-transmission-time", time)
        .with("paypal-transmission-sig", format!("{}=", "A".repeat(343)))
        .with("paypal-cert-url", url)
        .with("paypal-auth-algo", "SHA256withRSA")
        .body(EVENT)
}

#[test]
fn paypals_webhook_waits_for_its_certificate_and_without_one_comes_again() {
    let config = for_paypal();
    let mut exchange = Exchange::default();
    let action = from_paypal(CERTIFICATE, NOW_IN_WORDS).up_to_the_claim(&mut exchange, &config);
    let HostAction::Certificate(wanted) = action else { panic!("{action:?}") };
    assert_eq!(wanted.to_string(), CERTIFICATE);
    assert_eq!(exchange.outcome(), None);
    let unreachable = Err(FetchFailure::Unreachable.into());
    let HostAction::Reply(reply) = exchange.on_certificate(unreachable, &PureRust, &config, NOW) else {
        panic!()
    };
    assert_eq!(reply.status, 503);
    assert!(reply.headers.iter().any(|(name, value)| *name == "retry-after" && *value == "30"), "{reply:?}");
    assert_eq!(exchange.signature(), Some("certificate_unreachable"));
    // Once.
    assert_eq!(exchange.on_certificate(unreachable, &PureRust, &config, NOW), HostAction::Wait);
}

/// Its body is not waited for, and its certificate is not asked for.
#[track_caller]
fn rejected_at_head(sent: &Sent, reason: &str) {
    let mut exchange = Exchange::default();
    let action = exchange.on_request_head(Head::new(&sent.lines), &for_paypal(), NOW);
    assert!(matches!(action, HostAction::Reply(Reply { status: 401, .. })), "{action:?}");
    assert_eq!(exchange.signature(), Some(reason));
    assert_eq!(exchange.outcome(), Some(Outcome::Rejected(ErrorCode::SignatureInvalid)));
}

#[test]
fn a_certificate_elsewhere_or_under_another_kind_of_name_is_not_asked_for() {
    for elsewhere in [
        CERTIFICATE.replace("api.paypal", "evilpaypal"),
        CERTIFICATE.replace("CERT-360caa42-fca2a594-b0d12406", "CERT-1"),
        CERTIFICATE.to_uppercase().replace(
            "HTTPS://API.PAYPAL.COM/V1/NOTIFICATIONS/CERTS",
            "https://api.paypal.com/v1/notifications/certs",
        ),
        "https://api.paypal.com/v1/x".to_owned(),
    ] {
        rejected_at_head(&from_paypal(&elsewhere, NOW_IN_WORDS), "certificate_url");
    }
}

#[test]
fn a_transmission_that_paypal_does_not_send_any_more_is_refused() {
    for (time, reason) in [
        ("2015-05-18T15:45:13Z", "too_old"),
        ("2025-11-20T15:59:59Z", "too_old"),
        ("2025-11-24T16:05:01Z", "too_new"),
        ("24 November 2025", "header_malformed"),
    ] {
        rejected_at_head(&from_paypal(CERTIFICATE, time), reason);
    }
    for time in ["2025-11-20T16:00:00Z", "2025-11-24T16:05:00Z"] {
        let mut exchange = Exchange::default();
        let action = from_paypal(CERTIFICATE, time).up_to_the_claim(&mut exchange, &for_paypal());
        assert!(matches!(action, HostAction::Certificate(_)), "{time}: {action:?}");
    }
}
