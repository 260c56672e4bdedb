//! A delivery of an event, as its headers describe it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_cert::der::DateTime;

use super::{CertificateUrl, Environment};
use crate::head::Head;
use crate::webhook::rsa::{Hash, Unavailable, VerifyRsa};
use crate::webhook::x509::TrustedKey;
use crate::webhook::{CannotVerify, Forged, VerificationError, Verified, one};

pub const TRANSMISSION_ID: &str = "paypal-transmission-id";
pub const TRANSMISSION_TIME: &str = "paypal-transmission-time";
pub const TRANSMISSION_SIG: &str = "paypal-transmission-sig";
pub const CERT_URL: &str = "paypal-cert-url";
pub const AUTH_ALGO: &str = "paypal-auth-algo";

/// PayPal's id of the webhook endpoint, e.g. `4JH86294D6297924G`. It is part of every signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookId(String);

impl WebhookId {
    /// The id that PayPal's dashboard simulator signs with for every recipient: as good as no id, and not allowed in a
    /// configuration that takes real money.
    pub const SIMULATOR: &str = "WEBHOOK_ID";

    /// 1 to 64 letters, digits, `-` and `_`.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        is_word(id, 64).then(|| Self(id.to_owned()))
    }
}

/// PayPal sends a webhook up to 25 times over three days (developer.paypal.com/api/rest/webhooks/#retries), each time
/// with the time of the first attempt. One more day allows for clock differences and delays.
pub const SENT_WITHIN_S: u64 = 4 * 24 * 3600;

/// Allowed clock difference: the same as for Stripe by default.
const AHEAD_MAX_S: u64 = 300;

/// A delivery whose headers are well-formed. Its time, certificate URL and signature are not checked yet.
#[derive(Debug)]
pub struct Transmission {
    id: String,
    /// As signed.
    time: String,
    sent_at_s: u64,
    signature: Vec<u8>,
    certificate_url: String,
}

impl Transmission {
    /// Reads the five headers; each must come exactly once.
    ///
    /// # Errors
    /// Names the header at fault, or reports another algorithm than SHA256withRSA.
    pub fn read(head: Head<'_>) -> Result<Self, Forged> {
        let id = one(head, TRANSMISSION_ID)?;
        let time = one(head, TRANSMISSION_TIME)?;
        let signature = one(head, TRANSMISSION_SIG)?;
        let certificate_url = one(head, CERT_URL)?;
        if one(head, AUTH_ALGO)? != "SHA256withRSA" {
            return Err(Forged::Algorithm);
        }
        let malformed = |header, expected| Forged::HeaderMalformed { header, expected };
        // Neither may contain the `|` that separates them in the signed message.
        if !is_word(id, 128) {
            return Err(malformed(TRANSMISSION_ID, "an id of letters, digits, `-` and `_`"));
        }
        let sent_at_s =
            unix_s(time).ok_or_else(|| malformed(TRANSMISSION_TIME, "a time like 2026-01-31T12:00:00Z"))?;
        let signature = STANDARD
            .decode(signature)
            .ok()
            .filter(|bytes| (256..=1024).contains(&bytes.len()))
            .ok_or_else(|| malformed(TRANSMISSION_SIG, "a whole RSA signature in base64"))?;
        let certificate_url = certificate_url.to_owned();
        Ok(Self { id: id.to_owned(), time: time.to_owned(), sent_at_s, signature, certificate_url })
    }

    /// Whether PayPal may still be sending it at `now_s` (Unix seconds). The time is signed, so that what was captured
    /// on the way is of no use for longer than that.
    ///
    /// # Errors
    /// [`Forged::TooOld`] or [`Forged::TooNew`].
    pub const fn check_time(&self, now_s: u64) -> Result<(), Forged> {
        let (age_s, ahead_s) = (now_s.saturating_sub(self.sent_at_s), self.sent_at_s.saturating_sub(now_s));
        if age_s > SENT_WITHIN_S {
            Err(Forged::TooOld { age_s })
        } else if ahead_s > AHEAD_MAX_S {
            Err(Forged::TooNew { ahead_s })
        } else {
            Ok(())
        }
    }

