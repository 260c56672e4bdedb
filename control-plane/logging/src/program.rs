//! The logs of this program on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::OnceLock;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, reload};

use crate::{FLUSH_MAX, Level, Loss, Writer};

/// The log format: for machines or for humans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Human,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot log to standard error: {0}")]
    Sink(#[from] io::Error),
    #[error("logging is already running: {0}")]
    Twice(#[from] TryInitError),
}

/// Why the level cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    #[error("logging has not started")]
    NotStarted,
    #[error("the level cannot be changed: {0}")]
    Reload(#[from] reload::Error),
}

static LOGS: OnceLock<Writer> = OnceLock::new();

static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Starts logging, once per process. From then on, panics are logged as well.
///
/// # Errors
/// If logging is already running, or the system provides no thread or file handle for it.
pub fn start(level: &Level, format: Format) -> Result<(), StartError> {
    let logs = Writer::start(&io::stderr(), tell)?;
    let writer = logs.clone();
    let (filter, handle) = reload::Layer::new(level.filter());
    let lines = tracing_subscriber::fmt::layer()
        // These would be printed by a macro that panics if standard error is gone.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(move || writer.clone());
    let lines = match format {
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        Format::Human => lines.with_target(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    let _ = FILTER.set(handle);
    // The standard library's own hook blocks on a reader that has stalled.
    panic::set_hook(Box::new(|info| tracing::error!(panic = %info, "a thread panicked")));
    let _ = LOGS.set(logs);
    Ok(())
}

/// Changes the level from now on.
///
/// # Errors
/// If logging has not started.
pub fn set_level(level: &Level) -> Result<(), LevelError> {
    let filter = FILTER.get().ok_or(LevelError::NotStarted)?;
    Ok(filter.reload(level.filter())?)
}

fn tell(loss: &Loss) {
    tracing::warn!(lines = loss.lines, reason = loss.reason, "log lines were lost");
}

/// The number of lines dropped since the start because standard error took them too slowly or not at all.
pub fn lines_dropped() -> u64 {
    LOGS.get().map_or(0, Writer::lines_dropped)
}

/// Tells the operator why the program ends. Does not wait; [`flush`] does, briefly.
pub fn say(text: &str) {
    if LOGS.get().is_none()
        && let Ok(logs) = Writer::start(&io::stderr(), |_| ())
    {
        let _ = LOGS.set(logs);
    }
    let line = format!("{text}\n");
    let _ = LOGS.get().map(|logs| logs.clone().write_all(line.as_bytes()));
}

/// Called before the process ends: waits up to a second until the logged lines are written.
pub fn flush() {
    if let Some(logs) = LOGS.get() {
        logs.flush(FLUSH_MAX);
    }
}
