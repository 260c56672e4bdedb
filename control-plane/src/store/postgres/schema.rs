//! The schema of a PostgreSQL database, checked and migrated.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::PATIENCE;
use super::refusal::is_told;
use crate::store::schema::{
    COMPATIBILITY, Migrated, OLDEST, RECORDS, RECORDS_BEFORE, Recorded, SchemaError, VERSIONS,
    VERSIONS_BEFORE, by_records, check, is_new_enough, migrated,
};
use crate::store::settings::MigrateOnStart;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Any number that nothing else in the database locks.
const LOCK: i64 = 0x6761_7465_7761_7931;
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// For another process's migration. An index of a large table takes minutes.
const LOCK_MAX: Duration = Duration::from_secs(600);
/// For another process that sets up an empty database.
const SET_UP_MAX: Duration = Duration::from_secs(60);

/// How long a migration waits for a table: as long as it waits, everybody behind it waits too.
const TABLE_MAX: Duration = Duration::from_secs(2);
/// How often it is tried for, with a pause in which the others get on.
const TABLE_TRIES: u8 = 30;
const TABLE_PAUSE: Duration = Duration::from_secs(1);
const LOCK_TIMEOUT: &str = "55P03";

/// Makes sure that this build can serve the database, in the way that `policy` allows.
pub(super) async fn prepare(options: &PgConnectOptions, policy: MigrateOnStart) -> Result<(), SchemaError> {
    let mut connection = connect(options).await?;
    let checked = check(&MIGRATIONS, &recorded(&mut connection).await?);
    let checked = match (policy, checked) {
        (MigrateOnStart::Always, Err(SchemaError::Empty | SchemaError::TooOld { .. }))
        | (MigrateOnStart::IfEmpty, Err(SchemaError::Empty)) => {
            migrate_with(&mut connection).await?;
            Ok(())
        }
        // Another process that found it empty may be at it.
        (MigrateOnStart::IfEmpty, Err(SchemaError::TooOld { .. })) => {
            lock(&mut connection, SET_UP_MAX).await?;
            check(&MIGRATIONS, &recorded(&mut connection).await?)
        }
        (_, checked) => checked,
    };
    // The lock goes with it.
    connection.close().await?;
    checked
}

/// Applies what is missing.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<Migrated, SchemaError> {
    let mut connection = connect(options).await?;
    let done = migrate_with(&mut connection).await?;
    connection.close().await?;
    Ok(done)
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    // A pool goes on trying while the server is starting.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    Ok(pool.connect_with(options.clone()).await?.acquire().await?.detach())
}

async fn migrate_with(connection: &mut PgConnection) -> Result<Migrated, SchemaError> {
    connection.execute("SET statement_timeout = 0").await?;
    lock(connection, LOCK_MAX).await?;
    let before = recorded(connection).await?;
    is_new_enough(&MIGRATIONS, &before)?;
    for part in by_records(&MIGRATIONS) {
        for migration in part.iter() {
            apply(connection, &part, migration, before.versions.contains(&migration.version)).await?;
        }
    }
    Ok(migrated(&MIGRATIONS, &before, &recorded(connection).await?))
}

/// One process at a time. It asks again and again instead of waiting in the server: `CREATE INDEX CONCURRENTLY` would
/// wait for a process that waits there, for ever.
async fn lock(connection: &mut PgConnection, patience: Duration) -> Result<(), SchemaError> {
    let started = Instant::now();
    loop {
        let query = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK);
        if query.fetch_one(&mut *connection).await? {
            return Ok(());
        }
        if started.elapsed() > patience {
            return Err(SchemaError::Locked(patience));
        }
        sleep(LOCK_PAUSE).await;
    }
}

/// Applies a migration, or makes sure that the one that was applied is this one.
async fn apply(
    connection: &mut PgConnection,
    part: &Migrator,
    migration: &Migration,
    is_applied: bool,
) -> Result<(), SchemaError> {
    if migration.no_tx && !is_applied {
        drop_unfinished(connection, migration).await?;
    }
    // What runs outside a transaction blocks nobody, and may have to wait for all that run.
    let patience = if migration.no_tx { Duration::ZERO } else { TABLE_MAX };
    let patience = format!("SET lock_timeout = {}", patience.as_millis());
    connection.execute(AssertSqlSafe(patience)).await?;
    let mut tries = TABLE_TRIES;
    loop {
        tries -= 1;
        // `run_to` does the same, but its future cannot go to another thread.
        match part.run_direct(Some(migration.version), connection, false).await {
            Err(MigrateError::ExecuteMigration(problem, _))
                if tries > 0 && is_told(&problem, LOCK_TIMEOUT) =>
            {
                sleep(TABLE_PAUSE).await;
            }
            result => return Ok(result?),
        }
    }
}

/// An index whose making was interrupted stays, and is good for nothing.
async fn drop_unfinished(connection: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    let made = migration.sql.as_str().split("CREATE INDEX CONCURRENTLY ").nth(1);
    if let Some(index) = made.and_then(|index| index.split_whitespace().next()) {
        let drop = AssertSqlSafe(format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"));
        connection.execute(drop).await?;
    }
    Ok(())
}

async fn recorded(connection: &mut PgConnection) -> Result<Recorded, sqlx::Error> {
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
