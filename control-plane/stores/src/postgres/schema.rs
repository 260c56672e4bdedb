//! Checks and migrates the schema of a PostgreSQL database.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::time::{Instant, sleep, timeout_at};

use super::refusal::{NO_RIGHT, is_told};
use super::schema_location::SchemaLocation;
use super::{PATIENCE, encrypted, epochs, pooling};
use crate::migrations::POSTGRES;
use crate::schema::not_connected::{NotConnected, is_tls};
use crate::schema::{
    COMPATIBILITY, Migrated, OLDEST, RECORDS, RECORDS_BEFORE, Recorded, SchemaError, VERSIONS,
    VERSIONS_BEFORE, by_records, check, is_new_enough, migrated,
};
use crate::settings::MigrateOnStart;

/// The advisory lock of migrations: any number that nothing else in the database locks.
const LOCK: i64 = 0x6761_7465_7761_7931;
const CONNECT_PAUSE: Duration = Duration::from_millis(200);
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// Maximum wait for another process's migration. Indexing a large table takes minutes.
const LOCK_MAX: Duration = Duration::from_secs(600);
/// Maximum wait for another process that sets up an empty database.
const SET_UP_MAX: Duration = Duration::from_secs(60);

/// How long a migration waits for a table lock: every statement queued behind it waits too.
const TABLE_MAX: Duration = Duration::from_secs(2);
/// Attempts to get a table lock, with a pause in which other statements proceed.
const TABLE_TRIES: u8 = 30;
const TABLE_PAUSE: Duration = Duration::from_secs(1);
const LOCK_TIMEOUT: &str = "55P03";

/// Ensures that this build can serve the database, in the way that `policy` allows. Returns the epochs of its event
/// log.
pub(super) async fn prepare(
    options: &PgConnectOptions,
    policy: MigrateOnStart,
) -> Result<Vec<i64>, SchemaError> {
    let mut connection = connect(options).await?;
    pooling::refuse_transactions(options, &mut connection).await?;
    refuse_other_encodings(&mut connection).await?;
    let location = told(&mut connection).await?;
    location.check_seen()?;
    let checked = check(&POSTGRES, &recorded(&mut connection).await?);
    let checked = match (policy, checked) {
        (MigrateOnStart::Always, Err(SchemaError::Empty | SchemaError::TooOld { .. }))
        | (MigrateOnStart::IfEmpty, Err(SchemaError::Empty)) => {
            migrate_with(&mut connection).await?;
            Ok(())
        }
        // Another process may have found the database empty and be migrating it.
        (MigrateOnStart::IfEmpty, Err(SchemaError::TooOld { .. })) => {
            lock(&mut connection, SET_UP_MAX).await?;
            check(&POSTGRES, &recorded(&mut connection).await?)
        }
        (_, checked) => checked,
    };
    checked?;
    let epochs = epochs::epochs(&mut connection).await?;
    // Closing the connection releases the lock.
    connection.close().await?;
    Ok(epochs)
}

/// Applies the missing migrations.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<Migrated, SchemaError> {
    let mut connection = connect(options).await?;
    pooling::refuse_transactions(options, &mut connection).await?;
    refuse_other_encodings(&mut connection).await?;
    if let Err(problem) = told(&mut connection).await?.check_seen() {
        tracing::warn!(%problem, "setting up another gateway in this database");
    }
    let done = migrate_with(&mut connection).await?;
    connection.close().await?;
    Ok(done)
}

/// Names and messages of payers and providers can contain any character.
pub(super) async fn refuse_other_encodings(connection: &mut PgConnection) -> Result<(), SchemaError> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(connection).await?;
    if encoding == "UTF8" { Ok(()) } else { Err(SchemaError::Encoding(encoding)) }
}

/// Logs which server this is and which schema the connection uses.
async fn told(connection: &mut PgConnection) -> Result<SchemaLocation, SchemaError> {
    let version = sqlx::query_scalar::<_, String>("SHOW server_version").fetch_one(&mut *connection).await;
    // Nothing depends on it.
    let version = version.unwrap_or_else(|_| "unknown".to_owned());
    let location = SchemaLocation::of(connection).await?;
    tracing::info!(version, schema = location.name(), "connected to PostgreSQL");
    Ok(location)
}

/// The newest migration, if this build can serve the schema.
pub(super) async fn version(connection: &mut PgConnection) -> Result<i64, SchemaError> {
    let recorded = recorded(connection).await?;
    check(&POSTGRES, &recorded)?;
    Ok(recorded.versions.last().copied().unwrap_or(0))
}

