//! The container files, without a container engine: what they name exists, their settings are read, their properties
//! hold (pinned, probed, no secrets, loopback), and Envoy accepts the resulting bootstrap; the same of the Helm chart.
//! `composed` alone needs an engine, and `make compose-test` runs it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod chart;
mod client;
mod compose;
mod composed;
mod dockerfile;
mod image;
mod images;
mod secrets;
mod services;
mod settings;

use std::path::{Path, PathBuf};

/// The folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}