    /// The certificate's URL, if it is at PayPal.
    ///
    /// # Errors
    /// [`Forged::CertificateUrl`]: nothing may be fetched.
    pub fn certificate_url(&self, environment: &Environment) -> Result<CertificateUrl, Forged> {
        Ok(CertificateUrl::parse(&self.certificate_url, environment)?)
    }

    /// Checks that `key` signed this delivery of `body`, byte for byte, to the endpoint `webhook_id`.
    ///
    /// # Errors
    /// [`Forged::SignatureMismatch`], or an error if signatures cannot be checked here.
    pub fn verify(
        &self,
        body: &[u8],
        webhook_id: &WebhookId,
        key: &TrustedKey,
        rsa: &impl VerifyRsa,
    ) -> Result<Verified, VerificationError> {
        self.verify_sum(crc32fast::hash(body), webhook_id, key, rsa)
    }

    /// The same for a body of which only the CRC-32 is known, the only part that is signed.
    pub(crate) fn verify_sum(
        &self,
        body_crc32: u32,
        webhook_id: &WebhookId,
        key: &TrustedKey,
        rsa: &impl VerifyRsa,
    ) -> Result<Verified, VerificationError> {
        let message = format!("{}|{}|{}|{body_crc32}", self.id, self.time, webhook_id.0);
        match rsa.verify(key.spki_der(), Hash::Sha256, message.as_bytes(), &self.signature) {
            Ok(true) => Ok(Verified::Paypal {
                transmission_id: self.id.clone(),
                transmission_time: self.time.clone(),
            }),
            Ok(false) => Err(Forged::SignatureMismatch.into()),
            Err(Unavailable) => Err(CannotVerify::RsaUnavailable.into()),
        }
    }
}

/// The Unix seconds of a time in UTC (RFC 3339), with or without a fraction of a second.
fn unix_s(time: &str) -> Option<u64> {
    const LONGEST: usize = "2026-01-31T12:00:00.123456789Z".len();
    let (seconds, rest) = time.split_at_checked("2026-01-31T12:00:00".len())?;
    let fraction = rest.strip_suffix('Z')?;
    let digits = fraction.strip_prefix('.');
    let is_fraction = digits.is_some_and(|all| !all.is_empty() && all.bytes().all(|b| b.is_ascii_digit()));
    if time.len() > LONGEST || !(fraction.is_empty() || is_fraction) {
        return None;
    }
    let parsed: DateTime = format!("{seconds}Z").parse().ok()?;
    Some(parsed.unix_duration().as_secs())
}

