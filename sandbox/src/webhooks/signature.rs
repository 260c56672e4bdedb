//! The headers that prove a webhook's origin.

use std::io;

use base64::{Engine, prelude::BASE64_STANDARD};
use crc::{CRC_32_ISO_HDLC, Crc};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use uuid::Builder;

use super::authority::Authority;

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// A secret that no endpoint has.
const FORGED_SECRET: &str = "whsec_forged";

/// `Stripe-Signature`: the time and one `v1` for each secret (docs.stripe.com/webhooks/signature).
pub(crate) fn stripe(secrets: &[String], body: &[u8], at: Timestamp, forged: bool) -> String {
    let forger = [FORGED_SECRET.to_owned()];
    let secrets = if forged { &forger } else { secrets };
    let time = at.as_second();
    let mut header = format!("t={time}");
    for secret in secrets {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { continue };
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        header.push_str(&format!(",v1={}", hex::encode(mac.finalize().into_bytes())));
    }
    header
}

/// The headers that PayPal sends with a body (developer.paypal.com/api/rest/webhooks/rest).
#[derive(Debug)]
pub(crate) struct Transmission {
    pub(crate) id: String,
    pub(crate) time: String,
    /// Base64.
    pub(crate) signature: String,
}

impl Transmission {
    pub(crate) fn sign(
        authority: &Authority,
        webhook_id: &str,
        body: &[u8],
        at: Timestamp,
        forged: bool,
    ) -> io::Result<Self> {
        let id = Builder::from_random_bytes(rand::random()).into_uuid().to_string();
        let time = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        // A forger may have a genuine signature, of another message.
        let signed = if forged { b"{}".as_slice() } else { body };
        let message = paypal_message(&id, &time, webhook_id, signed);
        let signature = BASE64_STANDARD.encode(authority.sign(message.as_bytes())?);
        Ok(Self { id, time, signature })
    }
}

/// `id|time|webhook_id|crc32`, the checksum in decimal, of the body's bytes as sent.
pub(crate) fn paypal_message(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", CRC32.checksum(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_signs_during_a_rotation() {
        let secrets = ["whsec_test_secret".to_owned(), "whsec_next".to_owned()];
        let at = Timestamp::from_second(1_492_774_577).unwrap();
        let header = stripe(&secrets, b"{}", at, false);
        let (first, second) = header.strip_prefix("t=1492774577,v1=").unwrap().split_once(",v1=").unwrap();
        assert!(first.len() == 64 && second.len() == 64 && first != second, "{header}");
        assert_eq!(stripe(&secrets[..1], b"{}", at, false), format!("t=1492774577,v1={first}"));
        assert!(!stripe(&secrets, b"{}", at, true).contains(first));
    }

    #[test]
    fn the_checksum_is_unsigned_and_decimal() {
        assert_eq!(paypal_message("i", "t", "w", b"123456789"), "i|t|w|3421780262");
    }
}
