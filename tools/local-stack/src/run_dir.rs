//! The folder of a stack: its state, secrets, logs and pid files.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// A stack's folder, readable by its owner only.
#[derive(Clone, Debug)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Opens the folder, creating it if missing. `path` may be relative.
    pub fn open(path: &Path) -> Result<Self> {
        let create = || -> std::io::Result<PathBuf> {
            let path = std::path::absolute(path)?;
            for folder in [path.clone(), path.join("logs"), path.join("tls")] {
                DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                // An existing folder may be accessible to others.
                fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
            }
            Ok(path)
        };
        let path = create().with_context(|| format!("the folder {} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The log of a part: `envoy`, `control-plane` or `sandbox`; `stack` for the output of `make up`, and `access` for
    /// Envoy's access log.
    pub fn log(&self, part: &str) -> PathBuf {
        self.0.join("logs").join(format!("{part}.log"))
    }

    /// The whole environment of the stack as `KEY=value` lines.
    pub fn env_file(&self) -> PathBuf {
        self.0.join("env")
    }

    pub(crate) fn pid_file(&self, part: &str) -> PathBuf {
        self.0.join(format!("{part}.pid"))
    }

    fn ready_file(&self) -> PathBuf {
        self.0.join("ready")
    }

    /// Locks the folder for one stack, until the lock is dropped or this process ends.
    pub(crate) fn lock(&self) -> Result<RunDirLock> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.pid_file("stack"))?;
        // A process that checks whether a stack runs holds the lock for an instant.
        let mut tries = 20;
        while let Err(error) = file.try_lock() {
            match error {
                TryLockError::WouldBlock if tries > 0 => thread::sleep(Duration::from_millis(25)),
                TryLockError::WouldBlock => bail!("a stack runs already in {}", self.0.display()),
                TryLockError::Error(error) => return Err(error).context("the pid file cannot be locked"),
            }
            tries -= 1;
        }
        let _ = fs::remove_file(self.ready_file());
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(RunDirLock { run_dir: self.clone(), file })
    }

    /// The process that runs a stack here, if any.
    ///
    /// The pid file counts only while its writer holds it locked, which ends with the process: a reused pid is never
    /// mistaken for ours.
    pub fn running(&self) -> Result<Option<Running>> {
        let Ok(mut file) = File::open(self.pid_file("stack")) else { return Ok(None) };
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error).context("the pid file cannot be locked"),
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // An empty file has just been locked.
        let Ok(pid) = text.trim().parse() else { return Ok(None) };
        Ok(Some(Running { pid, ready: fs::read_to_string(self.ready_file()).ok() }))
    }
}

/// A stack that runs in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub pid: u32,
    /// The announcement that it made when it became healthy; `None` while it starts or stops.
    pub ready: Option<String>,
}

/// The lock that allows to run a stack in a folder.
#[derive(Debug)]
pub(crate) struct RunDirLock {
    run_dir: RunDir,
    file: File,
}

impl RunDirLock {
    pub(crate) fn mark_ready(&self, announcement: &str) -> Result<()> {
        write_private(&self.run_dir.ready_file(), announcement)
    }

    pub(crate) fn mark_stopping(&self) {
        let _ = fs::remove_file(self.run_dir.ready_file());
    }
}

impl Drop for RunDirLock {
    fn drop(&mut self) {
        self.mark_stopping();
        // The file stays: removing it would allow two stacks to lock two files of the same name.
        let _ = self.file.rewind().and_then(|()| self.file.set_len(0));
    }
}

/// Replaces a file atomically, readable by its owner only.
pub(crate) fn write_private(path: &Path, contents: &str) -> Result<()> {
    let replace = || -> std::io::Result<()> {
        let new = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(contents.as_bytes())?;
        fs::rename(new, path)
    };
    replace().with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_dir() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::open(&folder.path().join("run")).unwrap();
        (folder, run_dir)
    }

    #[test]
    fn a_locked_folder_rejects_a_second_stack_until_the_lock_ends() {
        let (_folder, run_dir) = run_dir();
        assert_eq!(run_dir.running().unwrap(), None);
        let lock = run_dir.lock().unwrap();
        assert_eq!(run_dir.running().unwrap(), Some(Running { pid: std::process::id(), ready: None }));
        assert!(run_dir.lock().is_err());
        drop(lock);
        assert_eq!(run_dir.running().unwrap(), None);
        assert!(run_dir.lock().is_ok());
    }

    #[test]
    fn a_pid_left_behind_by_a_killed_stack_is_ignored() {
        let (_folder, run_dir) = run_dir();
        fs::write(run_dir.pid_file("stack"), "1\n").unwrap();
        assert_eq!(run_dir.running().unwrap(), None);
    }

    #[test]
    fn a_ready_stack_shows_its_announcement_and_the_next_one_does_not() {
        let (_folder, run_dir) = run_dir();
        let lock = run_dir.lock().unwrap();
        lock.mark_ready("here").unwrap();
        assert_eq!(run_dir.running().unwrap().unwrap().ready.as_deref(), Some("here"));
        drop(lock);
        let _claim = run_dir.lock().unwrap();
        assert_eq!(run_dir.running().unwrap().unwrap().ready, None);
    }

    #[test]
    fn files_are_readable_by_the_owner_only() {
        let (_folder, run_dir) = run_dir();
        write_private(&run_dir.env_file(), "SECRET=1\n").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&run_dir.env_file()), 0o600);
        assert_eq!(mode(run_dir.path()), 0o700);
    }

    #[test]
    fn a_folder_that_was_accessible_to_others_is_restricted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        for folder in [path.clone(), path.join("logs")] {
            DirBuilder::new().create(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        }
        RunDir::open(&path).unwrap();
        for folder in [path.clone(), path.join("logs")] {
            assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
