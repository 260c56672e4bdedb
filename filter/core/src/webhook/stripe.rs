//! Stripe's signature: `Stripe-Signature: t=<Unix seconds>,v1=<HMAC-SHA256 over "t.body" in hex>`
//! (<https://docs.stripe.com/webhooks#verify-manually>).
//!
//! What the official libraries refuse is refused here. Two things more are: a repeated `t`, of which one library
//! takes the first and another the last, and a `t` in the future.

use std::fmt;

use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Forged, Verified, one};
use crate::canonical;
use crate::head::Head;

/// The header that carries the signatures, in lower case.
pub const HEADER: &str = "stripe-signature";

/// The allowed age of a signature, in seconds: the default of Stripe's own libraries.
pub const TOLERANCE_S: u64 = 300;

const MALFORMED: Forged =
    Forged::HeaderMalformed { header: HEADER, expected: "`t=` with a time and `v1=` with 64 hex digits" };

/// The endpoint's secrets: during a rotation, Stripe signs with both.
pub struct Secrets(Vec<Hmac<Sha256>>);

/// Why secrets are invalid. Never contains one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    #[error("no signing secret given; it is the endpoint's `whsec_…`")]
    Empty,
    #[error(
        "signing secret {0} (counted from 1) is empty or holds a space, a quotation mark or an invisible character"
    )]
    NotPlain(usize),
}

