//! The schemas that this build can serve.
//!
//! A build needs every migration that it ships. It tolerates newer, unknown migrations unless one of them declares the
//! build too old: see `migrations/README.md`.

pub(crate) mod not_connected;

use std::collections::BTreeSet;

use sqlx::migrate::{MigrateError, Migrator};

pub use self::not_connected::NotConnected;

/// The tables that record migrations: `RECORDS_BEFORE` up to [`LAST_OF_BEFORE`], `RECORDS` after it. The previous
/// release refuses to start if `RECORDS_BEFORE` has a record that it does not know, so later records there would make
/// an upgrade irreversible.
pub(super) const RECORDS_BEFORE: &str = "_sqlx_migrations";
pub(super) const RECORDS: &str = "schema_migrations";
const LAST_OF_BEFORE: i64 = 9;

pub(super) const VERSIONS_BEFORE: &str = "SELECT version FROM _sqlx_migrations WHERE success";
pub(super) const VERSIONS: &str = "SELECT version FROM schema_migrations WHERE success";
pub(super) const COMPATIBILITY: &str = "schema_compatibility";
pub(super) const OLDEST: &str = "SELECT oldest_control_plane FROM schema_compatibility";

/// Why this build cannot serve a database or change its schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the database has no schema yet; run `control-plane migrate`")]
    Empty,
    #[error("the schema is too old: it lacks migration {missing}; run `control-plane migrate`")]
    TooOld { missing: i64 },
    #[error(
        "this control plane is too old: it knows migrations up to {own}, and the schema needs one that knows \
         {oldest}; run a newer release"
    )]
    TooNew { own: i64, oldest: i64 },
    #[error(
        "a connection pooler assigns sessions per transaction or statement (PgBouncer's `pool_mode = transaction`), \
         which loses session settings and locks; use `pool_mode = session`, or connect to PostgreSQL directly"
    )]
    Pooled,
    #[error(
        "the database's encoding is {0}, which cannot store all text; create it with `ENCODING 'UTF8' TEMPLATE template0`"
    )]
    Encoding(String),
    #[error(transparent)]
    Misplaced(#[from] WrongSchema),
    #[error("another migration has been running for {} s; try again when it is done", .0.as_secs())]
    Locked(std::time::Duration),
    #[error(transparent)]
    NotConnected(#[from] NotConnected),
    #[error(
        "this role may not read the migration records; run the output of `control-plane migrate --print-grants ROLE` \
         as the owner of the tables"
    )]
    NotGranted(#[source] sqlx::Error),
    #[error(
        "this role may not change the schema; run `control-plane migrate` with the owner of the tables and the schema \
         in DB_URI, then run the output of `control-plane migrate --print-grants ROLE` for this role"
    )]
    NotOwner(#[source] MigrateError),
    #[error(transparent)]
    Migration(#[from] MigrateError),
    #[error("the schema cannot be read")]
    Database(#[from] sqlx::Error),
}

/// Why a connection's schema is not the one to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongSchema {
    #[error(
        "the gateway's tables are in the schema {there}, and this connection would use {here}: correct `search_path` (of \
         the role, the database or DB_URI), or grant USAGE on the schema. For another gateway in {here}, run \
         `control-plane migrate` first"
    )]
    Elsewhere { there: String, here: String },
    #[error(
        "the gateway's tables are in the schema {there}, and new ones would be made in {here}: put {there} first in \
         `search_path`"
    )]
    Split { there: String, here: String },
}

/// The schema as recorded in a database.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// The database has no migration records.
    pub(super) is_empty: bool,
    pub(super) versions: BTreeSet<i64>,
    /// The newest migration of the oldest build that may serve the database.
    pub(super) oldest: Option<i64>,
}

/// The result of `migrate`.
#[derive(Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The number and name of each applied migration, in order.
    pub applied: Vec<(i64, String)>,
    /// The newest migration in the database.
    pub version: i64,
}

