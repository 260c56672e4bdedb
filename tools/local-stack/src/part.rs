//! One process of a stack: sandbox, control plane or Envoy.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{LazyLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Environment, RunDir, run_dir::write_private};

const TAIL_LINES: usize = 20;
/// How much of a log is read for error messages.
const TAIL_BYTES: u64 = 64 * 1024;

/// A running process with its log and pid file. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct StackProcess {
    name: &'static str,
    order: LaunchSpec,
    log: PathBuf,
    pid_file: PathBuf,
    child: Child,
    leash: Child,
}

impl StackProcess {
    pub(crate) fn start(
        run_dir: &RunDir,
        name: &'static str,
        program: &Path,
        arguments: &[&str],
        environment: Environment,
    ) -> Result<Self> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let order = LaunchSpec { program: program.to_owned(), arguments, environment };
        let log = run_dir.log(name);
        File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let (child, leash) = order.carry_out(&log, &[])?;
        let part = Self { name, order, log, pid_file: run_dir.pid_file(name), child, leash };
        part.write_pid()?;
        Ok(part)
    }

    /// Restarts the part with the same command after it has ended or been killed, with `besides` added to its
    /// environment; its log continues.
    pub(crate) fn start_again(&mut self, besides: &[(&str, &str)]) -> Result<()> {
        self.kill();
        (self.child, self.leash) = self.order.carry_out(&self.log, besides)?;
        self.write_pid()
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    fn write_pid(&self) -> Result<()> {
        write_private(&self.pid_file, &format!("{}\n", self.child.id()))
    }

    /// Waits until `probe` succeeds. Fails with the end of the log when the process ends or `deadline` passes.
    pub(crate) async fn ready(
        &mut self,
        deadline: Instant,
        probe: impl AsyncFn() -> Result<(), String>,
    ) -> Result<()> {
        loop {
            if let Some(end) = self.ended() {
                bail!(end);
            }
            let Err(why) = probe().await else { return Ok(()) };
            if Instant::now() >= deadline {
                bail!("{} is not ready in time: {why}\n{}", self.name, self.tail());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Describes the end of the process with the end of its log, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("{} has ended ({status})\n{}", self.name, self.tail()))
    }

    fn tail(&self) -> String {
        let log = end_of_file(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
        format!("  the end of {}:\n    {}", self.log.display(), last.join("\n    "))
    }

    /// Sends SIGTERM, and SIGKILL if the process has not ended within `patience`.
    pub(crate) async fn stop(mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        // The leash must be killed before the child is reaped: it must not signal a reused pid.
        let _ = self.leash.kill();
        let _ = self.leash.wait();
        let _ = self.child.wait();
    }
}

impl Drop for StackProcess {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// The last bytes of a log; none if it is not a regular file (a pipe to another program).
fn end_of_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Ok(Vec::new());
    }
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(io::SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut end = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut end)?;
    Ok(end)
}

/// The command line and environment of a part.
#[derive(Debug)]
struct LaunchSpec {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Environment,
}

impl LaunchSpec {
    /// Returns the process, and the leash that ends it together with this process.
    fn carry_out(&self, log: &Path, besides: &[(&str, &str)]) -> Result<(Child, Child)> {
        let output = OpenOptions::new().append(true).open(log)?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(&self.environment).envs(besides.iter().copied());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // Ctrl-C in a terminal reaches only the supervisor, which then stops the parts in order.
        command.process_group(0);
        let mut child =
            spawn(command).with_context(|| format!("{} does not start", self.program.display()))?;
        let leash = leash(child.id()).inspect_err(|_| {
            let _ = child.kill().and_then(|()| child.wait());
        })?;
        Ok((child, leash))
    }
}

/// Ends a process when this one ends, however it ends: a test harness exits without dropping statics, and a killed
/// supervisor can do nothing. A shell waits for the end of a pipe that only this process holds open.
fn leash(pid: u32) -> Result<Child> {
    const WAIT_THEN_END: &str = "read -r _; kill -TERM $0 || exit 0; \
         for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; kill -0 $0 || exit 0; done; kill -KILL $0";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", WAIT_THEN_END, &pid.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    spawn(command).context("/bin/sh does not start")
}

type Spawn = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts a process from a thread that lives as long as this program: the kernel ends Envoy when the *thread* that
/// started it ends, and the threads of tests and runtimes are short-lived.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: LazyLock<mpsc::Sender<Spawn>> = LazyLock::new(|| {
        let (orders, inbox) = mpsc::channel::<Spawn>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let gone = || io::Error::other("the thread that starts processes has ended");
    let (reply, answer) = mpsc::channel();
    SPAWNER.send((command, reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_dir() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::open(folder.path()).unwrap();
        (folder, run_dir)
    }

    fn shell(run_dir: &RunDir, script: &str) -> StackProcess {
        let environment = Environment::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        StackProcess::start(run_dir, "sandbox", Path::new("/bin/sh"), &["-c", script], environment).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn a_part_that_ends_early_fails_at_once_with_the_end_of_its_log() {
        let (_folder, run_dir) = run_dir();
        let mut part = shell(&run_dir, "echo no such database >&2; exit 3");
        let error = part.ready(soon(), async || Err("never".to_owned())).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such database"), "{error}");
    }

    #[tokio::test]
    async fn a_part_that_is_never_ready_fails_with_what_the_probe_saw() {
        let (_folder, run_dir) = run_dir();
        let mut part = shell(&run_dir, "exec sleep 60");
        let error = part.ready(Instant::now(), async || Err("it answers 503".to_owned())).await.unwrap_err();
        assert!(error.to_string().contains("not ready in time: it answers 503"), "{error}");
    }

    #[tokio::test]
    async fn a_stopped_part_may_end_by_itself_and_leaves_no_pid_file() {
        let (_folder, run_dir) = run_dir();
        let mut part = shell(&run_dir, "trap 'exit 7' TERM; echo on; while :; do sleep 0.05; done");
        let log = run_dir.log("sandbox");
        let started = async || match fs::read_to_string(&log).unwrap_or_default().contains("on") {
            true => Ok(()),
            false => Err("not yet".to_owned()),
        };
        part.ready(soon(), started).await.unwrap();
        let status = part.stop(Duration::from_secs(10)).await.unwrap();
        assert_eq!(status.code(), Some(7));
        assert!(!run_dir.pid_file("sandbox").exists());
    }

    #[tokio::test]
    async fn a_part_that_ignores_the_request_is_killed() {
        let (_folder, run_dir) = run_dir();
        let part = shell(&run_dir, "trap '' TERM; while :; do sleep 0.05; done");
        let pid = Pid::from_child(&part.child);
        // If the trap is not set yet, SIGTERM ends it, which is equivalent.
        part.stop(Duration::from_millis(200)).await;
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn the_end_of_the_pipe_ends_the_process_on_the_leash() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut leash = leash(child.id()).unwrap();
        drop(leash.stdin.take());
        assert!(!child.wait().unwrap().success());
        leash.wait().unwrap();
    }
}
