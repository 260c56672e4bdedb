//! A SQLite file belongs to one control plane: a second one would take the first one's calls in flight for abandoned.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use payments_stores as stores;

/// Held while this process serves. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct InstanceLock {
    _file: File,
}

/// The lock file is beside the database, not the database itself: closing any handle of this process on the database
/// would drop SQLite's own locks.
const SUFFIX: &str = "-serving";

impl InstanceLock {
    /// Takes the lock. `None` for a database that several control planes may serve.
    ///
    /// # Errors
    /// Another process serves the file, or the lock file cannot be created.
    pub(crate) fn take(uri: &str) -> anyhow::Result<Option<Self>> {
        stores::sqlite::file(uri).map(|database| Self::of(&database)).transpose()
    }

    fn of(database: &Path) -> anyhow::Result<Self> {
        // Resolve links: two links to one file are one database.
        let real = database.canonicalize();
        let mut path = real.as_deref().unwrap_or(database).as_os_str().to_owned();
        path.push(SUFFIX);
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = file.with_context(|| format!("DB_URI: {} cannot be written", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Only for the message.
                let _ = file.read_to_string(&mut pid);
                bail!(
                    "DB_URI: another control plane (process {}) serves {}, and a SQLite file belongs to one; stop it \
                     first, or use PostgreSQL for several",
                    pid.trim(),
                    database.display(),
                );
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(
                    %error, file = %path.display(),
                    "the lock file cannot be locked: nothing keeps a second control plane from this database"
                );
            }
        }
        file.rewind().and_then(|()| file.set_len(0))?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_service_of_a_file_is_refused_and_the_first_is_named_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}/gateway.db", folder.path().display());
        let first = InstanceLock::take(&uri).unwrap().unwrap();
        let refused = InstanceLock::take(&uri).unwrap_err().to_string();
        let own = format!("(process {})", std::process::id());
        assert!(refused.starts_with("DB_URI: another control plane") && refused.contains(&own), "{refused}");
        drop(first);
        assert!(InstanceLock::take(&uri).unwrap().is_some());
    }

    #[test]
    fn what_several_may_serve_is_not_locked() {
        for uri in ["postgres://db/gateway", "sqlite::memory:"] {
            assert!(InstanceLock::take(uri).unwrap().is_none(), "{uri}");
        }
    }
}
