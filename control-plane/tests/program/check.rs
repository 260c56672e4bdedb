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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_takes_no_claims_is_wrong() {
    let Some(redis) = RedisServer::own(&["--maxmemory-policy", "noeviction"]).await else { return };
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let (worked, text) = check(&[("REDIS_URI", redis.uri())]);
    assert!(!worked && text.contains("of maxmemory is used, so it takes no claims"), "{text}");
    assert!(!text.contains("ok       edge cache"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_rights_or_replicas_are_too_few_for_a_claim_is_wrong_and_unchanged() {
    let Some(redis) = RedisServer::own(&["--maxmemory-policy", "noeviction"]).await else { return };
    let few = ["CONFIG", "SET", "min-replicas-to-write"];
    redis.run::<()>(&[&few[..], &["1"]].concat()).await;
    let (worked, text) = check(&[("REDIS_URI", redis.uri())]);
    assert!(
        !worked && text.contains("it refuses what a claim does: ") && text.contains("NOREPLICAS"),
        "{text}"
    );
    redis.run::<()>(&[&few[..], &["0"]].concat()).await;
    let user = ["ACL", "SETUSER", "gateway", "on", ">throwaway", "~edge:*", "+@all"];
    for denied in ["-evalsha", "-set", "-pexpire"] {
        redis.run::<()>(&[&user[..], &[denied]].concat()).await;
        let uri = redis.uri().replace("redis://", "redis://gateway:throwaway@");
        let (worked, text) = check(&[("REDIS_URI", &uri)]);
        assert!(!worked && text.contains("it refuses what a claim does: "), "{denied}: {text}");
        assert!(!text.contains("throwaway") && !text.contains("ok       edge cache"), "{text}");
    }
    let uri = redis.uri().replace("redis://", "redis://gateway:throwaway@");
    redis.run::<()>(&[&user[..], &["-info"]].concat()).await;
    let (worked, text) = check(&[("REDIS_URI", &uri)]);
    let is_warned = text.contains("this user may not run INFO");
    assert!(worked && is_warned && text.contains("ok       edge cache"), "{text}");
    redis.run::<()>(&user).await;
    let (_, text) = check(&[("REDIS_URI", &uri)]);
    assert!(text.contains("ok       edge cache"), "{text}");
    assert_eq!(redis.run::<u64>(&["DBSIZE"]).await, 0, "the check writes nothing");
}

#[test]
fn what_does_not_speak_the_protocol_of_redis_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8).flatten() {
            let _ = std::io::Write::write_all(&mut &stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (worked, text) = check(&[("REDIS_URI", &format!("redis://{address}"))]);
    let line = text.lines().find(|line| line.contains("REDIS_URI")).unwrap();
    assert!(!worked && line.contains("does not speak the protocol of Redis"), "{text}");
    assert!(!text.contains("Unexpected"), "{text}");
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
            return test_services::skipped("no tmpfs can be mounted (it takes root)");
        }
        let (worked, text) = check(&[("DB_URI", &format!("sqlite://{}/gateway.db", disk.path().display()))]);
        std::process::Command::new("umount").arg("--lazy").arg(disk.path()).status().unwrap();
        assert!(!worked && text.contains(wrong) && !text.contains("ok       database"), "{text}");
    }
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
