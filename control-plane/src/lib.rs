//! The control plane: one payments API over Stripe and PayPal.

pub mod domain;
pub mod providers;
pub mod store;
