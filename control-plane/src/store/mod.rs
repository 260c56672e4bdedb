//! Databases behind the domain's store port.

mod due_rows;
mod group_commit;
mod listing;
pub mod postgres;
mod reads;
mod rows;
mod settings;
pub mod sqlite;
mod stored_request;
pub mod unreadable;
mod webhook_rows;

use std::sync::Arc;

use crate::domain::store::{Store, StoreError};
pub use settings::{DatabaseSettings, MigrateOnStart};

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{0}` is not a database this build knows; use sqlite://PATH or postgres://USER@HOST/DATABASE")]
    UnknownScheme(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens a database.
pub async fn open(settings: impl Into<DatabaseSettings>) -> Result<Arc<dyn Store>, OpenError> {
    let settings = settings.into();
    match settings.uri.split_once(':') {
        Some(("sqlite", _)) => Ok(Arc::new(sqlite::SqliteStore::open(&settings).await?)),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(postgres::PostgresStore::open(&settings).await?)),
        scheme => Err(OpenError::UnknownScheme(scheme.map_or(&*settings.uri, |(name, _)| name).to_owned())),
    }
}
