//! How a socket is closed whose client sends card data or a wallet's payload.

use edge_core::card::CardData;

/// The reason of the close frame: the code that a request gets for the same, and fixed words, which fit a close frame
/// (RFC 6455, section 5.5). Nothing of what was sent is in it.
pub(super) fn card_data_reason(found: &CardData) -> String {
    format!("{}: a message must have neither card data nor a wallet's payload", found.code().name())
}