impl Secrets {
    /// Each secret is the whole string with its `whsec_`.
    ///
    /// # Errors
    /// If there is none, or one is not a word of visible ASCII, or is in quotation marks.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, SecretsError> {
        let begun = secrets
            .into_iter()
            .enumerate()
            .map(|(i, secret)| {
                let plain = !secret.is_empty()
                    && secret.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\'');
                // Half of the work of a short HMAC is its key setup, which is done here once.
                let begun = Hmac::new_from_slice(secret.as_bytes()).ok();
                begun.filter(|_| plain).ok_or(SecretsError::NotPlain(i + 1))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if begun.is_empty() { Err(SecretsError::Empty) } else { Ok(Self(begun)) }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

/// A signature header that is well-formed and fresh; the body is not checked yet.
#[derive(Debug)]
pub struct Signed {
    at_s: u64,
    v1: Vec<[u8; 32]>,
}

impl Signed {
    /// Parses the header at `now_s` (Unix seconds). Rejects a signature that is more than `tolerance_s` away from it.
    ///
    /// # Errors
    /// The header is not present exactly once, malformed, or not fresh.
    pub fn read(head: Head<'_>, now_s: u64, tolerance_s: u64) -> Result<Self, Forged> {
        let (mut at_s, mut v1) = (None, Vec::new());
        for part in one(head, HEADER)?.split(',') {
            match part.split_once('=') {
                Some(("t", _)) if at_s.is_some() => return Err(MALFORMED),
                Some(("t", time)) => at_s = Some(canonical::number(time).ok_or(MALFORMED)?),
                // An invalid signature is skipped: another one may be valid.
                Some(("v1", digits)) => v1.extend(canonical::hex::<32>(digits)),
                // `v0` is signed with a public test key; later schemes are unknown here.
                _ => {}
            }
        }
        let at_s = at_s.filter(|_| !v1.is_empty()).ok_or(MALFORMED)?;
        match (now_s.saturating_sub(at_s), at_s.saturating_sub(now_s)) {
            (age_s, _) if age_s > tolerance_s => Err(Forged::TooOld { age_s }),
            (_, ahead_s) if ahead_s > tolerance_s => Err(Forged::TooNew { ahead_s }),
            _ => Ok(Self { at_s, v1 }),
        }
    }

    /// When it claims to have been signed, in Unix seconds.
    #[must_use]
    pub const fn at_s(&self) -> u64 {
        self.at_s
    }

    /// Checks that any of the signatures is one of `body`, byte for byte, by any of the secrets.
    ///
    /// # Errors
    /// [`Forged::SignatureMismatch`].
    pub fn verify(&self, secrets: &Secrets, body: &[u8]) -> Result<Verified, Forged> {
        let prefix = format!("{}.", self.at_s);
        for begun in &secrets.0 {
            let mut mac = begun.clone();
            mac.update(prefix.as_bytes());
            mac.update(body);
            let right = mac.finalize();
            // `CtOutput` compares in constant time.
            if self.v1.iter().any(|given| right == CtOutput::new((*given).into())) {
                return Ok(Verified::Stripe { signed_at_s: self.at_s });
            }
        }
        Err(Forged::SignatureMismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const NOW: u64 = 1_764_000_000;
    const BODY: &[u8] = b"{\"id\":\"evt_1\"}";
    /// HMAC-SHA256 of `1764000000.{"id":"evt_1"}` with the key `whsec_test`.
    const V1: &str = "76728ba9029660ebc0a14b80fefcffcc0ad9c7139948290090e9bb71e97d5918";

    fn verify(lines: &[&str], body: &[u8]) -> Result<Verified, Forged> {
        let lines: Vec<_> = lines.iter().map(|line| (HEADER.to_owned(), line.as_bytes().to_vec())).collect();
        let secrets = Secrets::new(["whsec_old", "whsec_test"]).unwrap();
        Signed::read(Head::new(&lines), NOW, TOLERANCE_S)?.verify(&secrets, body)
    }

    #[test]
    fn a_signature_by_any_of_the_secrets_is_good() {
        let good = format!("t={NOW},v1={V1}");
        assert_eq!(verify(&[&good], BODY), Ok(Verified::Stripe { signed_at_s: NOW }));
        assert_eq!(verify(&[&good], b"{\"id\":\"evt_2\"}"), Err(Forged::SignatureMismatch));
    }

    #[test]
    fn a_header_that_could_be_read_in_two_ways_is_refused() {
        let good = format!("t={NOW},v1={V1}");
        assert_eq!(verify(&[], BODY), Err(Forged::HeaderMissing(HEADER)));
        assert_eq!(verify(&[&good, &good], BODY), Err(Forged::HeaderRepeated(HEADER)));
        for malformed in [
            format!("t={NOW},t={NOW},v1={V1}"),
            format!("t=0{NOW},v1={V1}"),
            format!("t=+{NOW},v1={V1}"),
            format!("t= {NOW},v1={V1}"),
            format!("t={NOW}, v1={V1}"),
            format!("t={NOW},v1={}", V1.to_uppercase()),
            format!("t={NOW},v1={}", &V1[..63]),
            format!("t={NOW},v0={V1}"),
            format!("v1={V1}"),
            String::new(),
        ] {
            assert_eq!(verify(&[&malformed], BODY), Err(MALFORMED), "{malformed}");
        }
        assert_eq!(verify(&["t=1,v1=\u{e9}"], BODY), Err(Forged::HeaderNotPlain(HEADER)));
        assert_eq!(verify(&["t=1,v1=\u{1}"], BODY), Err(Forged::HeaderNotPlain(HEADER)));
        assert_eq!(verify(&["x".repeat(4097).as_str()], BODY), Err(Forged::HeaderTooLong(HEADER)));
    }

    #[test]
    fn a_signature_is_fresh_for_five_minutes_in_either_direction() {
        let off_by = |off: i64| {
            let header = format!("t={},v1={V1}", NOW.saturating_add_signed(off));
            verify(&[&header], BODY)
        };
        assert_eq!(off_by(-301), Err(Forged::TooOld { age_s: 301 }));
        assert_eq!(off_by(301), Err(Forged::TooNew { ahead_s: 301 }));
        // Fresh, but another time was signed.
        assert_eq!(off_by(-300), Err(Forged::SignatureMismatch));
        assert_eq!(off_by(300), Err(Forged::SignatureMismatch));
    }

    #[test]
    fn invalid_secrets_are_rejected_and_none_is_ever_printed() {
        assert_eq!(Secrets::new([]).err(), Some(SecretsError::Empty));
        for wrong in ["", " whsec_1", "whsec_1\n", "whsec_\u{e9}", "\"whsec_1\"", "'whsec_1'"] {
            assert_eq!(Secrets::new(["whsec_0", wrong]).err(), Some(SecretsError::NotPlain(2)), "{wrong}");
        }
        assert_eq!(format!("{:?}", Secrets::new(["whsec_1"]).unwrap()), "1 secrets");
    }
}
