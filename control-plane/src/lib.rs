//! The control plane: one payments API over Stripe and PayPal.
//!
//! It is the system of record for payments, refunds and provider events. Dependencies point inwards: this
//! crate, the providers and the stores depend on [`payments`], the domain, which contains no HTTP and no SQL.
//!
//! | question | crate or module |
//! |---|---|
//! | What is a payment, and how may it change? | [`payments`]: states, evidence, ports, and one file per use case |
//! | How does a request reach a use case? | [`http`]: attestation, one file per operation, idempotency in `once` |
//! | How is a provider called? | [`payments_providers`]: one adapter each, a shared transport, circuit breakers |
//! | Where are payments recorded? | [`payments_stores`]: SQLite and PostgreSQL, with group commits |
//! | How is due work processed? | [`jobs`]: one runner, fed by polling or by RabbitMQ |
//! | How is the audit trail sealed and verified? | [`audit`]: the tree, its anchors, `audit verify` |
//! | What do the edges query? | [`cache`]: claims and final answers, in the process or in Redis |
//! | What can be configured? | [`config`]; [`cli::config_check`] checks it against the real services |
//! | What protects the keys of stored values? | [`sealing`], and `key_services` for those in Vault or AWS KMS |
//! | Which commands and services are there? | [`cli`]: one file or folder per command |
//! | How is Envoy configured? | [`cli::envoy_bootstrap`] |
//!
//! The program has three roles: [`cli::serve`], [`cli::worker`] and [`cli::edge_cache`]. [`server`] is the HTTP server
//! of each; [`life`] ends it if a task dies; [`reload`] applies the settings that can change at run time;
//! [`crash_points`] lets tests stop a process between two steps.
//!
//! `docs/architecture.md` follows a charge, a webhook and a piece of due work through these modules.

pub mod audit;
pub mod cache;
pub mod cli;
mod client_tls;
pub mod config;
mod edge_clock;
mod escapes;
pub mod http;
pub mod jobs;
mod key_services;
pub mod life;
pub mod live;
mod metric_help;
mod process;
mod readiness;
pub mod reload;
pub mod server;
mod this_machine;
mod unattested;
