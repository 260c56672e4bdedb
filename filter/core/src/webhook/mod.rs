//! Whether a webhook is from the provider it speaks for.
//!
//! What is checked is the body as it came, byte for byte: a body that was parsed and written again no longer
//! fits. There are three results: [`Verified`]; [`Forged`], which no repetition will mend (401); and
//! [`CannotVerify`], by which the fault may be ours and the provider shall come again (503). Only the first lets
//! a webhook in. A verified one may still be a repetition of an older one: that is for the control plane to see,
//! which keeps every event's id.

pub mod paypal;
pub mod rsa;
pub mod stripe;
mod verification_error;
pub mod x509;

pub use verification_error::{CannotVerify, FetchFailure, Forged, VerificationError};

use crate::head::Head;

/// A webhook that is from the provider, and what it was signed with besides the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    Stripe {
        /// When it was signed, in Unix seconds. A repeated delivery is signed anew.
        signed_at_s: u64,
    },
    Paypal {
        /// PayPal's id of this delivery; a repeated one has the same.
        transmission_id: String,
        /// When the event was first sent, as PayPal writes it (RFC 3339).
        transmission_time: String,
    },
}

/// The longest of the providers' headers has some hundred bytes.
const HEADER_BYTES_MAX: usize = 4096;

/// The value of a header that must come exactly once, in visible ASCII and spaces.
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
