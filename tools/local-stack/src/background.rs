//! `up`, `down` and `status`: a supervisor in the background, found by its run directory.

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use local_stack::{RunDir, Running};
use rustix::process::{Pid, Signal, kill_process};

use crate::say;

/// Slightly more than the supervisor's own timeouts for starting and for finishing payments.
const UP: Duration = Duration::from_secs(90);
const DOWN: Duration = Duration::from_secs(110);
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn up(run_dir: &Path) -> Result<()> {
    let run_dir = RunDir::open(run_dir)?;
    if let Some(Running { pid, ready }) = run_dir.running()? {
        let Some(announcement) = ready else {
            bail!("a stack is just starting or stopping here (pid {pid}); ask again in a moment");
        };
        say(&format!(
            "The gateway runs already (pid {pid}); to run a newer build, `make down` first.\n{announcement}"
        ));
        return Ok(());
    }
    let mut supervisor = spawn_supervisor(&run_dir)?;
    say("starting the gateway");
    let announcement = await_ready(&run_dir, &mut supervisor)?;
    say(&format!("{announcement}\n  `make down` stops it."));
    Ok(())
}

fn spawn_supervisor(run_dir: &RunDir) -> Result<Child> {
    let log = run_dir.log("stack");
    let output = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("--run-dir").arg(run_dir.path()).args(["run", "--detach"]);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    Ok(command.spawn()?)
}

fn await_ready(run_dir: &RunDir, supervisor: &mut Child) -> Result<String> {
    let log = run_dir.log("stack");
    let deadline = Instant::now() + UP;
    loop {
        if let Some(status) = supervisor.try_wait()? {
            bail!("the gateway did not start ({status})\n{}", fs::read_to_string(&log).unwrap_or_default());
        }
        match run_dir.running()? {
            Some(Running { pid, ready: Some(announcement) }) if pid == supervisor.id() => {
                return Ok(announcement);
            }
            _ if Instant::now() < deadline => thread::sleep(LOOK),
            _ => bail!("the gateway is not ready within {UP:?}; see {}", log.display()),
        }
    }
}

pub(crate) fn down(run_dir: &Path) -> Result<()> {
    let run_dir = RunDir::open(run_dir)?;
    let Some(Running { pid, .. }) = run_dir.running()? else {
        say("no gateway runs here");
        return Ok(());
    };
    signal(pid, Signal::TERM)?;
    say(&format!("stopping the gateway (pid {pid}); payments in flight may end first"));
    let deadline = Instant::now() + DOWN;
    while run_dir.running()?.is_some_and(|running| running.pid == pid) {
        if Instant::now() >= deadline {
            // The parts end with their supervisor.
            signal(pid, Signal::KILL)?;
            bail!("it did not stop within {DOWN:?} and was killed");
        }
        thread::sleep(LOOK);
    }
    say(
        "stopped; the provider sandbox has forgotten its payments, so they can no longer be captured or refunded",
    );
    Ok(())
}

fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("the pid file holds no pid")?;
    kill_process(pid, signal).context("the gateway cannot be stopped by this user")
}

pub(crate) fn status(run_dir: &Path) -> Result<()> {
    match RunDir::open(run_dir)?.running()? {
        Some(Running { pid, ready: Some(announcement) }) => {
            say(&format!("The gateway runs (pid {pid}).\n{announcement}"));
            Ok(())
        }
        Some(Running { pid, ready: None }) => bail!("the gateway is starting or stopping (pid {pid})"),
        None => bail!("no gateway runs here; `make up` starts it"),
    }
}
