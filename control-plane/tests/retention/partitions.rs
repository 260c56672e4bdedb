//! The audit trail of a PostgreSQL database is partitioned, whatever it held before.

use payments_stores::{DatabaseSettings, MigrateOnStart};
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use super::database::{OLD, TestDatabase};
use super::old::in_the_log;
use super::samples::*;

/// The newest migration before the tables were partitioned.
const BEFORE: i64 = 120;
const TRAIL: &str = "SELECT seq || payment || coalesce(refund, '') || version || to_state || at || detail
    FROM events ORDER BY seq";

/// A database of the release before, with a payment of it and its records, and a role that only serves.
async fn database_before() -> Option<TestDatabase> {
    let database = TestDatabase::postgres().await?;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../stores/migrations/postgres");
    let all = Migrator::new(folder).await.unwrap();
    let mut connection = PgConnection::connect(&database.uri).await.unwrap();
    for (table, is_first) in [("_sqlx_migrations", true), ("schema_migrations", false)] {
        let of_table = |version: i64| (version <= 9) == is_first && version <= BEFORE;
        let part = all.iter().filter(|one| of_table(one.version)).cloned().collect();
        let mut part = Migrator::with_migrations(part);
        part.dangerous_set_table_name(table);
        part.set_ignore_missing(true);
        part.run(&mut connection).await.unwrap();
    }
    for n in 1..=9 {
        let id = payment_id(n);
        database
            .execute(&format!(
                "INSERT INTO payments (id, client, provider, amount, currency, request, state, detail, version,
                                       created_at, updated_at)
                 VALUES ('{id}', 'demo', 'stripe', 100, 'USD', '{{\"provider\":\"stripe\",\"amount\":100,\"currency\":\"USD\"}}',
                         'canceled', '{{\"state\":\"canceled\"}}', 1, 1, 1)"
            ))
            .await;
        database
            .execute(&format!(
                "INSERT INTO events (payment, version, to_state, at, client, request_id, detail)
                 VALUES ('{id}', 0, 'created', 1, 'demo', 'r', '{{}}'), ('{id}', 1, 'canceled', 2, 'demo', 'r', '{{}}')"
            ))
            .await;
    }
    Some(database)
}

#[tokio::test]
async fn a_database_of_the_release_before_keeps_every_record_and_gets_partitions() {
    let Some(database) = database_before().await else { return };
    let before = database.texts(TRAIL).await;
    assert_eq!(before.len(), 18);
    payments_stores::migrate(&database.uri).await.unwrap();
    assert_eq!(database.texts(TRAIL).await, before);
    let store = database.open(OLD).await;
    assert_eq!(store.events(&client(), payment_id(3)).await.unwrap().len(), 2);
    // Later records are numbered on.
    store.commit(opening(100).1).await.unwrap();
    let last = database.texts("SELECT CAST(max(seq) AS text) FROM events").await;
    assert_eq!(last, ["20"]);
    // A year of partitions, and a second migration makes none.
    let partitions = "SELECT CAST(count(*) AS text) FROM pg_inherits WHERE inhparent = 'events'::regclass";
    let made = database.texts(partitions).await;
    assert!(made[0].parse::<u32>().unwrap() >= 12, "{made:?}");
    payments_stores::migrate(&database.uri).await.unwrap();
    assert_eq!(database.texts(partitions).await, made);
}

#[tokio::test]
async fn a_trail_that_was_sealed_before_stays_sealed_and_unchangeable() {
    let Some(database) = database_before().await else { return };
    for sql in [
        "INSERT INTO audit_sealer (only_row, holder, held_until) VALUES (1, 'a', 0)",
        "INSERT INTO audit_leaves (leaf, event, hash) SELECT seq - 1, seq, decode(repeat('ab', 32), 'hex') FROM events",
    ] {
        database.execute(sql).await;
    }
    payments_stores::migrate(&database.uri).await.unwrap();
    let store = database.open(OLD).await;
    let records = store.audit().trail(&client(), payment_id(3)).await.unwrap();
    assert_eq!(records.iter().map(|record| record.leaf).collect::<Vec<_>>(), [Some(4), Some(5)]);
    store.commit(opening(100).1).await.unwrap();
    let all = in_the_log(&database, &*store).await;
    assert_eq!(
        all.iter().map(|record| record.position.sequence).collect::<Vec<_>>(),
        (1..=20).collect::<Vec<_>>()
    );
    // Neither the old records nor the new ones get another form.
    for number in [1, 20] {
        let refused = format!("UPDATE events SET detail = 'enc1:' || detail WHERE seq = {number}");
        let problem = database.try_execute(&refused).await.unwrap_err().to_string();
        assert!(problem.contains("the audit trail cannot be changed"), "{problem}");
    }
    assert_eq!(database.texts("SELECT detail FROM events WHERE detail NOT LIKE 'enc1:%'").await.len(), 18);
    database.reseal(OLD).await;
    assert_eq!(database.texts("SELECT detail FROM events WHERE detail NOT LIKE 'enc1:%'").await.len(), 18);
}

