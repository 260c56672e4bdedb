//! Identifiers in the shapes the providers use.

use rand::{RngExt, distr::Alphanumeric};

/// Stripe's shape: a prefix (`pi`, `re`, `ch`, `req`) and 24 letters and digits.
pub(crate) fn stripe(prefix: &str) -> String {
    let mut id = String::with_capacity(prefix.len() + 25);
    id.push_str(prefix);
    id.push('_');
    id.extend(rand::rng().sample_iter(Alphanumeric).take(24).map(char::from));
    id
}

/// PayPal's shape for orders, captures, authorizations and refunds: 17 capital letters and digits.
pub(crate) fn paypal() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPRSTUVWXY0123456789";
    let mut random = rand::rng();
    (0..17)
        .filter_map(|_| ALPHABET.get(random.random_range(0..ALPHABET.len())))
        .map(|&c| char::from(c))
        .collect()
}

/// PayPal's shape for disputes: `PP-D-` and digits.
pub(crate) fn paypal_dispute() -> String {
    format!("PP-D-{:09}", rand::rng().random_range(1..1_000_000_000_u32))
}

/// PayPal's `debug_id`: 13 hexadecimal digits.
pub(crate) fn debug_id() -> String {
    format!("{:013x}", rand::rng().random::<u64>() >> 12)
}

/// An OAuth2 access token.
pub(crate) fn access_token() -> String {
    let random: String = rand::rng().sample_iter(Alphanumeric).take(86).map(char::from).collect();
    format!("A21AA{random}")
}
