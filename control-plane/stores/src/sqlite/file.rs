//! Detects whether the open files are still the ones at the path. SQLite itself keeps using files that were deleted or
//! replaced, and its writes to them are lost with the last open connection.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The write-ahead log and its index, which SQLite keeps beside the database.
pub(super) fn beside(main: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|ending| {
        let mut name = OsString::from(main);
        name.push(ending);
        PathBuf::from(name)
    })
}

/// Whether the database is not in memory, which has two names.
pub(super) fn is_on_disk(main: &Path) -> bool {
    let name = main.to_string_lossy();
    !name.starts_with("file:") && name != ":memory:"
}

/// The file has several names.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} has {names} names (hard links). SQLite keeps a log beside each name, so payments that are written by one name \
     are missing under another; remove the other names",
    path.display()
)]
pub(super) struct Linked {
    path: PathBuf,
    names: u64,
}

/// # Errors
/// Returns an error if the database has another name, by which a second process could open it.
pub(super) fn refuse_links(main: &Path) -> Result<(), Linked> {
    match fs::metadata(main) {
        Ok(file) if is_on_disk(main) && file.nlink() > 1 => {
            Err(Linked { path: main.to_owned(), names: file.nlink() })
        }
        _ => Ok(()),
    }
}

/// The files of a database that may be replaced under a running service.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    /// `None` for a database in memory.
    paths: Option<Paths>,
    seen: Mutex<SeenFiles>,
}

#[derive(Debug)]
struct Paths {
    main: PathBuf,
    log: PathBuf,
    index: PathBuf,
}

#[derive(Debug)]
struct SeenFiles {
    files: Files,
    /// When these files were first seen. Older connections lead to other files.
    since: Instant,
    /// Whether only the log or its index had changed then. If so, older connections hold data of this database.
    log_was_lost: bool,
}

/// The files at the paths; `None` for a missing one.
#[derive(Clone, Copy, Debug, Default)]
struct Files {
    main: Option<Identity>,
    /// Grows; only damage and `VACUUM` reduce it.
    length: u64,
    log: Option<Identity>,
    index: Option<Identity>,
}

/// Device and inode.
type Identity = (u64, u64);

/// Whether an open connection is still usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fitness {
    Good,
    /// Must be closed: it leads to another file.
    Outdated,
    /// Must be closed after its log is written to the database: the log was deleted, and only open connections have it.
    HoldsLostLog,
}

impl DatabaseFile {
    /// Records the files at this path. Connections must be opened afterwards.
    pub(super) fn at(path: &Path) -> Self {
        let paths = is_on_disk(path).then(|| Paths::of(path));
        let files = paths.as_ref().map_or_else(Files::default, Paths::look);
        Self { paths, seen: Mutex::new(SeenFiles { files, since: Instant::now(), log_was_lost: false }) }
    }

    /// Whether a connection of this age is still usable. Costs three `stat` calls, a microsecond each.
    pub(super) fn fitness(&self, age: Duration) -> Fitness {
        let Some(paths) = &self.paths else { return Fitness::Good };
        let (files, now) = (paths.look(), Instant::now());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(change) = seen.files.change_to(&files) {
            tracing::error!(path = %paths.main.display(), change = change.told(), "the database file changed");
            seen.since = now;
            seen.log_was_lost = change == FileChange::LogIsLost;
        }
        seen.files = files;
        match files.main {
            Some(_) if age <= now.saturating_duration_since(seen.since) => Fitness::Good,
            Some(_) if seen.log_was_lost => Fitness::HoldsLostLog,
            _ => Fitness::Outdated,
        }
    }
}

impl Paths {
    fn of(main: &Path) -> Self {
        let [log, index] = beside(main);
        Self { main: main.to_owned(), log, index }
    }

    fn look(&self) -> Files {
        let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
        let at = |path| fs::metadata(path).ok();
        let main = at(&self.main);
        Files {
            main: main.as_ref().map(identity),
            length: main.map_or(0, |main| main.len()),
            log: at(&self.log).as_ref().map(identity),
            index: at(&self.index).as_ref().map(identity),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileChange {
    IsGone,
    IsReplaced,
    IsCut,
    LogIsLost,
}

impl FileChange {
    const fn told(self) -> &'static str {
        match self {
            Self::IsGone => "file is gone",
            Self::IsReplaced => "file was replaced; reopening it",
            Self::IsCut => "file has shrunk, so it was damaged or compacted; reopening it",
            Self::LogIsLost => {
                "write-ahead log was deleted or replaced; saving what open connections still have of it, and \
                 reopening it"
            }
        }
    }
}

impl Files {
    /// The change from `self` to `now`, if any. SQLite creates the log and the index, so a new one is not a change.
    fn change_to(&self, now: &Self) -> Option<FileChange> {
        let is_lost = |was: Option<Identity>, is| was.is_some() && was != is;
        match now.main {
            None if self.main.is_some() => Some(FileChange::IsGone),
            Some(_) if self.main != now.main => Some(FileChange::IsReplaced),
            Some(_) if now.length < self.length => Some(FileChange::IsCut),
            Some(_) if is_lost(self.log, now.log) || is_lost(self.index, now.index) => {
                Some(FileChange::LogIsLost)
            }
            _ => None,
        }
    }
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
        assert_eq!(file.fitness(Duration::ZERO), Fitness::Good);
        fs::rename(&path, &other).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(file.fitness(Duration::ZERO), Fitness::Outdated, "it is gone");
        fs::rename(&other, &path).unwrap();
        assert_eq!(file.fitness(Duration::from_millis(5)), Fitness::Outdated, "opened before it was there");
        assert_eq!(file.fitness(Duration::ZERO), Fitness::Good);
        fs::write(&other, "2").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(file.fitness(Duration::from_secs(1)), Fitness::Outdated, "opened with another file");
        assert_eq!(file.fitness(Duration::ZERO), Fitness::Good);
    }

    #[test]
    fn what_a_connection_has_of_a_deleted_log_is_saved() {
        let folder = tempfile::tempdir().unwrap();
        let (path, log) = (folder.path().join("db"), folder.path().join("db-wal"));
        fs::write(&path, "1").unwrap();
        let file = DatabaseFile::at(&path);
        let old = Duration::from_secs(1);
        fs::write(&log, "made by the first connection").unwrap();
        assert_eq!(file.fitness(Duration::ZERO), Fitness::Good);
        fs::remove_file(&log).unwrap();
        assert_eq!(file.fitness(old), Fitness::HoldsLostLog);
        assert_eq!(file.fitness(Duration::ZERO), Fitness::Good, "opened since");
        fs::write(&log, "made by the next").unwrap();
        assert_eq!(file.fitness(Duration::ZERO), Fitness::Good);
        fs::write(&path, "").unwrap();
        assert_eq!(file.fitness(old), Fitness::Outdated, "it was cut");
    }

    #[test]
    fn a_database_in_memory_is_never_replaced() {
        assert_eq!(DatabaseFile::at(Path::new(":memory:")).fitness(Duration::from_secs(9)), Fitness::Good);
    }
}
