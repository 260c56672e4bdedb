//! The processes of a browser, and what they write: all of it ends together.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use test_services::Leash;

const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const ARGUMENTS: [&str; 13] = [
    "--headless=new",
    // Tests may run as root, and in containers with little shared memory.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    // Nothing leaves this machine.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--metrics-recording-only",
];

/// Where a browser writes beside its profile: sockets and shared memory, and crash reports.
const OTHER_FOLDERS: [&str; 2] = ["TMPDIR", "XDG_CONFIG_HOME"];

/// For killed processes to end, and for their files to be removed, on a busy machine.
const END_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// A browser with its profile. When this is dropped, every process of it has ended, and the profile is removed.
#[derive(Debug)]
pub(crate) struct BrowserProcess {
    /// Leads a group of its own, in which it starts its other processes.
    child: Child,
    leash: Leash,
    profile: TempDir,
}

/// What a browser has on this machine while it runs: nothing of it may be left afterwards.
#[derive(Clone, Debug)]
pub struct BrowserTraces {
    group: Pid,
    profile: PathBuf,
}

impl BrowserProcess {
    /// Starts a browser on this page, with a profile whose name begins with `prefix`. `None` if this machine has none.
    ///
    /// # Panics
    /// If the browser does not start.
    pub(crate) fn start(page: &str, prefix: &str, more_arguments: &[&str]) -> Option<Self> {
        let profile = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
        let child = spawn(page, profile.path(), more_arguments)?;
        let leash = Leash::on_group(child.id(), profile.path());
        Some(Self { child, leash, profile })
    }

    pub(crate) fn profile(&self) -> &Path {
        self.profile.path()
    }

    pub(crate) fn traces(&self) -> BrowserTraces {
        BrowserTraces { group: Pid::from_child(&self.child), profile: self.profile().to_owned() }
    }
}

impl Drop for BrowserProcess {
    fn drop(&mut self) {
        let traces = self.traces();
        traces.end_processes();
        self.leash.let_go();
        // Reaped last: until then no other group gets the id of this one.
        let _ = (self.child.kill(), self.child.wait());
        traces.remove_profile();
    }
}

fn spawn(page: &str, profile: &Path, more_arguments: &[&str]) -> Option<Child> {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.args(ARGUMENTS).args(more_arguments);
        command.arg(format!("--user-data-dir={}", profile.display())).arg(page);
        command.envs(OTHER_FOLDERS.map(|name| (name, profile))).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => return Some(child),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => panic!("{program} does not start: {error}"),
        }
    }
    None
}

impl BrowserTraces {
    #[must_use]
    pub fn profile(&self) -> &Path {
        &self.profile
    }

    /// The processes that live: those of the group, and those that an option gives the profile, for the process that
    /// writes crash reports leaves the group.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
        ids.filter(|process| self.has(*process)).collect()
    }

    fn has(&self, process: Pid) -> bool {
        let folder = Path::new("/proc").join(process.as_raw_nonzero().to_string());
        let Some((state, group)) = state_and_group(&folder) else { return false };
        // One that has ended and was not reaped writes nothing. In a container, perhaps nobody ever reaps it.
        let lives = !["Z", "X"].contains(&state.as_str());
        lives && (group == self.group.as_raw_nonzero().get() || self.is_option_of(&folder))
    }

    fn is_option_of(&self, folder: &Path) -> bool {
        let option = format!("={}", self.profile.display());
        let line = fs::read(folder.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&option)
    }

    /// Kills until none is left: one may have started another just before its end.
    fn end_processes(&self) {
        let deadline = Instant::now() + END_MAX;
        let _ = kill_process_group(self.group, Signal::KILL);
        while Instant::now() < deadline {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            for process in left {
                let _ = kill_process(process, Signal::KILL);
            }
            thread::sleep(PAUSE);
        }
    }

    fn remove_profile(&self) {
        let deadline = Instant::now() + END_MAX;
        while let Err(error) = fs::remove_dir_all(&self.profile) {
            if error.kind() == io::ErrorKind::NotFound || Instant::now() >= deadline {
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}

/// From `/proc/PID/stat`: `PID (NAME) STATE PARENT GROUP …`. The name may have spaces and brackets in it.
fn state_and_group(folder: &Path) -> Option<(String, i32)> {
    let stat = fs::read(folder.join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.to_owned();
    Some((state, fields.nth(1)?.parse().ok()?))
}
