//! `config check --connect`: what it finds, without changing it.

mod audit_trail;
mod encrypted;
mod other_servers;
mod postgres;
mod providers;
mod queue;
mod redis;
mod sqlite;

use std::fs;
use std::net::TcpListener;

use sqlx::Connection as _;
use test_services::{PostgresServer, RabbitServer, RedisServer};

use super::{KEYS, run};

fn check(settings: &[(&str, &str)]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings: Vec<_> = [KEYS].iter().chain(settings).copied().collect();
    let checked = run(folder.path(), &["config", "check", "--connect"], &settings);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it changes nothing");
    checked
}

#[test]
fn a_gateway_that_is_all_embedded_is_good_and_its_file_is_not_made() {
    let (worked, text) = check(&[]);
    assert!(worked && text.contains("ok       database    SQLite"), "{text}");
    assert!(text.contains("none is configured"), "{text}");
}

#[test]
fn what_cannot_be_reached_is_named_by_its_setting_and_no_password_with_it() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let [database, redis, queue, stripe] =
        ["postgres://u:hidden", "redis://u:hidden", "amqp://u:hidden", "http://"].map(|start| {
            if start == "http://" { format!("{start}{closed}") } else { format!("{start}@{closed}") }
        });
    let (worked, text) = check(&[
        ("DB_URI", &format!("{database}/gateway")),
        ("REDIS_URI", &redis),
        ("AMQP_URI", &queue),
        ("STRIPE_SECRET_KEY", "sk_test_hidden"),
        ("STRIPE_API_BASE", &stripe),
        ("PAYPAL_CLIENT_ID", "id"),
        ("PAYPAL_CLIENT_SECRET", "hidden"),
        ("PAYPAL_API_BASE", &stripe),
    ]);
    assert!(!worked, "{text}");
    for key in ["DB_URI", "REDIS_URI", "AMQP_URI", "STRIPE_API_BASE", "PAYPAL_API_BASE"] {
        let line = text.lines().find(|line| line.starts_with("wrong") && line.contains(key));
        assert!(line.is_some_and(|line| line.contains("refused")), "{key}: {text}");
    }
    assert!(!text.contains("hidden"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_are_told_as_they_are() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let Some(redis) = RedisServer::own(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]).await
    else {
        return;
    };
    let Some(rabbit) = RabbitServer::any().await else { return };
    let database = postgres.database().await;
    let redis = format!("redis://127.0.0.1:{}", redis.port());
    let settings = [
        ("DB_URI", database.uri()),
        ("REDIS_URI", redis.as_str()),
        ("AMQP_URI", rabbit.uri()),
        ("AMQP_QUEUE_PREFIX", "unused"),
    ];
    let (worked, text) = check(&settings);
    for part in [
        "the database has no schema yet",
        "PostgreSQL 1",
        "maxmemory-policy is allkeys-lru and should be noeviction",
        "the queue unused.work is not there yet",
    ] {
        assert!(worked && text.contains(part), "{part} in {text}");
    }
    payments_stores::migrate(database.uri()).await.unwrap();
    let (worked, text) = check(&settings);
    assert!(worked && text.contains("its schema is at migration"), "{text}");
    // A worker makes no claims.
    let command = ["config", "check", "--connect", "--for", "worker"];
    let (worked, text) = run(&std::env::temp_dir(), &command, &settings);
    assert!(worked && text.contains("ok       wake-ups    ") && !text.contains("edge cache"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_a_role_lacks_are_named() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    let role = format!("reads_{}", database.name());
    database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'throwaway'")).await;
    let uri = database.uri_of(&role, "throwaway");
    let refused = check(&[("DB_URI", &uri)]);
    assert!(!refused.0 && refused.1.contains("permission denied"), "{}", refused.1);
    database.run(&payments_stores::postgres::grants(&role, "public")).await;
    database
        .run(&format!(
            "REVOKE UPDATE ON payments FROM {role}; REVOKE DELETE ON watches FROM {role};
             REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, {role}"
        ))
        .await;
    let (worked, text) = check(&[("DB_URI", &uri)]);
    let lacks =
        "this role lacks UPDATE on payments, DELETE on watches, EXECUTE on refuse_half_changes(integer[])";
    assert!(!worked && text.contains(lacks), "{text}");
    database.run(&payments_stores::postgres::grants(&role, "public")).await;
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(worked, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_is_wrong_for_a_role_that_may_not_set_it_up() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    let role = format!("plain_{}", database.name());
    database
        .run(&format!(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role} LOGIN PASSWORD 'throwaway'"
        ))
        .await;
    let uri = database.uri_of(&role, "throwaway");
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(!worked && text.contains("no CREATE on the schema"), "{text}");
    assert!(!text.contains("or start the service"), "{text}");
    let (worked, text) = super::run(&std::env::temp_dir(), &["migrate"], &[("DB_URI", &uri)]);
    assert!(!worked && text.contains("DB_URI") && text.contains("may not change the schema"), "{text}");
    assert!(text.contains("permission denied for schema public") && !text.contains(" at line "), "{text}");
    database.run(&format!("GRANT CREATE ON SCHEMA public TO {role}")).await;
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(worked && text.contains("or start the service"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_nobody_in_is_told_by_its_cause() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    let nobody = database.uri_of("nobody_of_this_name", "hidden");
    let nowhere = database.uri().replace(database.name(), "no_such_database");
    let mark = if database.uri().contains('?') { '&' } else { '?' };
    let encrypted = format!("{}{mark}sslmode=require", database.uri());
    for (uri, causes) in [
        (&nobody, &["does not let this role in", "nobody_of_this_name"][..]),
        (&nowhere, &["has no database of this name", "no_such_database"]),
        (&encrypted, &["`sslmode` in DB_URI", "does not support TLS"]),
    ] {
        for command in [&["config", "check", "--connect"][..], &["migrate"], &["payments", "review"]] {
            let (worked, text) = super::run(&std::env::temp_dir(), command, &[KEYS, ("DB_URI", uri)]);
            assert!(!worked && causes.iter().all(|cause| text.contains(cause)), "{command:?}: {text}");
            for other in ["cannot be reached", "is busy", "cannot be read", " at line ", "hidden"] {
                assert!(!text.contains(other), "{command:?}: {other} in {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_read_the_records_of_the_schema_is_told_of_the_grants() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    let role = format!("blind_{}", database.name());
    database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'throwaway'")).await;
    let uri = database.uri_of(&role, "throwaway");
    for command in [&["config", "check", "--connect"][..], &["serve"]] {
        let (worked, text) = super::run(&std::env::temp_dir(), command, &[KEYS, ("DB_URI", &uri)]);
        assert!(!worked && text.contains("migrate --print-grants ROLE"), "{text}");
        assert!(text.contains("permission denied for table _sqlx_migrations"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_too_few_connections_for_the_processes_is_told() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    let role = format!("few_{}", database.name());
    let uri = database.uri_of(&role, "throwaway");
    let with_limit = async |limit: u32, sql: &str| {
        database.run(&format!("{sql} ROLE {role} LOGIN CONNECTION LIMIT {limit} PASSWORD 'throwaway'")).await;
        check(&[("DB_URI", &uri), ("MIGRATE_ON_START", "off")]).1
    };
    // 8 and 4, 2 for commits, 2 for operators.
    let text = with_limit(10, "CREATE").await;
    assert!(
        text.contains(
            "wrong    database    DB_CONNECTIONS, DB_LIST_CONNECTIONS: each process opens up to 16"
        ),
        "{text}"
    );
    let text = with_limit(20, "ALTER").await;
    assert!(text.contains("too few for a second process"), "{text}");
    let text = with_limit(50, "ALTER").await;
    assert!(!text.contains("DB_CONNECTIONS"), "{text}");
    // A command waits for one to become free, and then says what it was told.
    let text = with_limit(0, "ALTER").await;
    assert!(text.contains("has no connection free") && text.contains("too many connections"), "{text}");
    assert!(!text.contains("pool timed out"), "{text}");
}

#[test]
fn ports_that_exclude_each_other_are_wrong_and_a_taken_one_is_a_warning() {
    let (worked, text) = check(&[("EDGE_CACHE_LISTEN", "0.0.0.0:8081")]);
    assert!(
        !worked && text.contains("EDGE_CACHE_LISTEN: 0.0.0.0:8081 is taken by CONTROL_PLANE_LISTEN"),
        "{text}"
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (worked, text) = check(&[("EDGE_CACHE_LISTEN", &address)]);
    assert!(
        worked && text.contains(&format!("EDGE_CACHE_LISTEN: something listens on {address} already")),
        "{text}"
    );
    let (worked, text) = check(&[("EDGE_CACHE_LISTEN", "192.0.2.1:8082")]);
    assert!(!worked && text.contains("EDGE_CACHE_LISTEN: cannot listen on 192.0.2.1:8082"), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_wrong_once_and_not_good_as_well() {
    let (worked, text) = check(&[("DB_URI", "sqlite://nowhere/gateway.db")]);
    assert!(!worked && text.contains("the folder nowhere does not exist"), "{text}");
    assert!(!text.contains("ok       database"), "{text}");
    let disk = tempfile::tempdir().unwrap();
    for (options, wrong) in [("ro,size=9m", "may not be written"), ("size=512k", "the disk is full")] {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(disk.path());
        if !mount.output().is_ok_and(|mounted| mounted.status.success()) {
            return test_services::skipped_here("no tmpfs can be mounted (it takes root)");
        }
        let (worked, text) = check(&[("DB_URI", &format!("sqlite://{}/gateway.db", disk.path().display()))]);
        std::process::Command::new("umount").arg("--lazy").arg(disk.path()).status().unwrap();
        assert!(!worked && text.contains(wrong) && !text.contains("ok       database"), "{text}");
    }
}

/// Rights on a partitioned table hold for its partitions.
const TABLES: &str = "SELECT relname::text FROM pg_class
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace";

/// What a migration adds and nobody grants would be found by the first role that has no more than its rights.
#[tokio::test]
async fn the_printed_grants_name_every_table() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    let mut connection = sqlx::PgConnection::connect(database.uri()).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut connection).await.unwrap();
    let grants = payments_stores::postgres::grants("serves", "public");
    // `keys reseal` and `retention run` run as the owner of the tables.
    let of_the_owner = ["reseal_progress", "retention_runs"];
    let tables: Vec<_> = tables.into_iter().filter(|table| !of_the_owner.contains(&&**table)).collect();
    for table in &tables {
        assert!(grants.contains(&format!(" ON \"public\".{table} TO ")), "{table}: {grants}");
    }
    // Beside the tables, the schema, the sequence of the events' numbers and the function of a commit.
    assert_eq!(grants.matches(" ON ").count(), tables.len() + 3, "{grants}");
}
