//! Inspection of a file that a service may be using.

use std::fs;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use url::Url;

use super::file::{beside, refuse_links};
use super::{InvalidUri, schema, unavailable};
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
        connections_served: None,
        problems,
        warnings,
    };
    let Some(file) = super::file(uri) else { return Err(unavailable(InvalidUri::InMemory).into()) };
    let folder = folder_of(&file);
    problems.extend(unwritable(&file, folder));
    problems.extend(refuse_links(&file).err().map(|linked| linked.to_string()));
    match room(folder) {
        Some(free) if free < FREE_MIN => problems.push(format!("the disk is full: {free} bytes are free")),
        Some(free) if free < FREE_GOOD => {
            warnings.push(format!("the disk is nearly full: {} MB are free", free / 1_000_000));
        }
        _ => {}
    }
    // One of no length is what a start that was interrupted leaves.
    if fs::metadata(&file).map_or(0, |file| file.len()) == 0 {
        return Ok(found("a new file".to_owned(), Err(SchemaError::Empty), problems, warnings));
    }
    let [log, index] = beside(&file);
    if log.exists() && !index.exists() {
        let warning = "its write-ahead log has no index, as that of a copy; the next start reads it, and what it holds \
                       is not checked here";
        warnings.push(warning.to_owned());
    }
    let mut connection = SqliteConnection::connect_with(&untouched(&file)).await.map_err(unavailable)?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await
        .map_err(unavailable)?;
    let schema = schema::version(&mut connection).await;
    connection.close().await.map_err(unavailable)?;
    Ok(found(format!("SQLite {version}"), schema, problems, warnings))
}

/// Opens a file so that neither it nor the files beside it change, whether or not a service uses it or was killed. A
/// plain read-only connection is the first to open the log of a killed service, and takes it over.
fn untouched(file: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().read_only(true);
    let [log, index] = beside(file);
    let url = std::path::absolute(file).ok().and_then(|path| Url::from_file_path(path).ok());
    match url {
        Some(mut url) if log.exists() && index.exists() => {
            url.set_query(Some("mode=ro&readonly_shm=1"));
            options.filename(url.as_str())
        }
        // Nobody uses it.
        _ => options.filename(file).immutable(true),
    }
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
