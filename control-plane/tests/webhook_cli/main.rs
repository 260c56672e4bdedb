//! `control-plane webhook verify`, as a program.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected stops there"
)]

mod paypal;
mod program;
mod published;
mod stripe;
