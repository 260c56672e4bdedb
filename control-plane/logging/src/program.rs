//! The logs of this program, on standard error.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::OnceLock;

use crate::{FLUSH_MAX, Level, Loss, Writer};

/// For machines, or for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Human,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("standard error cannot be logged to: {0}")]
    Sink(#[from] io::Error),
    #[error("logging runs already: {0}")]
    Twice(Box<dyn Error + Send + Sync>),
}

static LOGS: OnceLock<Writer> = OnceLock::new();

/// Starts logging, once in a process. Panics are logged as well, from then on.
///
/// # Errors
/// Logging runs already, or the system gives no thread for it.
pub fn start(level: &Level, format: Format) -> Result<(), StartError> {
    let logs = Writer::start(&io::stderr(), tell)?;
    let writer = logs.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(level.filter())
        // They would be printed by a macro that panics where standard error is gone.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(move || writer.clone());
    let started = match format {
        Format::Json => subscriber.json().flatten_event(true).with_span_list(false).try_init(),
        Format::Human => subscriber.with_target(false).try_init(),
    };
    started.map_err(StartError::Twice)?;
    // The standard library's own hook waits for a reader that does not read.
    panic::set_hook(Box::new(|info| tracing::error!("{info}")));
    let _ = LOGS.set(logs);
    Ok(())
}

fn tell(loss: &Loss) {
    tracing::warn!(lines = loss.lines, reason = loss.reason, "{loss}");
}

/// Lines that were dropped since the start, because standard error took them too slowly or not at all.
pub fn lines_dropped() -> u64 {
    LOGS.get().map_or(0, Writer::lines_dropped)
}

/// Says something to the person who runs the program: why it ends. Waits for nobody once logging has started.
pub fn say(text: &str) {
    let line = format!("{text}\n");
    let _ = match LOGS.get() {
        Some(logs) => logs.clone().write_all(line.as_bytes()),
        None => io::stderr().write_all(line.as_bytes()),
    };
}

/// Before the process ends: gives what was logged a second to be written.
pub fn flush() {
    if let Some(logs) = LOGS.get() {
        logs.flush(FLUSH_MAX);
    }
}
