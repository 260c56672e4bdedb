//! The gateway on this machine, for people: `run` in the foreground, `up` and `down` in the background.

mod background;
mod banner;
mod foreground;

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::OnceLock};

use clap::{Parser, Subcommand};
use logging::{FLUSH_MAX, Writer};

/// A whole gateway on this machine: Envoy with the filter, control plane and provider sandbox.
///
/// Ports move by GATEWAY_LISTEN, GATEWAY_TLS_LISTEN, ENVOY_ADMIN_LISTEN, ENVOY_STATS_LISTEN, CONTROL_PLANE_LISTEN,
/// EDGE_CACHE_LISTEN, WORKER_LISTEN and SANDBOX_LISTEN (IP:PORT each; port 0 is a free one, to be found in the run directory's `env`), so that several stacks run
/// side by side, each in a run directory of its own. With
/// STRIPE_SECRET_KEY, or PAYPAL_CLIENT_ID and PAYPAL_CLIENT_SECRET, the real provider is called instead of the
/// sandbox; live keys only with ALLOW_LIVE_KEYS=yes. Every setting of the control plane may be given as well.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  \
    local-stack run\n  \
    STRIPE_SECRET_KEY=sk_test_… local-stack up\n  \
    RUN_DIR=.run-2 GATEWAY_LISTEN=127.0.0.1:9080 … local-stack up"
)]
struct Arguments {
    /// Where state, secrets, logs and pid files lie
    #[arg(long, env = "RUN_DIR", default_value = ".run", global = true)]
    run_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything, print the URLs and a charge to paste, and stay until Ctrl-C
    Run {
        /// Leave the terminal: the stack outlives the shell that started it
        #[arg(long, hide = true)]
        detach: bool,
    },
    /// Start everything in the background and return when it is healthy
    Up,
    /// Stop what `up` or `run` started
    Down,
    /// Say whether a stack runs here, and where
    Status,
}

fn main() -> ExitCode {
    let Arguments { run_dir, command } = Arguments::parse();
    let outcome = match command {
        Command::Run { detach } => foreground::run(run_dir, detach),
        Command::Up => background::up(&run_dir),
        Command::Down => background::down(&run_dir),
        Command::Status => background::status(&run_dir),
    };
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    };
    if let Some(terminal) = TERMINAL.get() {
        terminal.flush(FLUSH_MAX);
    }
    code
}

/// Set when a terminal must not block the stack.
static TERMINAL: OnceLock<Writer> = OnceLock::new();

/// From here on output never waits for its reader.
fn wait_for_no_reader() -> std::io::Result<()> {
    let terminal = Writer::start(&std::io::stdout(), |_| {})?;
    let _ = TERMINAL.set(terminal);
    Ok(())
}

/// Writes to the terminal, which may be closed.
fn say(text: &str) {
    let line = format!("{}\n", text.trim_end());
    let _ = match TERMINAL.get() {
        Some(terminal) => terminal.clone().write_all(line.as_bytes()),
        None => std::io::stdout().write_all(line.as_bytes()),
    };
}
