//! Every published PayPal transmission is verified at its own time, by the trust bundle that is delivered, and by
//! today its certificate has expired.

use edge_core::head::Head;
use edge_core::webhook::paypal::{CERT_URL, CertificateUrlError, Environment, Transmission, WebhookId};
use edge_core::webhook::rsa::PureRust;
use edge_core::webhook::x509::{CertificateProblem, Trust, TrustedKey};
use edge_core::webhook::{CannotVerify, Forged, VerificationError, Verified};
use serde_json::Value;

use crate::lines;
use crate::shared::{text, unix, vectors};

const TRUST: &[u8] = include_bytes!("../../../../envoy/trust/paypal.pem");

fn environment(certificate: &str) -> Environment {
    if certificate.starts_with("live") { Environment::live() } else { Environment::sandbox() }
}

fn key(pem: &str, environment: &Environment, now_s: u64) -> Result<TrustedKey, CannotVerify> {
    let trust = Trust::from_pem(TRUST).unwrap();
    trust.key_of(pem.as_bytes(), environment.certificate_name(), now_s, &PureRust)
}

fn headers(vector: &Value) -> Vec<(&str, &str)> {
    let headers = vector["headers"].as_object().unwrap();
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}

#[test]
fn published_transmissions_are_verified_at_their_own_time() {
    let Some((webhooks, certificates)) =
        vectors("paypal_webhooks.json").zip(vectors("paypal_certificates.json"))
    else {
        return;
    };
    for vector in webhooks["vectors"].as_array().unwrap() {
        let name = text(vector, "/cert");
        let environment = environment(name);
        let now_s = unix(text(vector, "/headers/PAYPAL-TRANSMISSION-TIME"));
        let pem = text(&certificates["certs"][name], "/pem");
        // As it comes from PayPal.
        let pem = pem.replace('\n', "\r\n");
        let key = key(&pem, &environment, now_s).unwrap();
        let body = decode(text(vector, "/body_base64"));
        let lines = lines(&headers(vector));
        let transmission = Transmission::read(Head::new(&lines)).unwrap();
        assert_eq!(transmission.check_time(now_s), Ok(()));
        let id = WebhookId::parse(text(vector, "/webhook_id")).unwrap();
        let verify = |body: &[u8], id: &WebhookId| transmission.verify(body, id, &key, &PureRust);
        let verified = Verified::Paypal {
            transmission_id: text(vector, "/headers/PAYPAL-TRANSMISSION-ID").to_owned(),
            transmission_time: text(vector, "/headers/PAYPAL-TRANSMISSION-TIME").to_owned(),
        };
        assert_eq!(verify(&body, &id), Ok(verified), "{vector}");
        let mismatch = Err(VerificationError::Forged(Forged::SignatureMismatch));
        assert_eq!(verify(&[&body, b"\n".as_slice()].concat(), &id), mismatch);
        assert_eq!(verify(&body, &WebhookId::parse("0X0000000X0000000").unwrap()), mismatch);

        // One of them was published with another URL than the certificate's.
        let published = text(vector, "/headers/PAYPAL-CERT-URL");
        let stubbed = published == "https://api.sandbox.paypal.com/v1/notifications/test";
        let url = transmission.certificate_url(&environment);
        let refused = Err(Forged::CertificateUrl(CertificateUrlError::Path));
        assert_eq!(url.map(|url| url.to_string()), if stubbed { refused } else { Ok(published.to_owned()) });
    }
}

#[test]
fn published_certificates_lead_to_the_bundle_exactly_while_they_are_valid() {
    let Some(certificates) = vectors("paypal_certificates.json") else { return };
    let mut seen = 0;
    for (name, certificate) in certificates["certs"].as_object().unwrap() {
        let pem = text(certificate, "/pem");
        let environment = environment(name);
        let [from_s, until_s] = ["/not_before", "/not_after"].map(|time| unix(text(certificate, time)));
        if certificate.get("cert_url").is_none() {
            // An authority's own certificate is nobody's signature, whatever it is called.
            let problem = key(pem, &environment, from_s).unwrap_err();
            assert_eq!(problem, CannotVerify::Certificate(CertificateProblem::Name), "{name}");
            continue;
        }
        seen += 1;
        for now_s in [from_s, until_s] {
            assert_eq!(key(pem, &environment, now_s).unwrap().not_after_s(), until_s, "{name}");
        }
        let expired = CertificateProblem::Expired { not_after_s: until_s };
        let early = CertificateProblem::NotYetValid { not_before_s: from_s };
        assert_eq!(key(pem, &environment, until_s + 1), Err(expired.into()), "{name}");
        assert_eq!(key(pem, &environment, from_s - 1), Err(early.into()), "{name}");
        let other = if name.starts_with("live") { Environment::sandbox() } else { Environment::live() };
        assert_eq!(key(pem, &other, from_s), Err(CertificateProblem::Name.into()), "{name}");
    }
    assert!(seen >= 4);
}

fn today() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn today_none_of_the_published_transmissions_is_one_that_paypal_still_sends() {
    let Some(webhooks) = vectors("paypal_webhooks.json") else { return };
    for vector in webhooks["vectors"].as_array().unwrap() {
        let lines = lines(&headers(vector));
        let transmission = Transmission::read(Head::new(&lines)).unwrap();
        let age_s = today() - unix(text(vector, "/headers/PAYPAL-TRANSMISSION-TIME"));
        let refused = transmission.check_time(today());
        assert!(
            matches!(refused, Err(Forged::TooOld { age_s: told }) if told.abs_diff(age_s) < 60),
            "{refused:?}"
        );
    }
}

#[test]
fn today_they_have_all_expired() {
    let Some(certificates) = vectors("paypal_certificates.json") else { return };
    let now = today();
    for (name, certificate) in certificates["certs"].as_object().unwrap() {
        let leaf = certificate.get("cert_url").is_some();
        let answer = key(text(certificate, "/pem"), &environment(name), now);
        let expired = matches!(answer, Err(CannotVerify::Certificate(CertificateProblem::Expired { .. })));
        assert_eq!(expired, leaf, "{name}: {answer:?}");
    }
}

#[test]
fn a_published_transmission_with_a_foreign_url_leads_nowhere() {
    let Some(webhooks) = vectors("paypal_webhooks.json") else { return };
    for vector in webhooks["vectors"].as_array().unwrap() {
        let mut headers = headers(vector);
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case(CERT_URL));
        headers.push((CERT_URL, "https://evilpaypal.com/v1/notifications/certs/CERT-1"));
        let lines = lines(&headers);
        let transmission = Transmission::read(Head::new(&lines)).unwrap();
        for environment in [Environment::live(), Environment::sandbox()] {
            let url = transmission.certificate_url(&environment);
            assert_eq!(url, Err(Forged::CertificateUrl(CertificateUrlError::Host)));
        }
    }
}

fn decode(base64: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}
