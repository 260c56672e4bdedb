//! The control plane: one payments API over Stripe and PayPal.
//!
//! It owns the truth about payments, refunds and provider events. Dependencies point inwards: everything outside
//! depends on [`payments`], the domain, which knows no HTTP and no SQL.
//!
//! | question | crate or module |
//! |---|---|
//! | What is a payment, and what may happen to it? | [`payments`]: states, evidence, ports, and a file for each use case |
//! | How does a request reach a use case? | [`http`]: attestation, one file for each operation, idempotency in `once` |
//! | How is a provider called? | [`payments_providers`]: an adapter for each, one transport, circuit breakers |
//! | Where is it recorded? | [`payments_stores`]: SQLite and PostgreSQL, whose writes share commits |
//! | Who does what is due? | [`jobs`]: one runner, and two that bring work, polling and RabbitMQ |
//! | What do the edges ask? | [`cache`]: claims and final answers, in the process or on Redis |
//! | What can be configured? | [`config`]; [`cli::config_check`] tries it |
//! | What can an operator do, and what runs? | [`cli`]: a file or folder for each command |
//! | What does Envoy run with? | [`cli::envoy_bootstrap`] |
//!
//! The program has three roles: [`cli::serve`], [`cli::worker`] and [`cli::edge_cache`]. [`server`] is the HTTP server of
//! each; [`reload`] takes over what a running process can change; [`crash_points`] lets tests stop a process between two
//! steps.
//!
//! `docs/architecture.md` follows a charge, a webhook and a piece of due work through these modules.

pub mod cache;
pub mod cli;
pub mod config;
mod edge_clock;
mod escapes;
pub mod http;
pub mod jobs;
mod metric_help;
mod process;
mod readiness;
pub mod reload;
pub mod server;
mod unattested;
