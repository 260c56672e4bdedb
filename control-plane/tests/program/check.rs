//! `config check --connect`: what it finds, without changing it.

use std::fs;
use std::net::TcpListener;

use provider_sandbox::{Config, start};
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
    for key in ["DB_URI", "REDIS_URI", "AMQP_URI", "STRIPE_SECRET_KEY", "PAYPAL_CLIENT_ID"] {
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
    database.run(&payments_stores::postgres::grants(&role)).await;
    database
        .run(&format!("REVOKE UPDATE ON payments FROM {role}; REVOKE DELETE ON watches FROM {role}"))
        .await;
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(!worked && text.contains("this role lacks UPDATE on payments, DELETE on watches"), "{text}");
    database.run(&payments_stores::postgres::grants(&role)).await;
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(worked, "{text}");
}

/// What a migration adds and nobody grants would be found by the first role that has no more than its rights.
#[tokio::test]
async fn the_printed_grants_name_every_table() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    let mut connection = sqlx::PgConnection::connect(database.uri()).await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let grants = payments_stores::postgres::grants("serves");
    for table in &tables {
        assert!(grants.contains(&format!(" ON {table} TO ")), "{table}: {grants}");
    }
    assert_eq!(grants.matches(" ON ").count(), tables.len() + 1, "{grants}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_tried_at_each_provider() {
    let paypal_credentials = Some(("client".to_owned(), "right".to_owned()));
    let stripe_secret_key = Some("sk_test_right".to_owned());
    let listen = "127.0.0.1:0".parse().unwrap();
    let sandbox =
        start(Config { listen, paypal_credentials, stripe_secret_key, ..Config::default() }).await.unwrap();
    let url = sandbox.url();
    let with = |key: &'static str, secret: &'static str| {
        let settings = [
            ("STRIPE_SECRET_KEY", key),
            ("STRIPE_API_BASE", &url),
            ("PAYPAL_CLIENT_ID", "client"),
            ("PAYPAL_CLIENT_SECRET", secret),
            ("PAYPAL_API_BASE", &url),
        ];
        tokio::task::block_in_place(|| check(&settings))
    };
    let (worked, text) = with("sk_test_right", "right");
    assert!(
        worked && text.contains("takes the test credentials") && text.contains("ok       PayPal"),
        "{text}"
    );
    let (worked, text) = with("sk_test_wrong", "false");
    let wrong = |about: &str| text.lines().any(|line| line.starts_with("wrong") && line.contains(about));
    assert!(!worked && wrong("STRIPE_SECRET_KEY") && wrong("PAYPAL_CLIENT_SECRET"), "{text}");
    assert!(!text.contains("sk_test_wrong") && !text.contains("false"), "{text}");
    assert!(sandbox_is_untouched(&url).await);
    sandbox.stop().await;
}

async fn sandbox_is_untouched(url: &str) -> bool {
    let ledger =
        reqwest::get(format!("{url}/_sandbox/ledger?summary=1")).await.unwrap().text().await.unwrap();
    !ledger.contains("\"charge\"")
}
