//! Checks and migrates the schema of a SQLite file.

use sqlx::SqliteConnection;

use crate::migrations::SQLITE;
use crate::schema::{
    COMPATIBILITY, Migrated, OLDEST, RECORDS, RECORDS_BEFORE, Recorded, SchemaError, VERSIONS,
    VERSIONS_BEFORE, by_records, check, is_new_enough, migrated,
};
use crate::settings::MigrateOnStart;

/// Ensures that this build can serve the database, in the way that `policy` allows.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    policy: MigrateOnStart,
) -> Result<(), SchemaError> {
    match (policy, check(&SQLITE, &recorded(connection).await?)) {
        (MigrateOnStart::Always, Err(SchemaError::Empty | SchemaError::TooOld { .. }))
        | (MigrateOnStart::IfEmpty, Err(SchemaError::Empty)) => migrate(connection).await.map(|_| ()),
        (_, checked) => checked,
    }
}

/// Applies the missing migrations.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<Migrated, SchemaError> {
    let before = recorded(connection).await?;
    is_new_enough(&SQLITE, &before)?;
    for part in by_records(&SQLITE) {
        // `run` does the same, but its future is not `Send`.
        part.run_direct(None, connection, false).await?;
    }
    Ok(migrated(&SQLITE, &before, &recorded(connection).await?))
}

/// The newest migration, if this build can serve the schema.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64, SchemaError> {
    let recorded = recorded(connection).await?;
    check(&SQLITE, &recorded)?;
    Ok(recorded.versions.last().copied().unwrap_or(0))
}

async fn recorded(connection: &mut SqliteConnection) -> Result<Recorded, sqlx::Error> {
    let mut recorded = Recorded { is_empty: true, ..Recorded::default() };
    for (table, versions) in [(RECORDS_BEFORE, VERSIONS_BEFORE), (RECORDS, VERSIONS)] {
        if exists(connection, table).await? {
            recorded.is_empty = false;
            recorded
                .versions
                .extend(sqlx::query_scalar::<_, i64>(versions).fetch_all(&mut *connection).await?);
        }
    }
    if exists(connection, COMPATIBILITY).await? {
        recorded.oldest = sqlx::query_scalar(OLDEST).fetch_optional(connection).await?;
    }
    Ok(recorded)
}

async fn exists(connection: &mut SqliteConnection, table: &str) -> Result<bool, sqlx::Error> {
    let query = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)";
    sqlx::query_scalar(query).bind(table).fetch_one(connection).await
}