/// Checks that a build with the migrations `own` can serve the database.
pub(super) fn check(own: &Migrator, recorded: &Recorded) -> Result<(), SchemaError> {
    is_new_enough(own, recorded)?;
    if recorded.is_empty {
        return Err(SchemaError::Empty);
    }
    match own.iter().find(|migration| !recorded.versions.contains(&migration.version)) {
        Some(missing) => Err(SchemaError::TooOld { missing: missing.version }),
        None => Ok(()),
    }
}

/// Checks that no newer release excludes a build with the migrations `own`.
pub(super) fn is_new_enough(own: &Migrator, recorded: &Recorded) -> Result<(), SchemaError> {
    let newest = own.iter().map(|migration| migration.version).max().unwrap_or(0);
    match recorded.oldest {
        Some(oldest) if oldest > newest => Err(SchemaError::TooNew { own: newest, oldest }),
        _ => Ok(()),
    }
}

/// Splits the migrations by the table that records them.
pub(super) fn by_records(own: &Migrator) -> [Migrator; 2] {
    let part = |table: &'static str, is_before: bool| {
        let migrations = own.iter().filter(|one| (one.version <= LAST_OF_BEFORE) == is_before);
        let mut part = Migrator::with_migrations(migrations.cloned().collect());
        part.dangerous_set_table_name(table);
        // Tolerates migrations of a newer release; [`is_new_enough`] has already ruled out that one excludes this
        // build.
        part.set_ignore_missing(true);
        part.set_locking(false);
        part
    };
    [part(RECORDS_BEFORE, true), part(RECORDS, false)]
}

/// The migrations in `own` that were applied since `before`.
pub(super) fn migrated(own: &Migrator, before: &Recorded, after: &Recorded) -> Migrated {
    let applied = own.iter().filter(|one| !before.versions.contains(&one.version));
    Migrated {
        applied: applied.map(|one| (one.version, one.description.to_string())).collect(),
        version: after.versions.last().copied().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::SqlSafeStr as _;
    use sqlx::migrate::{Migration, MigrationType};

    use super::*;

    fn own(newest: i64) -> Migrator {
        let migration = |version| {
            let sql = "SELECT 1".into_sql_str();
            Migration::new(version, "a".into(), MigrationType::Simple, sql, false)
        };
        Migrator::with_migrations((8..=newest).map(migration).collect())
    }

    fn recorded(newest: i64, oldest: Option<i64>) -> Recorded {
        Recorded { is_empty: false, versions: (8..=newest).collect(), oldest }
    }

    #[test]
    fn a_build_serves_its_own_schema_and_newer_ones_that_do_not_exclude_it() {
        assert!(check(&own(11), &recorded(11, None)).is_ok());
        assert!(check(&own(11), &recorded(15, None)).is_ok());
        assert!(check(&own(11), &recorded(15, Some(11))).is_ok());
        let refused = check(&own(11), &recorded(15, Some(12))).unwrap_err();
        assert!(matches!(refused, SchemaError::TooNew { own: 11, oldest: 12 }), "{refused}");
    }

    #[test]
    fn a_schema_that_lacks_a_migration_is_too_old_even_beside_newer_ones() {
        let mut gap = recorded(15, None);
        gap.versions.remove(&10);
        for recorded in [recorded(9, None), gap] {
            let refused = check(&own(11), &recorded).unwrap_err();
            assert!(matches!(refused, SchemaError::TooOld { missing: 10 }), "{refused}");
        }
        let empty = Recorded { is_empty: true, ..Recorded::default() };
        assert!(matches!(check(&own(11), &empty), Err(SchemaError::Empty)));
    }

    #[test]
    fn the_release_before_finds_no_record_that_it_does_not_know() {
        let [before, behind] = by_records(&own(12));
        assert_eq!(before.iter().map(|one| one.version).collect::<Vec<_>>(), [8, 9]);
        assert_eq!(behind.iter().map(|one| one.version).collect::<Vec<_>>(), [10, 11, 12]);
        assert_ne!(before.table_name, behind.table_name);
    }
}
