//! The control plane: one payments API over Stripe and PayPal.

pub mod cache;
pub mod causes;
pub mod cli;
pub mod config;
mod edge_clock;
mod escapes;
pub mod http;
pub mod jobs;
mod process;
mod readiness;
pub mod server;
mod unattested;
