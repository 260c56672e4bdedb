//! The end-to-end test kit: whole gateways on this machine, and clients that can misbehave.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness that cannot go on fails the test that uses it"
)]

mod bare_envoy;
mod browser;
mod browser_process;
mod browser_tabs;
mod contract;
mod gateway;
pub mod hostile_redis;
pub mod http1;
pub mod http2;
mod http_response;
mod log_disk;
mod log_pipe;
mod log_relay;
mod page;
mod prometheus;
pub mod rate_limit_service;
mod sandbox;
mod stacks;
mod wait;

pub use bare_envoy::BareEnvoy;
pub use browser::Browser;
pub use browser_process::BrowserTraces;
pub use gateway::{DEMO_2_KEY, Gateway, fresh_key, resident_bytes};
pub use http_response::HttpResponse;
pub use log_disk::LogDisk;
pub use log_pipe::{LogPipe, PipeReader};
pub use log_relay::path_with_log_relay;
pub use page::{AccessibleNode, Page};
pub use prometheus::sum as sum_of;
pub use sandbox::Sandbox;
pub use stacks::{
    FaultyGateway, OwnGateway, RejectingGateway, faulty, rejecting, shared, shared_folder, without_webhooks,
};
pub use wait::{until, until_within};
