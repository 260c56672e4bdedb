//! The control plane from outside: its stores, its operations and its HTTP API.

mod cache;
mod common;
mod http;
mod idempotency;
mod operations;
mod state_machine;
mod store;
mod webhooks;
