//! PEM (RFC 7468), with text before, between and after the certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The DER of every certificate in `text`, or `None` if one is truncated or not base64.
pub(super) fn certificates(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = String::from_utf8_lossy(text);
    text.split(BEGIN)
        .skip(1)
        .map(|block| {
            let (base64, _) = block.split_once(END)?;
            let base64: Vec<u8> = base64.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            STANDARD.decode(base64).ok()
        })
        .collect()
}
