//! Webhooks of both providers: published transmissions, certificates of our own authority, and properties.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected stops there"
)]

mod authority;
mod certificates;
mod paypal_properties;
mod published_paypal;
mod published_stripe;
mod shared;
mod shared_certificates;
mod stripe_properties;

/// Header lines as the edge sees them.
pub(crate) fn lines(headers: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec())).collect()
}
