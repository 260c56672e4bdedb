//! `make bench`: what the edge costs, on the machine it runs on. Numbers are printed and never asserted.
//!
//! Everything is measured against plain proxying through the same Envoy in the same minute, since the machine's
//! other work, its clock and its temperature change more than the code does.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on has nothing to say"
)]

mod bench_stack;
mod charge;
mod claim;
mod connection;
mod cpu;
mod load;
mod replay;
mod rounds;
mod screen;
mod sink;
mod table;
mod webhook;

use std::process::ExitCode;

const USAGE: &str = "make bench [BENCH=charge|claim|replay|webhook]";

/// One thread drives the load, so that it takes no more than one core of what it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Cargo adds `--bench` of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match wanted.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            charge::run().await;
            claim::run().await;
            replay::run().await;
            webhook::run().await;
        }
        ["charge"] => charge::run().await,
        ["claim"] => claim::run().await,
        ["replay"] => replay::run().await,
        ["webhook"] => webhook::run().await,
        _ => {
            screen::line(USAGE);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