fn is_word(text: &str, characters_max: usize) -> bool {
    (1..=characters_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn headers() -> Vec<(String, Vec<u8>)> {
        let signature = STANDARD.encode([7; 256]);
        [
            (TRANSMISSION_ID, "dfb3be50-fd74-11e4-8bf3-77339302725b"),
            (TRANSMISSION_TIME, "2015-05-18T15:45:13Z"),
            (TRANSMISSION_SIG, signature.as_str()),
            (CERT_URL, "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"),
            (AUTH_ALGO, "SHA256withRSA"),
        ]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .to_vec()
    }

    /// The headers with another value under one name.
    fn read_with(name: &str, value: &[u8]) -> Result<Transmission, Forged> {
        let mut headers = headers();
        headers.iter_mut().filter(|(other, _)| other == name).for_each(|(_, old)| *old = value.to_vec());
        Transmission::read(Head::new(&headers))
    }

    #[test]
    fn each_header_must_come_exactly_once() {
        assert!(Transmission::read(Head::new(&headers())).is_ok());
        for name in [TRANSMISSION_ID, TRANSMISSION_TIME, TRANSMISSION_SIG, CERT_URL, AUTH_ALGO] {
            let (mut none, mut two) = (headers(), headers());
            none.retain(|(other, _)| other != name);
            two.extend(headers().into_iter().filter(|(other, _)| other == name));
            assert_eq!(Transmission::read(Head::new(&none)).err(), Some(Forged::HeaderMissing(name)));
            assert_eq!(Transmission::read(Head::new(&two)).err(), Some(Forged::HeaderRepeated(name)));
            for value in [b"caf\xc3\xa9".as_slice(), b"\xff", b"a\0b", b"a\tb", b"a\x7f"] {
                assert_eq!(read_with(name, value).err(), Some(Forged::HeaderNotPlain(name)));
            }
            assert_eq!(read_with(name, &[b'a'; 4097]).err(), Some(Forged::HeaderTooLong(name)));
        }
    }

    #[test]
    fn another_algorithm_is_refused() {
        for algorithm in ["SHA1withRSA", "sha256withrsa", "SHA256withECDSA", "none", "", "SHA256withRSA "] {
            let forged = read_with(AUTH_ALGO, algorithm.as_bytes()).err();
            assert_eq!(forged, Some(Forged::Algorithm), "{algorithm}");
        }
    }

    #[test]
    fn values_that_make_the_signed_message_ambiguous_are_rejected() {
        let whole = STANDARD.encode([7; 256]);
        let cut = &whole[..whole.len() - 4];
        let unpadded = whole.trim_end_matches('=');
        for (name, value) in [
            (TRANSMISSION_ID, "a|b"),
            (TRANSMISSION_ID, ""),
            (TRANSMISSION_ID, "a b"),
            (TRANSMISSION_TIME, "2015-05-18T15:45:13Z|x"),
            (TRANSMISSION_TIME, ""),
            (TRANSMISSION_TIME, "2015-05-18"),
            (TRANSMISSION_TIME, "2015-05-18T15:45:13"),
            (TRANSMISSION_TIME, "2015-05-18T15:45:13.Z"),
            (TRANSMISSION_TIME, "2015-05-18T15:45:13.5x5Z"),
            (TRANSMISSION_TIME, "2015-05-18T15:45:13.1234567890Z"),
            (TRANSMISSION_TIME, "2015-13-18T15:45:13Z"),
            (TRANSMISSION_TIME, "2015-05-18t15:45:13Z"),
            (TRANSMISSION_TIME, "1431963913"),
            (TRANSMISSION_SIG, ""),
            (TRANSMISSION_SIG, cut),
            (TRANSMISSION_SIG, unpadded),
            (TRANSMISSION_SIG, "not base64!"),
        ] {
            let forged = read_with(name, value.as_bytes()).err();
            assert!(
                matches!(forged, Some(Forged::HeaderMalformed { header, .. }) if header == name),
                "{value}"
            );
        }
    }

    #[test]
    fn a_transmission_is_accepted_only_as_long_as_paypal_retries_it() {
        const SENT_AT: u64 = 1_431_963_913;
        let too_old = |age_s| Err(Forged::TooOld { age_s });
        for time in ["2015-05-18T15:45:13Z", "2015-05-18T15:45:13.999Z"] {
            let sent = read_with(TRANSMISSION_TIME, time.as_bytes()).unwrap();
            for (now_s, verdict) in [
                (SENT_AT, Ok(())),
                (SENT_AT + 3 * 86_400, Ok(())),
                (SENT_AT + 345_600, Ok(())),
                (SENT_AT + 345_601, too_old(345_601)),
                (1_795_000_000, too_old(1_795_000_000 - SENT_AT)),
                (SENT_AT - 300, Ok(())),
                (SENT_AT - 301, Err(Forged::TooNew { ahead_s: 301 })),
                (0, Err(Forged::TooNew { ahead_s: SENT_AT })),
            ] {
                assert_eq!(sent.check_time(now_s), verdict, "{now_s}");
            }
        }
    }

    #[test]
    fn a_webhook_id_is_one_word() {
        assert!(WebhookId::parse("4JH86294D6297924G").is_some() && WebhookId::parse("WEBHOOK_ID").is_some());
        for wrong in ["", "4JH 8", "4JH|8", "4JH8\n", &"A".repeat(65)] {
            assert!(WebhookId::parse(wrong).is_none(), "{wrong}");
        }
    }
}