#[tokio::test]
async fn each_payments_records_are_in_its_months_partition_unique_and_unchangeable() {
    let Some(database) = database_before().await else { return };
    payments_stores::migrate(&database.uri).await.unwrap();
    let record = |payment: &str, refund: &str, version: u32| {
        format!(
            "INSERT INTO events (payment, refund, version, to_state, at, client, request_id, detail)
             VALUES ('{payment}', {refund}, {version}, 'x', 1, 'demo', 'r', '{{}}')"
        )
    };
    // Rows of a month with a partition, of the time before, and of a time without one.
    let months = "SELECT first_payment_of(date_trunc('month', now()) + interval '4 months') || '-7000-8000-000000000001'";
    let young = database.texts(months).await.remove(0);
    let ids = [
        young.as_str(),
        "txn_00000000-0000-7000-8000-000000000001",
        "txn_ffffffff-ffff-7000-8000-000000000001",
    ];
    for id in ids {
        database.execute(&record(id, "NULL", 0)).await;
        database.execute(&record(id, "'rfnd_1'", 0)).await;
        assert!(database.try_execute(&record(id, "NULL", 0)).await.is_err(), "{id}");
        assert!(database.try_execute(&record(id, "'rfnd_1'", 0)).await.is_err(), "{id}");
        for change in ["DELETE FROM events", "UPDATE events SET to_state = 'y'"] {
            let change = format!("{change} WHERE payment = '{id}'");
            assert!(database.try_execute(&change).await.is_err(), "{change}");
        }
    }
    let partition =
        |id: &str| format!("SELECT DISTINCT tableoid::regclass::text FROM events WHERE payment = '{id}'");
    assert!(database.texts(&partition(ids[0])).await[0].starts_with("events_2"));
    assert_eq!(database.texts(&partition(ids[1])).await, ["events_before"]);
    assert_eq!(database.texts(&partition(ids[2])).await, ["events_other"]);
    let all = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass";
    for table in database.texts(all).await.iter().chain(&["events".to_owned()]) {
        assert!(database.try_execute(&format!("TRUNCATE {table}")).await.is_err(), "{table}");
    }
    // A payment's trail is read from one partition.
    let plan = format!("EXPLAIN SELECT * FROM events WHERE payment = '{}' ORDER BY seq", ids[0]);
    let plan = database.texts(&plan).await.join("\n");
    assert!(
        plan.contains(&database.texts(&partition(ids[0])).await[0]) && !plan.contains("events_before"),
        "{plan}"
    );
}

/// As after a year in which nobody migrated.
#[tokio::test]
async fn a_month_whose_partition_comes_too_late_stays_without_and_stops_nobody() {
    let Some(database) = database_before().await else { return };
    payments_stores::migrate(&database.uri).await.unwrap();
    let late = "SELECT first_payment_of((date_trunc('month', now() AT TIME ZONE 'UTC')
        + interval '13 months 5 days') AT TIME ZONE 'UTC') || '-7000-8000-000000000001'";
    let late = database.texts(late).await.remove(0);
    let record = format!(
        "INSERT INTO events (payment, version, to_state, at, client, request_id, detail)
         VALUES ('{late}', 0, 'created', 1, 'demo', 'r', '{{}}')"
    );
    database.execute(&record).await;
    assert_eq!(database.texts("SELECT make_event_partitions(14)::text").await, ["1"], "only the month after");
    let place = format!("SELECT tableoid::regclass::text FROM events WHERE payment = '{late}'");
    assert_eq!(database.texts(&place).await, ["events_other"]);
    payments_stores::migrate(&database.uri).await.unwrap();
}

#[tokio::test]
async fn a_role_that_serves_keeps_its_rights_on_the_partitioned_trail() {
    let Some(database) = database_before().await else { return };
    let role = format!("serves_{}", database.uri.rsplit('/').next().unwrap());
    for sql in [
        format!("CREATE ROLE {role} LOGIN PASSWORD 'throwaway'"),
        format!("GRANT SELECT, INSERT ON events TO {role}"),
    ] {
        database.try_execute(&sql).await.unwrap();
    }
    payments_stores::migrate(&database.uri).await.unwrap();
    // The rights of the release before, with nothing granted since.
    let kept = format!(
        "SELECT 'kept' WHERE has_table_privilege('{role}', 'events', 'SELECT, INSERT')
         AND has_sequence_privilege('{role}', 'events_numbers', 'USAGE')
         AND NOT has_table_privilege('{role}', 'events', 'DELETE')"
    );
    assert_eq!(database.texts(&kept).await, ["kept"]);
    for sql in payments_stores::postgres::grants(&role, "public").split_terminator('\n') {
        database.try_execute(sql).await.unwrap();
    }
    let (scheme, place) = database.uri.split_once("://").unwrap();
    let place = place.split_once('@').unwrap().1;
    let settings = DatabaseSettings {
        uri: format!("{scheme}://{role}:throwaway@{place}"),
        migrate_on_start: MigrateOnStart::Never,
        ..database.settings(OLD)
    };
    let store = payments_stores::open(settings).await.unwrap();
    store.ready().await.unwrap();
    fill_one(&*store).await;
}

async fn fill_one(store: &dyn payments::ports::store::Store) {
    let (payment, open) = opening(150);
    store.commit(open).await.unwrap();
    assert_eq!(store.events(&client(), payment.id).await.unwrap().len(), 2);
}
