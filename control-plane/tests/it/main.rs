//! The control plane from outside: its stores, its operations and its HTTP API.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod approvals;
mod audit;
mod cache;
mod card_data;
mod common;
mod event_tickets;
mod events;
mod http;
mod idempotency;
mod lost_commits;
mod operations;
mod queue;
mod reconcile;
mod resolve;
mod scripted_provider;
mod server;
mod sockets;
mod state_machine;
mod store;
mod webhooks;
mod worker;
mod worker_lanes;
