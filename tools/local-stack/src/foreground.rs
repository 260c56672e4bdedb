//! `run`: the supervisor of a stack.

use std::{env, path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use local_stack::{Options, Stack};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{banner, say, wait_for_no_reader};

/// How often parts are checked for an unexpected end.
const WATCH: Duration = Duration::from_millis(200);

pub(crate) fn run(run_dir: PathBuf, detach: bool) -> Result<()> {
    if detach {
        rustix::process::setsid()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(supervise(run_dir))
}

async fn supervise(run_dir: PathBuf) -> Result<()> {
    logging::outlive_size_limits()?;
    wait_for_no_reader()?;
    let mut stop = StopSignals::listen()?;
    let options = Options::from_environment(run_dir, env::vars_os())?;
    let providers = options.providers.clone();
    say("starting the gateway");
    let mut stack = tokio::select! {
        stack = Stack::start(options) => stack?,
        () = stop.next() => bail!("stopped before it was ready"),
    };
    let announcement = banner::of(&stack, &providers);
    stack.announce(&announcement)?;
    say(&announcement);
    loop {
        tokio::select! {
            () = stop.next() => break,
            () = tokio::time::sleep(WATCH) => {
                if let Some(end) = stack.ended() {
                    bail!("{end}\nthe rest of the gateway is stopped");
                }
            }
        }
    }
    say("stopping: payments in flight may end first; ask again to stop at once");
    tokio::select! {
        () = stack.stop() => say("stopped"),
        () = stop.again() => say("stopped at once"),
    }
    Ok(())
}

/// Ctrl-C, SIGTERM, or the end of the terminal.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    /// None under `nohup`, which asks to outlive the terminal.
    hang_up: Option<Signal>,
}

impl StopSignals {
    fn listen() -> Result<Self> {
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        let hang_up = if is_hang_up_ignored()? { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(interrupt)?, terminate: signal(terminate)?, hang_up })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hung_up(self.hang_up.as_mut()) => {}
        }
    }

    /// Ignores SIGHUP: the kernel and the shell may both send it, so a second one is no second request.
    async fn again(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn hung_up(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether this process was started to ignore SIGHUP, the first bit of the mask (proc_pid_status(5)).
fn is_hang_up_ignored() -> Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    Ok(mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0))
}
