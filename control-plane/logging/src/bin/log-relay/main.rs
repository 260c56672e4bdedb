//! Runs a program, and writes what it logs as this crate's own programs do: without ever letting it wait for a reader.
//!
//! Both outputs of the program are always read. If the reader of this process's own output stalls or has gone, or the
//! disk is full, lines are dropped and counted; once lines can be written again, one of them says how many were lost.

mod lines;
mod ready;
mod signals;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};

use logging::{FLUSH_MAX, Loss, Writer};
use rustix::process::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::lines::Lines;
use crate::signals::Signals;

const USAGE: &str = "usage: log-relay PROGRAM [ARGUMENT]… | log-relay --ready IP:PORT
Runs the program, and never lets it wait for the readers of its logs: lines that nobody takes are dropped and counted.
Passes on TERM, INT, QUIT, HUP, USR1 and USR2, and ends with the program's exit code, or with 128 and the number of the
signal that ended it; with 126 or 127 if the program cannot be run.
With --ready, asks the Envoy whose admin interface is at that address whether it serves, and ends with 1 if not.";

/// Exit codes as those of a shell, `env` and `timeout`.
const NOT_READY: u8 = 1;
const WRONG_USE: u8 = 2;
const OWN_FAILURE: u8 = 125;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

const READ_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let Some(program) = words.next() else {
        logging::say(USAGE);
        logging::flush();
        return ExitCode::from(WRONG_USE);
    };
    if program == "--ready" {
        let asked = ready::ask(&words.next().unwrap_or_default().to_string_lossy());
        let Err(error) = asked else { return ExitCode::SUCCESS };
        logging::say(&format!("log-relay: not ready: {error}"));
        logging::flush();
        return ExitCode::from(NOT_READY);
    }
    let code = end_with_the_parent()
        // The program is started by this thread, which lives as long as the process: some, Envoy among them, ask the
        // kernel to end them with the thread that started them.
        .and_then(|()| runtime::Builder::new_current_thread().enable_all().build())
        .and_then(|runtime| runtime.block_on(run(&program, words)));
    let code = code.unwrap_or_else(|error| {
        logging::say(&format!("log-relay: {error}"));
        OWN_FAILURE
    });
    logging::flush();
    ExitCode::from(code)
}

/// Exits with the parent, as Envoy does, so that a killed script leaves no orphan.
fn end_with_the_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    Ok(())
}

/// Returns the exit code.
async fn run(program: &OsStr, arguments: impl Iterator<Item = OsString>) -> io::Result<u8> {
    logging::outlive_size_limits()?;
    let signals = Signals::listen()?;
    let (stdout, stderr) = (writer(&io::stdout())?, writer(&io::stderr())?);
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            logging::say(&format!("log-relay: {} cannot be run: {error}", program.display()));
            return Ok(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN });
        }
    };
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let passing_on = pid.map(|pid| signals.pass_on(pid));
    let mut readers = JoinSet::new();
    readers.spawn(relay(child.stdout.take(), stdout.clone()));
    readers.spawn(relay(child.stderr.take(), stderr.clone()));

    let status = child.wait().await?;
    // Its number may become another process's.
    drop(passing_on);
    let ended = Instant::now();
    // A process that it left behind may hold the pipes open.
    let _ = timeout_at(ended + FLUSH_MAX / 2, async { while readers.join_next().await.is_some() {} }).await;
    for writer in [stdout, stderr] {
        writer.flush((ended + FLUSH_MAX).saturating_duration_since(Instant::now()));
    }
    Ok(code_of(status))
}

/// Reads until the program has ended.
async fn relay(output: Option<impl AsyncRead + Unpin>, mut writer: Writer) {
    let Some(mut output) = output else { return };
    let (mut lines, mut bytes) = (Lines::default(), vec![0; READ_BYTES]);
    while let Ok(read @ 1..) = output.read(&mut bytes).await {
        // The writer never fails.
        let _ = lines.take(bytes.get(..read).unwrap_or_default(), &mut writer);
    }
    let _ = lines.end(&mut writer);
}

/// Tells of its losses where they happened.
fn writer(sink: &impl AsFd) -> io::Result<Writer> {
    let own = Arc::new(OnceLock::<Writer>::new());
    let teller = own.clone();
    let writer = Writer::start(sink, move |loss| {
        if let Some(writer) = teller.get() {
            let _ = writer.clone().write_all(line_about(loss).as_bytes());
        }
    })?;
    let _ = own.set(writer.clone());
    Ok(writer)
}

/// A line with the fields of the control plane's line about a loss.
fn line_about(loss: &Loss) -> String {
    let fields = serde_json::json!({
        "level": "WARN",
        "target": "log_relay",
        "message": "log lines were lost",
        "lines": loss.lines,
        "reason": loss.reason,
    });
    format!("{fields}\n")
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(OWN_FAILURE)
}
