//! Inspection of a file that a service may be using.

use std::path::Path;

use rustix::fs::{Access, access, statvfs};
use sqlx::{Connection as _, SqliteConnection};

use super::{options, schema, unavailable};
use crate::schema::SchemaError;
use crate::{Inspection, OpenError};

/// Minimum free bytes: with less, a new file may not fit its schema and the write-ahead log beside it.
const FREE_MIN: u64 = 1_000_000;
/// Free bytes below which to warn, with a margin to act in. The write-ahead log alone may take some of it under load.
const FREE_GOOD: u64 = 100_000_000;

/// # Errors
/// Returns an error if the file exists and cannot be read as a database.
pub(crate) async fn inspect(uri: &str) -> Result<Inspection, OpenError> {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let found = |product: String, schema, problems, warnings| Inspection {
        product,
        schema,
        may_migrate: true,
        connections_max: None,
        problems,
        warnings,
    };
    if let Some(file) = super::file(uri) {
        let folder = folder_of(&file);
        problems.extend(unwritable(&file, folder));
        match room(folder) {
            Some(free) if free < FREE_MIN => {
                problems.push(format!("the disk is full: {free} bytes are free"));
            }
            Some(free) if free < FREE_GOOD => {
                warnings.push(format!("the disk is nearly full: {} MB are free", free / 1_000_000));
            }
            _ => {}
        }
        if !file.exists() {
            return Ok(found("a new file".to_owned(), Err(SchemaError::Empty), problems, warnings));
        }
    }
    let options = options(uri)?.read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(unavailable)?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await
        .map_err(unavailable)?;
    let schema = schema::version(&mut connection).await;
    connection.close().await.map_err(unavailable)?;
    Ok(found(format!("SQLite {version}"), schema, problems, warnings))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref())
}

/// Why SQLite could not write, if so. It creates files beside the database, so the folder must be writable too.
fn unwritable(file: &Path, folder: &Path) -> Option<String> {
    if !folder.is_dir() {
        return Some(format!("the folder {} does not exist", folder.display()));
    }
    let paths = [folder, file].into_iter().filter(|path| path.exists());
    let refused = paths.filter_map(|path| Some((path, access(path, Access::WRITE_OK).err()?)));
    let (path, reason) = refused.into_iter().next()?;
    Some(format!("{} may not be written: {reason}", path.display()))
}

/// The bytes available to us in `folder`; `None` if its file system does not report them.
fn room(folder: &Path) -> Option<u64> {
    statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}
