//! A small disk for logs, which a test fills and empties.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Unmounted when dropped, after the processes that write to it.
#[derive(Debug)]
pub struct LogDisk {
    mount: TempDir,
    bytes: u64,
    /// The original paths, which are links to it.
    logs: Vec<PathBuf>,
}

impl LogDisk {
    /// `None`: only root may mount a disk.
    #[must_use]
    pub fn of(kibibytes: u64) -> Option<Self> {
        let mount = tempfile::Builder::new().prefix("gateway-log-disk-").tempdir().unwrap();
        let size = format!("size={kibibytes}k");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(mount.path()).output();
        let is_mounted = mounted.is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self { mount, bytes: kibibytes << 10, logs: Vec::new() })
    }

    /// Redirects `log` to this disk. Must be called before its process starts.
    pub fn hold(&mut self, log: &Path) {
        symlink(self.place_of(log), log).unwrap();
        self.logs.push(log.to_owned());
    }

    /// Leaves no free byte.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        io::copy(&mut io::repeat(b'x'), &mut filler).unwrap_err();
    }

    /// Frees what [`Self::fill`] took. Truncates the logs if they take half of the disk themselves.
    pub fn make_room(&self) {
        let _ = fs::remove_file(self.filler());
        for log in &self.logs {
            let log = self.place_of(log);
            if fs::metadata(&log).is_ok_and(|log| log.len() > self.bytes / 2) {
                File::create(log).unwrap();
            }
        }
    }

    /// Replaces the links with copies of the logs, which outlive this disk.
    pub fn copy_back(&self) {
        for log in &self.logs {
            if let Ok(bytes) = fs::read(self.place_of(log)) {
                fs::remove_file(log).unwrap();
                fs::write(log, bytes).unwrap();
            }
        }
    }

    fn place_of(&self, log: &Path) -> PathBuf {
        self.mount.path().join(log.file_name().unwrap())
    }

    fn filler(&self) -> PathBuf {
        self.mount.path().join("filler")
    }
}

impl Drop for LogDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.mount.path()).status();
    }
}
