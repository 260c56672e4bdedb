//! Inspection of a database, without changing it.

use super::{Boxed, DatabaseKind, DatabaseSettings, SchemaError, postgres, sqlite};

/// The findings.
#[derive(Debug)]
pub struct Inspection {
    /// Name and version, e.g. `PostgreSQL 17.6`.
    pub product: String,
    /// The newest migration, or why this build cannot serve the schema.
    pub schema: Result<i64, SchemaError>,
    /// Whether this role could bring the schema up to date.
    pub may_migrate: bool,
    /// The server's connection limit for all processes together; `None` if it has none.
    pub connections_max: Option<u32>,
    /// How many of a process's connections the server, or a pool before it, serves at the same time; `None`: not tried,
    /// because it would take what others need.
    pub connections_served: Option<u32>,
    /// Problems that would keep the service from working, in words.
    pub problems: Vec<String>,
    /// Conditions that may soon stop the service, in words.
    pub warnings: Vec<String>,
}

/// Inspects a database.
///
/// # Errors
/// Returns an error if the database is unreachable.
pub fn inspect(settings: &DatabaseSettings) -> Boxed<'_, Inspection> {
    Box::pin(async move {
        match DatabaseKind::of(&settings.uri)? {
            DatabaseKind::Sqlite => sqlite::inspect(&settings.uri).await,
            DatabaseKind::Postgres => postgres::inspect(settings).await,
        }
    })
}
