//! SQLite and PostgreSQL behind the domain's store port, with their schema.

mod due_rows;
mod group_commit;
mod inspect;
mod listing;
mod migrations;
pub mod postgres;
mod proved;
mod reads;
mod reconcile_rows;
mod renewal;
mod row;
mod rows;
mod schema;
mod settings;
mod shares;
mod sql;
pub mod sqlite;
mod stored_request;
pub mod unreadable;
mod webhook_rows;

use std::sync::Arc;

use payments::ports::store::{Store, StoreError};

use self::postgres::Postgres;
use self::sql::SqlStore;
use self::sqlite::Sqlite;
pub use inspect::{Inspection, inspect};
pub use schema::{Migrated, SchemaError};
pub use settings::{DatabaseSettings, MigrateOnStart};

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("unknown database scheme `{0}`; use sqlite://PATH or postgres://USER@HOST/DATABASE")]
    UnknownScheme(String),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens a database.
///
/// # Errors
/// Returns an error if the database is unreachable or its schema is too old or too new for this build.
pub async fn open(settings: impl Into<DatabaseSettings>) -> Result<Arc<dyn Store>, OpenError> {
    let settings = settings.into();
    match Kind::of(&settings.uri)? {
        Kind::Sqlite => Ok(Arc::new(SqlStore(Sqlite::open(&settings).await?))),
        Kind::Postgres => Ok(Arc::new(SqlStore(Postgres::open(&settings).await?))),
    }
}

/// Applies the missing migrations to a database.
///
/// # Errors
/// Returns an error if the database is unreachable, a newer release excludes this one, or a migration fails.
pub async fn migrate(uri: &str) -> Result<Migrated, OpenError> {
    match Kind::of(uri)? {
        Kind::Sqlite => sqlite::migrate(uri).await,
        Kind::Postgres => postgres::migrate(uri).await,
    }
}

enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn of(uri: &str) -> Result<Self, OpenError> {
        match uri.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            scheme => Err(OpenError::UnknownScheme(scheme.map_or(uri, |(name, _)| name).to_owned())),
        }
    }
}

/// For a statement that was not executed or was rolled back.
fn not_written(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::NotWritten(Box::new(error))
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
