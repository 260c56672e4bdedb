//! The migrations that this build ships. sqlx's macro embeds a folder, but would build sqlx a second time, for the
//! compiler; here the files are listed.

use std::sync::LazyLock;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Embeds files of one database's folder.
macro_rules! embedded {
    ($database:literal: $($file:literal,)*) => {
        &[$(($file, include_str!(concat!("../migrations/", $database, "/", $file, ".sql"))),)*]
    };
}

pub(crate) static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| migrator(POSTGRES_FILES));
pub(crate) static SQLITE: LazyLock<Migrator> = LazyLock::new(|| migrator(SQLITE_FILES));

const POSTGRES_FILES: &[(&str, &str)] = embedded! {
    "postgres":
    "0001_payments",
    "0002_refunds",
    "0003_events",
    "0004_events_are_kept",
    "0005_idempotency_keys",
    "0006_webhook_events",
    "0007_all_or_nothing",
    "0008_follow_ups",
    "0009_kept_together",
    "0010_schema_compatibility",
    "0011_payments_listed",
    "0012_payments_undecided",
    "0013_refunds_undecided",
    "0020_larger_amounts",
    "0030_payments_due_by_provider",
    "0031_reconcile_progress",
    "0040_dispute_progress",
    "0050_watches",
    "0060_webhook_digests",
    "0070_payments_due_once",
    "0071_payments_undecided_by_due",
    "0080_disputes_verified",
    "0082_write_proofs",
    "0090_event_log",
    "0091_events_in_order",
    "0092_events_by_client",
    "0110_data_keys",
    "0115_failed_by_reference",
    "0120_audit_seal",
    "0130_retention",
    "0131_events_once_of_payment",
    "0132_events_until_now",
    "0133_events_until_now_valid",
    "0134_events_partitioned",
    "0135_event_partitions",
    "0136_event_partitions_late",
};

const SQLITE_FILES: &[(&str, &str)] = embedded! {
    "sqlite":
    "0001_payments",
    "0002_refunds",
    "0003_events",
    "0004_one_payment_per_reference",
    "0005_idempotency_keys",
    "0006_webhook_events",
    "0007_follow_ups",
    "0010_schema_compatibility",
    "0011_payments_listed",
    "0020_larger_amounts",
    "0030_payments_due_by_provider",
    "0031_reconcile_progress",
    "0040_dispute_progress",
    "0050_watches",
    "0060_webhook_digests",
    "0070_payments_due_once",
    "0080_disputes_verified",
    "0082_write_proofs",
    "0092_events_by_client",
    "0110_data_keys",
    "0115_failed_by_reference",
    "0120_audit_seal",
    "0130_retention",
};

/// What sqlx makes of a folder with these files.
fn migrator(files: &[(&str, &'static str)]) -> Migrator {
    Migrator::with_migrations(files.iter().filter_map(|(name, sql)| migration(name, sql)).collect())
}

fn migration(name: &str, sql: &'static str) -> Option<Migration> {
    let (version, description) = name.split_once('_')?;
    Some(Migration::new(
        version.parse().ok()?,
        description.replace('_', " ").into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        sql.starts_with("-- no-transaction"),
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What is recorded of a migration, and what decides how it runs.
    fn of(one: &Migration) -> (i64, &str, &[u8], &str, MigrationType, bool) {
        (one.version, &one.description, &one.checksum, one.sql.as_str(), one.migration_type, one.no_tx)
    }

    #[tokio::test]
    async fn every_migration_is_listed_as_sqlx_reads_it_from_its_folder() {
        for (database, listed) in [("postgres", &POSTGRES), ("sqlite", &SQLITE)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
            let read = Migrator::new(folder).await.unwrap();
            assert!(read.iter().count() > 0);
            assert_eq!(listed.iter().map(of).collect::<Vec<_>>(), read.iter().map(of).collect::<Vec<_>>());
            assert_eq!(listed.table_name, read.table_name);
        }
    }
}
