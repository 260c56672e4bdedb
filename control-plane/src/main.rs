//! `control-plane`: the service and the commands around it.

use std::process::ExitCode;

use clap::Parser as _;
use control_plane::cli::{Cli, run};
use payments::causes::with_causes;

/// Requests allocate much and from every thread, which costs a fifth of the processor time with the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let code = match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::say(&format!("error: {}", with_causes(error.as_ref())));
            ExitCode::FAILURE
        }
    };
    logging::flush();
    code
}
