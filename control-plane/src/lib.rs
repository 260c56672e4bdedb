//! The control plane: one payments API over Stripe and PayPal.

pub mod cache;
pub mod config;
pub mod domain;
pub mod envoy_bootstrap;
pub mod http;
pub mod providers;
pub mod queue;
pub mod serve;
pub mod serve_edge_cache;
pub mod store;
pub mod telemetry;
pub mod webhook_admin;
pub mod webhook_cli;
pub mod worker;
