//! The container files, as far as they can be judged where no container engine runs: what they name exists, what
//! they set is read, what they promise (pinned, probed, no secrets, loopback) they keep, and Envoy accepts what the
//! settings make of its bootstrap.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod compose;
mod dockerfile;
mod engine;
mod image;
mod images;
mod secrets;
mod services;
mod settings;

use std::path::{Path, PathBuf};

/// Of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}
