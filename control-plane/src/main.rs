//! `control-plane`: the service and the commands around it.

use std::process::ExitCode;

use clap::Parser as _;
use control_plane::cli::{Cli, run};
use payments::causes::with_causes;

/// Requests allocate heavily and from every thread; with the system allocator that takes a fifth of the CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let code = match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::say(&format!("error: {}", with_causes(error.as_ref())));
            ExitCode::FAILURE
        }
    };
    logging::flush();
    code
}
