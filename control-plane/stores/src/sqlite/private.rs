//! The database's files are for their owner alone: payments, webhooks and answers stand in them.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;

use super::file::{beside, is_on_disk};

const PRIVATE: u32 = 0o600;
const OF_OTHERS: u32 = 0o077;

/// Makes the database's file before SQLite does, which would let everybody read it, and takes others' rights to the files
/// of an earlier release away. What belongs to another user stays as it is: only they may change it.
///
/// # Errors
/// The file cannot be made, or its mode not changed.
pub(super) fn files(options: &SqliteConnectOptions, is_made: bool) -> io::Result<()> {
    if !is_on_disk(options.get_filename()) {
        return Ok(());
    }
    let path = options.get_filename();
    if is_made {
        match OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    close(path)?;
    // SQLite makes them with the mode that the database has.
    beside(path).iter().try_for_each(|beside| close(beside))
}

fn close(path: &Path) -> io::Result<()> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mode = metadata.mode();
    if mode & OF_OTHERS == 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & !OF_OTHERS & 0o7777)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(path = %path.display(), "others may read the database, and its mode is not ours to change");
            Ok(())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn options(path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::from_str(&format!("sqlite://{}", path.display())).unwrap()
    }

    #[test]
    fn a_new_database_is_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        files(&options(&path), false).unwrap();
        assert!(!path.exists());
        files(&options(&path), true).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn the_files_of_an_earlier_release_are_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let all = ["old.db", "old.db-wal", "old.db-shm"].map(|name| folder.path().join(name));
        for file in &all {
            fs::write(file, "x").unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o664)).unwrap();
        }
        files(&options(&path), true).unwrap();
        for file in &all {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_database_in_memory_has_no_files() {
        files(&SqliteConnectOptions::from_str("sqlite::memory:").unwrap(), true).unwrap();
        assert!(!Path::new(":memory:").exists());
    }
}
