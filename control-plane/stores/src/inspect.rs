//! What a database is like, without changing it.

use super::{OpenError, SchemaError};

/// What was found.
#[derive(Debug)]
pub struct Inspection {
    /// Name and version, e.g. `PostgreSQL 17.6`.
    pub product: String,
    /// The newest migration, or why this build cannot serve the schema.
    pub schema: Result<i64, SchemaError>,
    /// Whether this role could bring the schema up to date.
    pub may_migrate: bool,
    /// How many connections the server has for all processes together; `None` where there is no such limit.
    pub connections_max: Option<u32>,
    /// Why the service would not work on it, in words.
    pub problems: Vec<String>,
    /// What may stop it soon, in words.
    pub warnings: Vec<String>,
}

/// Looks at a database.
///
/// # Errors
/// If it cannot be reached.
pub async fn inspect(uri: &str) -> Result<Inspection, OpenError> {
    match super::Kind::of(uri)? {
        super::Kind::Sqlite => super::sqlite::inspect(uri).await,
        super::Kind::Postgres => super::postgres::inspect(uri).await,
    }
}
