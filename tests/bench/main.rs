//! `make bench`: the cost of the edge on this machine. Results are printed, not asserted.
//!
//! Everything is compared with plain proxying through the same Envoy at the same time, because the machine's other
//! work, its clock and its temperature vary more than the code.
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
mod encryption;
mod events;
mod load;
mod replay;
mod rounds;
mod screen;
mod sink;
mod table;
mod webhook;

use std::process::ExitCode;

const USAGE: &str = "make bench [BENCH=charge|claim|encryption|events|replay|webhook]";

/// One thread drives the load, so that it takes at most one core of the measured machine.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Cargo adds `--bench` itself.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match wanted.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            charge::run().await;
            claim::run().await;
            encryption::run().await;
            events::run().await;
            replay::run().await;
            webhook::run().await;
        }
        ["charge"] => charge::run().await,
        ["claim"] => claim::run().await,
        ["encryption"] => encryption::run().await,
        ["events"] => events::run().await,
        ["replay"] => replay::run().await,
        ["webhook"] => webhook::run().await,
        _ => {
            screen::line(USAGE);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
