//! What providers tell: a forged webhook ends in Envoy, a true one moves its payment once.

mod effects;
mod forged;
mod genuine;
mod rotation;

use std::time::{SystemTime, UNIX_EPOCH};

use gateway_tests::Gateway;
use gateway_tests::http1::Request;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// One of the secrets of this gateway's endpoint at Stripe.
fn secret(gateway: &Gateway<'_>) -> String {
    let secrets = gateway.stack().setting("STRIPE_WEBHOOK_SECRETS").unwrap();
    secrets.split(',').next().unwrap().to_owned()
}

/// The header that Stripe would send with `body`.
fn stripe_signature(secret: &str, at_s: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.").as_bytes());
    mac.update(body);
    format!("t={at_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}

fn to_stripes_door(signature: &str, body: &[u8]) -> Request {
    Request::new("POST", "/webhooks/stripe").header("stripe-signature", signature).json().body(body)
}

/// An event that is of no interest to anybody, as long as wanted.
fn event(id: &str, length: usize) -> Vec<u8> {
    let event = format!(
        r#"{{"id":"{id}","object":"event","type":"account.updated","created":1,"data":{{"object":{{}}}},"pad":""#
    );
    let mut event = event.into_bytes();
    event.resize(length.max(event.len() + 2) - 2, b'x');
    event.extend_from_slice(b"\"}");
    event
}
