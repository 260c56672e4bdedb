//! SQLite and PostgreSQL behind the domain's store port, with their schema.

mod audit_rows;
mod due_rows;
mod encryption;
mod group_commit;
mod inspect;
pub mod keys;
mod listing;
mod migrations;
pub mod postgres;
mod proved;
mod reads;
mod reconcile_rows;
mod renewal;
pub mod retention;
mod row;
mod rows;
mod schema;
mod sealed;
mod sealed_row;
mod sealed_tables;
mod settings;
mod shares;
mod sql;
pub mod sqlite;
mod stored_request;
mod stored_state;
pub mod unreadable;
mod unusable_keys;
mod webhook_rows;

use std::pin::Pin;
use std::sync::Arc;

use payments::ports::store::{Store, StoreError};

use self::postgres::Postgres;
use self::sql::data_keys::DataKeys;
use self::sql::{Database, SqlStore};
use self::sqlite::Sqlite;
pub use encryption::Encryption;
pub use inspect::{Inspection, inspect};
pub use schema::{Migrated, SchemaError};
use sealing::Sealer;
pub use settings::{DatabaseSettings, MigrateOnStart};
pub use unusable_keys::{KeyProblem, UnusableKeys};

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("unknown database scheme `{0}`; use sqlite://PATH or postgres://USER@HOST/DATABASE")]
    UnknownScheme(String),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored values cannot be read")]
    Keys(#[from] KeyProblem),
}

/// A future whose code is compiled with this crate. That of an `async fn` would be compiled again, with all of the
/// store, in each crate that awaits it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, OpenError>> + Send + 'a>>;

/// Opens a database.
///
/// # Errors
/// Returns an error if the database is unreachable or its schema is too old or too new for this build.
pub async fn open(settings: impl Into<DatabaseSettings>) -> Result<Arc<dyn Store>, OpenError> {
    open_with(settings.into()).await
}

/// Opens a database for its audit trail, without the keys of its values: what is encrypted cannot be read, and is
/// proved as it is stored.
///
/// # Errors
/// As [`open`].
pub fn open_trail(settings: DatabaseSettings) -> Boxed<'static, Arc<dyn Store>> {
    Box::pin(async move {
        let settings = DatabaseSettings { encryption: Encryption::default(), ..settings };
        let sealer = Arc::new(Sealer::new(settings.encryption.plain_values()));
        let keys = DataKeys::new(&settings.encryption, sealer.clone());
        let store: Arc<dyn Store> = match DatabaseKind::of(&settings.uri)? {
            DatabaseKind::Sqlite => Arc::new(SqlStore::new(Sqlite::open(&settings, &sealer).await?, keys)),
            DatabaseKind::Postgres => {
                Arc::new(SqlStore::new(Postgres::open(&settings, &sealer).await?, keys))
            }
        };
        Ok(store)
    })
}

fn open_with(settings: DatabaseSettings) -> Boxed<'static, Arc<dyn Store>> {
    Box::pin(async move {
        let sealer = Arc::new(Sealer::new(settings.encryption.plain_values()));
        let keys = DataKeys::new(&settings.encryption, sealer.clone());
        let store: Arc<dyn Store> = match DatabaseKind::of(&settings.uri)? {
            DatabaseKind::Sqlite => Arc::new(with_keys(Sqlite::open(&settings, &sealer).await?, keys).await?),
            DatabaseKind::Postgres => {
                Arc::new(with_keys(Postgres::open(&settings, &sealer).await?, keys).await?)
            }
        };
        Ok(store)
    })
}

/// Reads the data keys before anything else is read or written.
async fn with_keys<D: Database>(database: D, keys: DataKeys) -> Result<SqlStore<D>, OpenError> {
    keys.open(&database).await?;
    Ok(SqlStore::new(database, keys))
}

/// Applies the missing migrations to a database.
///
/// # Errors
/// Returns an error if the database is unreachable, a newer release excludes this one, or a migration fails.
pub fn migrate(uri: &str) -> Boxed<'_, Migrated> {
    Box::pin(async move {
        match DatabaseKind::of(uri)? {
            DatabaseKind::Sqlite => sqlite::migrate(uri).await,
            DatabaseKind::Postgres => postgres::migrate(uri).await,
        }
    })
}

enum DatabaseKind {
    Sqlite,
    Postgres,
}

impl DatabaseKind {
    fn of(uri: &str) -> Result<Self, OpenError> {
        match uri.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            scheme => Err(OpenError::UnknownScheme(scheme.map_or(uri, |(name, _)| name).to_owned())),
        }
    }
}

/// The error for a statement that was not executed or was rolled back.
fn not_written(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::NotWritten(Box::new(error))
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
