//! Starts a whole gateway on this machine: provider sandbox, control plane and Envoy with the filter.
//!
//! `make run` and `make up` use it through the binary, the end-to-end tests through [`Stack::start`]: each test
//! stack has its own ports, its own run directory and its own secrets, so that many run side by side.

mod addresses;
mod authority;
mod envoy;
mod health;
mod inside;
mod options;
mod part;
mod programs;
mod providers;
mod run_dir;
mod secrets;
mod settings;
mod stack;

pub use addresses::Addresses;
pub use authority::{Authority, Issued};
pub use envoy::Edge;
pub use options::Options;
pub use programs::Programs;
pub use providers::{Destination, Destinations};
pub use run_dir::{RunDir, Running};
pub use settings::{DEMO_KEY, Environment};
pub use stack::Stack;
