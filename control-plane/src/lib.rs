//! The control plane: one payments API over Stripe and PayPal.

mod background;
pub mod cache;
pub mod causes;
pub mod config;
pub mod config_check;
pub mod crash_point;
pub mod domain;
mod edge_clock;
pub mod envoy_bootstrap;
mod gateway_setup;
pub mod http;
mod instance_lock;
pub mod payments_admin;
pub mod providers;
pub mod queue;
mod readiness;
pub mod reconcile_admin;
pub mod serve;
pub mod serve_edge_cache;
pub mod serve_worker;
pub mod server;
mod start_report;
pub mod store;
mod unattested;
pub mod webhook_admin;
pub mod webhook_cli;
pub mod worker;
