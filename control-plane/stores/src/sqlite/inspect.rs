//! A look at a file that a service may be using.

use sqlx::{Connection as _, SqliteConnection};

use super::{options, schema, unavailable};
use crate::schema::SchemaError;
use crate::{Inspection, OpenError};

/// # Errors
/// If the file is there and cannot be read as a database.
pub(crate) async fn inspect(uri: &str) -> Result<Inspection, OpenError> {
    let mut problems = Vec::new();
    if let Some(file) = super::file(uri) {
        problems.extend(unwritable(&file));
        if !file.exists() {
            let product = "a new file".to_owned();
            return Ok(Inspection { product, schema: Err(SchemaError::Empty), problems });
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
    Ok(Inspection { product: format!("SQLite {version}"), schema, problems })
}

/// SQLite makes files beside the database, so its folder must be ours to write.
fn unwritable(file: &std::path::Path) -> Option<String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref());
    let is_read_only = |path: &std::path::Path| path.metadata().is_ok_and(|it| it.permissions().readonly());
    if !folder.is_dir() {
        return Some(format!("the folder {} does not exist", folder.display()));
    }
    let path = [folder, file].into_iter().find(|path| is_read_only(path))?;
    Some(format!("{} may not be written", path.display()))
}
