//! Verifies that a webhook is from the provider that it claims.
//!
//! The raw body is checked, byte for byte: a body that was parsed and serialized again no longer matches. There are
//! three results: [`Verified`]; [`Forged`], which no retry can fix (401); and [`CannotVerify`], where the gateway may
//! be at fault and the provider should redeliver (503). Only the first admits a webhook. A verified one may still be a
//! replay of an older one: the control plane, which stores every event's id, detects that.

pub mod paypal;
pub mod rsa;
pub mod stripe;
mod verification_error;
pub mod x509;

pub use verification_error::{CannotVerify, FetchFailure, Forged, VerificationError};

use crate::head::Head;

/// A genuine webhook, and what was signed besides the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    Stripe {
        /// When it was signed, in Unix seconds. A redelivery has a new signature.
        signed_at_s: u64,
    },
    Paypal {
        /// PayPal's id of this delivery; a redelivery has the same.
        transmission_id: String,
        /// When the event was first sent, as PayPal writes it (RFC 3339).
        transmission_time: String,
    },
}

/// The providers' longest header has a few hundred bytes.
const HEADER_BYTES_MAX: usize = 4096;

/// The value of a header that must be present exactly once, in visible ASCII and spaces.
fn one<'a>(head: Head<'a>, name: &'static str) -> Result<&'a str, Forged> {
    let mut lines = head.all(name);
    let line = lines.next().ok_or(Forged::HeaderMissing(name))?;
    if lines.next().is_some() {
        return Err(Forged::HeaderRepeated(name));
    }
    if line.len() > HEADER_BYTES_MAX {
        return Err(Forged::HeaderTooLong(name));
    }
    // Visible ASCII is UTF-8.
    let plain = line.iter().all(|b| (b' '..=b'~').contains(b));
    std::str::from_utf8(line).ok().filter(|_| plain).ok_or(Forged::HeaderNotPlain(name))
}
