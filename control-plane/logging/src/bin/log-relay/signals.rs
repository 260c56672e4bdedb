//! The signals that ask a program for something.

use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{self, SignalKind};
use tokio::task::JoinSet;

const PASSED_ON: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1, Signal::USR2];

/// The signals to pass on. Once received here, they no longer end this process.
pub(crate) struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    /// Those that this process was started to ignore stay ignored, by the program as well.
    pub(crate) fn listen() -> io::Result<Self> {
        // Linux only; elsewhere all of them are passed on.
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let heard = PASSED_ON.into_iter().filter(|signal| !is_ignored(*signal, &status));
        let mut streams = Vec::new();
        for signal in heard {
            streams.push((signal, unix::signal(SignalKind::from_raw(signal.as_raw()))?));
        }
        Ok(Self(streams))
    }

    /// Passes them on to a process until what is returned is dropped.
    pub(crate) fn pass_on(self, to: Pid) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for (signal, mut received) in self.0 {
            tasks.spawn(async move {
                while received.recv().await.is_some() {
                    // It may have ended by itself.
                    let _ = kill_process(to, signal);
                }
            });
        }
        tasks
    }
}

fn is_ignored(signal: Signal, status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask & (1_u64 << (signal.as_raw() - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_ignores_is_read_from_its_status() {
        let status =
            "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(is_ignored(Signal::HUP, status) && is_ignored(Signal::PIPE, status));
        assert!(!is_ignored(Signal::TERM, status) && !is_ignored(Signal::INT, status));
        assert!(!is_ignored(Signal::HUP, ""));
    }
}
