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
fn refused_for_its(sent: &Sent, code: ErrorCode, reason: &str) {
    let mut exchange = Exchange::default();
    let Step::Reply(reply) = sent.to(&mut exchange) else { panic!("not refused") };
    assert_eq!(reply.status, code.status());
    assert_eq!(exchange.outcome(), Some(Outcome::Refused(code)));
    assert_eq!(exchange.signature(), Some(reason));
}

#[test]
fn a_genuine_webhook_goes_on_as_its_providers_and_as_no_clients() {
    for secret in ["whsec_new", "whsec_old"] {
        let mut exchange = Exchange::default();
        let Step::Forward(edits) = signed_by(secret, NOW).to(&mut exchange) else { panic!("not forwarded") };
        let claims = attested(&edits, "POST", "/webhooks/stripe", EVENT);
        assert_eq!((claims.client, claims.claim, claims.webhook), (None, None, Some(Provider::Stripe)));
        assert_eq!(exchange.signature(), Some("verified"));
    }
}

#[test]
fn a_forged_one_is_refused_with_its_head_where_that_tells() {
    let at_end = [signed_by("whsec_other", NOW), signed_by("whsec_new", NOW).body(b"{}")];
    for sent in at_end {
        refused_for_its(&sent, ErrorCode::SignatureInvalid, "signature_mismatch");
    }
    for (sent, reason) in [
        (event("").without("stripe-signature"), "header_missing"),
        (signed_by("whsec_new", NOW).with("stripe-signature", "t=1,v1=00"), "header_repeated"),
        (signed_by("whsec_new", NOW - 301), "too_old"),
        (signed_by("whsec_new", NOW + 301), "too_new"),
    ] {
        refused_for_its(&sent, ErrorCode::SignatureInvalid, reason);
        let mut exchange = Exchange::default();
        let step = exchange.on_request_head(Head::new(&sent.lines), &config(), NOW);
        assert!(matches!(step, Step::Reply(_)), "its body is not waited for");
    }
}

#[test]
fn a_webhook_may_be_longer_than_other_requests() {
    for (length, forwarded) in [(65_537, true), (262_144, true), (262_145, false)] {
        let body = vec![b' '; length];
        let header = format!("t={NOW},v1={}", signature("whsec_new", NOW, &body));
        let mut exchange = Exchange::default();
        let step = event(&header).body(&body).to(&mut exchange);
        assert_eq!(matches!(step, Step::Forward(_)), forwarded, "{length}");
    }
}

#[test]
fn a_provider_that_is_not_set_up_sends_again() {
    let sent = Sent::new("POST", "/webhooks/paypal").body(EVENT);
    refused_for_its(&sent, ErrorCode::SignatureUnverifiable, "not_configured");
}

#[test]
fn paypals_webhook_waits_for_its_certificate_and_without_one_comes_again() {
    let pem = include_str!("../../../../../envoy/trust/paypal.pem");
    let settings = serde_json::json!({ "webhooks": { "paypal": {
        "environment": "live", "webhookId": "WH-1", "trust": pem, "clusters": {},
    } } });
    let config = EdgeConfig::read(settings.to_string().as_bytes(), secrets()).unwrap();
    let url = "https://api.paypal.com/v1/notifications/certs/CERT-1";
    let sent = |url: &str| {
        Sent::new("POST", "/webhooks/paypal")
            .with("paypal-transmission-id", "dfb3be50-fd74-11e4-8bf3-77339302725b")
            .with("paypal-transmission-time", "2015-05-18T15:45:13Z")
            .with("paypal-transmission-sig", format!("{}=", "A".repeat(343)))
            .with("paypal-cert-url", url)
            .with("paypal-auth-algo", "SHA256withRSA")
            .body(EVENT)
    };
    let mut exchange = Exchange::default();
    let step = sent(url).up_to_the_claim(&mut exchange, &config);
    let Step::Certificate(wanted) = step else { panic!("{step:?}") };
    assert_eq!(wanted.to_string(), url);
    assert_eq!(exchange.outcome(), None);
    let unreachable = Err(FetchFailure::Unreachable.into());
    let Step::Reply(reply) = exchange.on_certificate(unreachable, &PureRust, &config, NOW) else { panic!() };
    assert_eq!(reply.status, 503);
    assert_eq!(exchange.signature(), Some("certificate_unreachable"));
    // Once.
    assert_eq!(exchange.on_certificate(unreachable, &PureRust, &config, NOW), Step::Wait);

    for elsewhere in ["https://evilpaypal.com/v1/notifications/certs/CERT-1", "https://api.paypal.com/v1/x"] {
        let mut exchange = Exchange::default();
        let step = sent(elsewhere).up_to_the_claim(&mut exchange, &config);
        assert!(matches!(step, Step::Reply(Reply { status: 401, .. })), "nothing is fetched: {step:?}");
        assert_eq!(exchange.signature(), Some("certificate_url"));
    }
}
