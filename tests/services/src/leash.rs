//! Ends processes with the test process that started them.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends processes and removes their folder when this process ends, however it ends: a test harness exits without
/// dropping statics, and a killed one can do nothing. A shell waits for the end of a pipe that only this process holds
/// open.
#[derive(Debug)]
pub struct Leash(Child);

const END_PROCESS: &str =
    "kill -QUIT $0; for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $0 || break; sleep 0.2; done; kill -KILL $0";
const END_GROUP: &str = "kill -s KILL -- -$0";
const END_NOTHING: &str = ":";
/// The children of a killed process may still write to the folder. Half a minute is enough on a busy disk too.
const REMOVE: &str = "n=0; until rm -rf \"$1\" || [ $n -ge 60 ]; do n=$((n+1)); sleep 0.5; done";

impl Leash {
    /// For a process that can end by itself: it is killed only after two seconds.
    pub(crate) fn on(pid: u32, folder: &Path) -> Self {
        Self::new(END_PROCESS, &pid.to_string(), folder)
    }

    /// For the whole group of processes that this one leads.
    #[must_use]
    pub fn on_group(leader: u32, folder: &Path) -> Self {
        Self::new(END_GROUP, &leader.to_string(), folder)
    }

    /// For a folder alone, whose processes end in another way.
    pub(crate) fn on_folder(folder: &Path) -> Self {
        Self::new(END_NOTHING, "", folder)
    }

    fn new(end: &str, process: &str, folder: &Path) -> Self {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("read -r _; {end}; {REMOVE}")).arg(process).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A signal to the whole group, e.g. Ctrl-C, must not end the leash before it has done its work.
        command.process_group(0);
        Self(command.spawn().unwrap())
    }

    /// Must be called before the process is reaped: afterwards its id may be reused.
    pub fn let_go(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
