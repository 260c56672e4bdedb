//! An operator's commands beside the services: some are interrupted, and all of them continue and end when nothing is
//! broken any more.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::model::Broken;

/// Its arguments.
pub(crate) type Name = &'static [&'static str];

pub(crate) const RESEAL: Name = &["keys", "reseal"];
pub(crate) const STATUS: Name = &["keys", "status"];
pub(crate) const RETENTION: Name = &["retention", "run"];

/// Time limit for a command to end when nothing is broken, on a busy machine.
const END_WITHIN: Duration = Duration::from_secs(60);
/// The same for one that is killed.
const DIE_WITHIN: Duration = Duration::from_secs(10);

/// The commands of a run.
#[derive(Default)]
pub(crate) struct Commands {
    running: Vec<(Name, Child)>,
    /// Each once.
    begun: Vec<Name>,
}

impl Commands {
    pub(crate) fn add(&mut self, name: Name, command: Child) {
        self.running.push((name, command));
        if !self.begun.contains(&name) {
            self.begun.push(name);
        }
    }

    /// Interrupts the newest, unless it has ended: by SIGTERM, as an operator does, if a killed one would keep its
    /// lease for minutes, else by SIGKILL.
    pub(crate) fn interrupt(&mut self) {
        let Some((name, command)) = self.running.last_mut() else { return };
        let signal = if *name == RETENTION { Signal::TERM } else { Signal::KILL };
        if let (Ok(None), Some(id)) = (command.try_wait(), command.id()) {
            let _ = kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal);
        }
    }

    /// Waits for those that still run.
    pub(crate) async fn end(&mut self) -> Vec<Broken> {
        let mut broken = Vec::new();
        for (name, mut command) in self.running.drain(..) {
            if timeout(END_WITHIN, command.wait()).await.is_err() {
                broken.push(unfinished(name));
                command.kill().await.unwrap();
            }
        }
        broken
    }

    /// Each that was begun, however it ended.
    pub(crate) fn begun(&self) -> Vec<Name> {
        self.begun.clone()
    }
}

impl Drop for Commands {
    /// They must have ended before the folders are removed: they would create files there again.
    fn drop(&mut self) {
        for (_, command) in &mut self.running {
            let _ = command.start_kill();
        }
        let deadline = Instant::now() + DIE_WITHIN;
        let goes_on = |(_, command): &mut (Name, Child)| matches!(command.try_wait(), Ok(None));
        while self.running.iter_mut().any(goes_on) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Runs a command to its end while nothing is broken, and returns what is wrong with it, else what it says.
pub(crate) async fn finish(name: Name, mut command: Command) -> Result<String, Broken> {
    let output = timeout(END_WITHIN, command.output()).await.map_err(|_| unfinished(name))?.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // A killed run keeps its lease for three minutes.
    let is_held = name == RETENTION && said.contains("another run is at it");
    if output.status.success() || is_held {
        return Ok(said);
    }
    Err(Broken::new("operator", format!("control-plane {} fails in peace: {said}", name.join(" "))))
}

fn unfinished(name: Name) -> Broken {
    let what = format!("control-plane {} does not end within {} s", name.join(" "), END_WITHIN.as_secs());
    Broken::new("operator", what)
}
