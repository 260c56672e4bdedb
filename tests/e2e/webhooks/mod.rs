//! Webhooks: a forged one ends in Envoy, a genuine one changes its payment once.

mod captured;
mod certificates;
mod disputes;
mod effects;
mod forged;
mod genuine;
mod rewritten;
mod rotation;

use std::time::{SystemTime, UNIX_EPOCH};

use gateway_tests::Gateway;
use gateway_tests::http1::Request;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A signing secret of this gateway's endpoint at Stripe.
pub(crate) fn secret(gateway: &Gateway<'_>) -> String {
    let secrets = gateway.stack().setting("STRIPE_WEBHOOK_SECRETS").unwrap();
    secrets.split(',').next().unwrap().to_owned()
}

/// The header that Stripe would send with `body`.
pub(crate) fn stripe_signature(secret: &str, at_s: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.").as_bytes());
    mac.update(body);
    format!("t={at_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}

fn to_stripes_door(signature: &str, body: &[u8]) -> Request {
    Request::new("POST", "/webhooks/stripe").header("stripe-signature", signature).json().body(body)
}

/// The head of a delivery in PayPal's form, dated now, that names a certificate at `url`. Its signature is invalid.
pub(crate) fn forged_paypal(url: &str) -> [(&'static str, String); 6] {
    forged_at(url, jiff::Timestamp::from_second(now_s().try_into().unwrap()).unwrap())
}

fn forged_at(url: &str, at: jiff::Timestamp) -> [(&'static str, String); 6] {
    [
        ("paypal-transmission-id", "dfb3be50-fd74-11e4-8bf3-77339302725b".to_owned()),
        ("paypal-transmission-time", at.to_string()),
        ("paypal-transmission-sig", format!("{}=", "A".repeat(343))),
        ("paypal-cert-url", url.to_owned()),
        ("paypal-auth-algo", "SHA256withRSA".to_owned()),
        ("paypal-auth-version", "v2".to_owned()),
    ]
}

/// That delivery.
pub(crate) fn to_paypals_door(url: &str) -> Request {
    sent_at(url, jiff::Timestamp::from_second(now_s().try_into().unwrap()).unwrap())
}

/// The same, dated `at`.
fn sent_at(url: &str, at: jiff::Timestamp) -> Request {
    let request = Request::new("POST", "/webhooks/paypal").json();
    let headers = forged_at(url, at);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(event("WH-1", 500))
}

/// An event that the gateway ignores, of any length.
pub(crate) fn event(id: &str, length: usize) -> Vec<u8> {
    let event = format!(
        r#"{{"id":"{id}","object":"event","type":"account.updated","created":1,"data":{{"object":{{}}}},"pad":""#
    );
    let mut event = event.into_bytes();
    event.resize(length.max(event.len() + 2) - 2, b'x');
    event.extend_from_slice(b"\"}");
    event
}
