//! Databases behind the domain's store port.

mod due_rows;
mod group_commit;
pub mod postgres;
mod rows;
pub mod sqlite;
mod webhook_rows;

use std::sync::Arc;

use crate::domain::store::{Store, StoreError};

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{0}` is not a database this build knows; use sqlite://PATH or postgres://USER@HOST/DATABASE")]
    UnknownScheme(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the database that `uri` names and brings its schema up to date.
pub async fn open(uri: &str) -> Result<Arc<dyn Store>, OpenError> {
    match uri.split_once(':') {
        Some(("sqlite", _)) => Ok(Arc::new(sqlite::SqliteStore::open(uri).await?)),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(postgres::PostgresStore::open(uri).await?)),
        scheme => Err(OpenError::UnknownScheme(scheme.map_or(uri, |(name, _)| name).to_owned())),
    }
}
