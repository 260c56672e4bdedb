//! The control plane: one payments API over Stripe and PayPal.
//!
//! It owns the truth about payments, refunds and provider events. Dependencies point inwards: everything outside
//! depends on [`domain`], which knows no HTTP and no SQL.
//!
//! | question | module |
//! |---|---|
//! | What is a payment, and what may happen to it? | [`domain`]: states, operations, evidence, and the ports below |
//! | How does a request reach an operation? | [`http`]: attestation, one file for each operation, idempotency in `once` |
//! | How is a provider called? | [`providers`]: an adapter for each, one transport, circuit breakers |
//! | Where is it recorded? | [`store`]: SQLite and PostgreSQL, whose writes share commits |
//! | Who does what is due? | [`worker`] runs it, [`queue`] announces it by RabbitMQ |
//! | What do the edges ask? | [`cache`]: claims and final answers, in the process or on Redis |
//! | What can be configured? | [`config`]; [`config_check`] tries it |
//! | What can an operator do? | [`payments_admin`], [`reconcile_admin`], [`webhook_admin`], [`webhook_cli`] |
//! | What does Envoy run with? | [`envoy_bootstrap`] |
//!
//! The program has three roles: [`serve`], [`serve_worker`] and [`serve_edge_cache`]. [`server`] is the HTTP server of
//! each; [`reload`] takes over what a running process can change; [`crash_point`] lets tests stop a process between two steps.
//!
//! `docs/architecture.md` follows a charge, a webhook and a piece of due work through these modules.

mod background;
pub mod cache;
pub mod causes;
pub mod config;
pub mod config_check;
pub mod crash_point;
pub mod domain;
mod edge_clock;
pub mod envoy_bootstrap;
mod escapes;
mod gateway_setup;
pub mod http;
mod instance_lock;
mod metric_help;
pub mod payments_admin;
pub mod providers;
pub mod queue;
mod readiness;
pub mod reconcile_admin;
pub mod reload;
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
