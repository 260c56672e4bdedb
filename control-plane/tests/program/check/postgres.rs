//! What is found of a PostgreSQL with schemas of its own, and of a pool before it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use test_services::{PgBouncer, PostgresServer, TestDatabase};

use super::super::{KEYS, run};
use super::check;

fn with_search_path(database: &TestDatabase, path: &str) -> String {
    let mark = if database.uri().contains('?') { '&' } else { '?' };
    format!("{}{mark}options=-c%20search_path%3D{path}", database.uri())
}

fn migrate(uri: &str) -> (bool, String) {
    run(&std::env::temp_dir(), &["migrate"], &[("DB_URI", uri)])
}

async fn has_tables(database: &TestDatabase, schema: &str) -> bool {
    let options: PgConnectOptions = database.uri().parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    let query = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = $1)";
    let found = sqlx::query_scalar(query).bind(schema).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_another_schema_than_the_search_path_s_are_told_and_not_made_twice() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    database.run("CREATE SCHEMA gateway; CREATE SCHEMA other").await;
    let (right, wrong) = (with_search_path(&database, "gateway"), with_search_path(&database, "other"));
    let (worked, text) = migrate(&right);
    assert!(worked && text.contains("gateway"), "it says which schema it uses: {text}");
    let (worked, text) = check(&[("DB_URI", &right)]);
    assert!(worked && text.contains("schema gateway; its schema is at migration"), "{text}");
    for command in [&["serve"][..], &["config", "check", "--connect"], &["payments", "review"]] {
        let (worked, text) = run(&std::env::temp_dir(), command, &[KEYS, ("DB_URI", &wrong)]);
        let told = "the gateway's tables are in the schema gateway, and this connection would use other";
        assert!(!worked && text.contains(told), "{command:?}: {text}");
    }
    assert!(!has_tables(&database, "other").await);
    let (worked, text) = migrate(&with_search_path(&database, "other,gateway"));
    assert!(!worked || text.contains("nothing to do"), "{text}");
    assert!(!has_tables(&database, "other").await, "{text}");
    let (worked, text) = migrate(&wrong);
    assert!(worked && text.contains("setting up another gateway in this database"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_grants_are_right_for_the_schema_that_is_named() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    database.run("CREATE SCHEMA gateway").await;
    let uri = with_search_path(&database, "gateway");
    assert!(migrate(&uri).0);
    let role = format!("serves_{}", database.name());
    database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'throwaway'")).await;
    database.run(&format!("ALTER ROLE {role} SET search_path = gateway")).await;
    // As on servers where nobody may connect who was not told to.
    database.run(&format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database.name())).await;
    let as_role = database.uri_of(&role, "throwaway");
    let (worked, text) = check(&[("DB_URI", &as_role)]);
    assert!(!worked && text.contains("permission denied for database"), "{text}");
    database.run(&format!("GRANT CONNECT ON DATABASE {} TO {role}", database.name())).await;
    let (worked, text) = check(&[("DB_URI", &as_role)]);
    assert!(!worked && text.contains("grant USAGE on the schema"), "{text}");
    database.run(&format!("REVOKE CONNECT ON DATABASE {} FROM {role}", database.name())).await;
    let arguments = ["migrate", "--print-grants", &role, "--schema", "gateway"];
    let (worked, grants) = run(&std::env::temp_dir(), &arguments, &[("DB_URI", &uri)]);
    assert!(worked, "{grants}");
    database.run(&grants).await;
    let (worked, text) = check(&[("DB_URI", &as_role)]);
    assert!(worked && text.contains("ok       database"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_lends_no_sessions_or_too_few_is_wrong() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    for (mode, size, told) in [
        ("statement", 50, Some("assigns sessions per transaction or statement")),
        ("transaction", 50, Some("assigns sessions per transaction or statement")),
        ("transaction", 1, Some("assigns sessions per transaction or statement")),
        ("session", 1, Some("each process opens up to 16 connections, and only 1 are served")),
        ("session", 5, Some("each process opens up to 16 connections, and only 5 are served")),
        ("session", 50, None),
    ] {
        let Some(pool) = PgBouncer::of_size(postgres, mode, size).await else { return };
        let (worked, text) = check(&[("DB_URI", &pool.uri(&database))]);
        assert_eq!(worked, told.is_none(), "{mode} {size}: {text}");
        assert!(told.is_none_or(|told| text.contains(told)), "{mode} {size}: {text}");
    }
}
