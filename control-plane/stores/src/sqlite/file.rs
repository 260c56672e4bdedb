//! Whether the file that is open is the one that the path leads to. SQLite itself goes on with a file that was deleted or
//! replaced, and what it writes there is gone with the last connection to it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of a database that may be replaced under a running service.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    /// `None`: it is in memory.
    path: Option<PathBuf>,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Device and inode; `None`: there is no file.
    identity: Option<(u64, u64)>,
    /// When it was seen first. A connection that is older leads to another file.
    since: Instant,
}

impl DatabaseFile {
    /// The file at this path as it is now. Its connections are opened afterwards.
    pub(super) fn at(path: &Path) -> Self {
        let name = path.to_string_lossy();
        let is_in_memory = name.starts_with("file:") || name == ":memory:";
        let path = (!is_in_memory).then(|| path.to_owned());
        let identity = path.as_deref().and_then(identity);
        Self { path, seen: Mutex::new(Seen { identity, since: Instant::now() }) }
    }

    /// Whether a connection that has been open for `age` leads to the file that is there now. It takes one look at the
    /// folder, about a microsecond.
    pub(super) fn is_open_in(&self, age: Duration) -> bool {
        let Some(path) = &self.path else { return true };
        let (found, now) = (identity(path), Instant::now());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if found != seen.identity {
            let what = if found.is_some() { "was replaced; it is opened again" } else { "is gone" };
            tracing::error!(path = %path.display(), "the database's file {what}");
            *seen = Seen { identity: found, since: now };
        }
        found.is_some() && age <= now.saturating_duration_since(seen.since)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_good_for_the_file_that_it_was_opened_with() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("db"), folder.path().join("other"));
        fs::write(&path, "1").unwrap();
        let file = DatabaseFile::at(&path);
        assert!(file.is_open_in(Duration::ZERO));
        fs::rename(&path, &other).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        assert!(!file.is_open_in(Duration::ZERO), "it is gone");
        fs::rename(&other, &path).unwrap();
        assert!(!file.is_open_in(Duration::from_millis(5)), "opened before it was there");
        assert!(file.is_open_in(Duration::ZERO));
        fs::write(&other, "2").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(!file.is_open_in(Duration::from_secs(1)), "opened with another file");
        assert!(file.is_open_in(Duration::ZERO));
    }

    #[test]
    fn a_database_in_memory_is_never_replaced() {
        assert!(DatabaseFile::at(Path::new(":memory:")).is_open_in(Duration::from_secs(9)));
    }
}