/// Retries while the server is starting or full, then returns the reason for the failure, which a pool does not.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, NotConnected> {
    let end = Instant::now() + PATIENCE;
    let mut problem = sqlx::Error::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    while let Ok(connected) = timeout_at(end, encrypted::connect(options)).await {
        problem = match connected {
            Ok(connection) => return Ok(connection),
            Err(problem) => problem,
        };
        if !may_pass(&problem) || Instant::now() + CONNECT_PAUSE >= end {
            break;
        }
        sleep(CONNECT_PAUSE).await;
    }
    Err(NotConnected(problem))
}

/// Whether the problem may pass: nothing listens yet, "the database system is starting up", "too many clients already".
fn may_pass(problem: &sqlx::Error) -> bool {
    let is_unreachable = matches!(problem, sqlx::Error::Io(_)) && !is_tls(problem);
    is_unreachable || is_told(problem, "57P03") || is_told(problem, "53300")
}

/// A year ahead: a database that is migrated, or whose data ends, once a year lacks none.
pub(super) const MAKE_PARTITIONS: &str = "SELECT make_event_partitions(12)::bigint";

async fn migrate_with(connection: &mut PgConnection) -> Result<Migrated, SchemaError> {
    connection.execute("SET statement_timeout = 0").await?;
    lock(connection, LOCK_MAX).await?;
    let before = recorded(connection).await?;
    is_new_enough(&POSTGRES, &before)?;
    SchemaLocation::of(connection).await?.check_whole()?;
    for part in by_records(&POSTGRES) {
        for migration in part.iter() {
            apply(connection, &part, migration, before.versions.contains(&migration.version)).await?;
        }
    }
    connection.execute(MAKE_PARTITIONS).await?;
    Ok(migrated(&POSTGRES, &before, &recorded(connection).await?))
}

/// Lets one process migrate at a time. It polls instead of waiting in the server: `CREATE INDEX CONCURRENTLY` would
/// wait forever for a session that waits there.
async fn lock(connection: &mut PgConnection, patience: Duration) -> Result<(), SchemaError> {
    let started = Instant::now();
    let mut is_waiting = false;
    loop {
        let query = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK);
        if query.fetch_one(&mut *connection).await? {
            return Ok(());
        }
        if started.elapsed() > patience {
            return Err(SchemaError::Locked(patience));
        }
        if !is_waiting {
            is_waiting = true;
            let longest_s = patience.as_secs();
            tracing::info!(longest_s, "another process is migrating the schema; waiting for it");
        }
        sleep(LOCK_PAUSE).await;
    }
}

/// Applies a migration, or verifies that the applied one is the same.
async fn apply(
    connection: &mut PgConnection,
    part: &Migrator,
    migration: &Migration,
    is_applied: bool,
) -> Result<(), SchemaError> {
    if migration.no_tx && !is_applied {
        drop_unfinished(connection, migration).await?;
    }
    // A migration outside a transaction blocks no other statement, and may have to wait for all running transactions.
    let patience = if migration.no_tx { Duration::ZERO } else { TABLE_MAX };
    let patience = format!("SET lock_timeout = {}", patience.as_millis());
    connection.execute(AssertSqlSafe(patience)).await?;
    let mut tries = TABLE_TRIES;
    loop {
        tries -= 1;
        // `run_to` does the same, but its future is not `Send`.
        match part.run_direct(Some(migration.version), connection, false).await {
            Err(MigrateError::ExecuteMigration(problem, _))
                if tries > 0 && is_told(&problem, LOCK_TIMEOUT) =>
            {
                sleep(TABLE_PAUSE).await;
            }
            Err(problem) if is_refused(&problem) => return Err(SchemaError::NotOwner(problem)),
            result => return Ok(result?),
        }
    }
}

/// Whether the role lacks the right to change the schema.
fn is_refused(problem: &MigrateError) -> bool {
    let (MigrateError::Execute(problem) | MigrateError::ExecuteMigration(problem, _)) = problem else {
        return false;
    };
    is_told(problem, NO_RIGHT)
}

/// Drops the unusable index that an interrupted `CREATE INDEX CONCURRENTLY` leaves.
async fn drop_unfinished(connection: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    let sql = migration.sql.as_str();
    let kinds = ["CREATE INDEX CONCURRENTLY ", "CREATE UNIQUE INDEX CONCURRENTLY "];
    let made = kinds.iter().find_map(|kind| sql.split(kind).nth(1));
    if let Some(index) = made.and_then(|index| index.split_whitespace().next()) {
        let drop = AssertSqlSafe(format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"));
        connection.execute(drop).await?;
    }
    Ok(())
}

async fn recorded(connection: &mut PgConnection) -> Result<Recorded, SchemaError> {
    read_records(connection).await.map_err(|problem| {
        if is_told(&problem, NO_RIGHT) {
            SchemaError::NotGranted(problem)
        } else {
            SchemaError::Database(problem)
        }
    })
}

async fn read_records(connection: &mut PgConnection) -> Result<Recorded, sqlx::Error> {
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

async fn exists(connection: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table).fetch_one(connection).await
}
