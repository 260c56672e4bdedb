use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends a process and removes its folder when this process ends, however it ends: a test harness exits without dropping
/// statics, and a killed one can do nothing. A shell waits for the end of a pipe that only this process holds open.
#[derive(Debug)]
pub(crate) struct Leash(Child);

const WAIT_THEN_END: &str = "read -r _; kill -QUIT $0; \
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $0 || break; sleep 0.2; done; kill -KILL $0; rm -rf \"$1\"";

impl Leash {
    pub(crate) fn on(pid: u32, folder: &Path) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WAIT_THEN_END, &pid.to_string()]).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A signal to the whole group, e.g. Ctrl-C, must not end the leash before it has done its work.
        command.process_group(0);
        Self(command.spawn().unwrap())
    }

    /// Must be called before the process is reaped: afterwards its id may be reused.
    pub(crate) fn let_go(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
