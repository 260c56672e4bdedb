//! Restricts the database's files to their owner: they contain payments, webhooks and answers.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;

use super::file::{beside, is_on_disk};

const PRIVATE: u32 = 0o600;
const OF_OTHERS: u32 = 0o077;

/// Creates the database's file before SQLite does, which would make it readable for everyone, and removes others'
/// rights to the files of an earlier release. Files of another user stay as they are: only that user may change them.
///
/// # Errors
/// Returns an error if the file cannot be created, or its mode cannot be changed.
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
    // SQLite creates these files with the mode of the database.
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
            tracing::warn!(path = %path.display(), "other users may read the database, and its mode cannot be changed");
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
