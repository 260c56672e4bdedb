//! `control-plane webhook verify`, as a program.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected stops there")]

mod paypal;
mod program;
mod published;
mod stripe;
