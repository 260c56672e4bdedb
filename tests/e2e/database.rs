//! A gateway on a managed database: with a role that owns nothing, and behind a connection pool.

use gateway_tests::{Gateway, OwnGateway};
use local_stack::{Options, Stack};
use payments_stores::{self as stores, postgres::grants};
use serde_json::json;
use test_services::{PgBouncer, PostgresServer};

/// Every operation that writes, at both providers, and the lists.
async fn works(gateway: &Gateway<'_>) {
    for (provider, method) in [("stripe", "pm_card_visa"), ("paypal", "vault-ok")] {
        let charge =
            json!({ "provider": provider, "amount": 4999, "currency": "USD", "paymentMethodId": method });
        let charged = gateway.charge(&charge).await;
        charged.succeeds(200, &json!({ "status": "completed" }));
        gateway.refund(&charged.transaction_id(), Some(999)).await.succeeds(200, &json!({}));
        let mut authorize = charge;
        authorize["capture"] = "manual".into();
        let [captured, canceled] = [gateway.charge(&authorize).await, gateway.charge(&authorize).await];
        gateway.capture(&captured.transaction_id(), None).await.succeeds(200, &json!({}));
        let path = format!("/payments/{}/cancel", canceled.transaction_id());
        gateway.post(&path, "{}").await.succeeds(200, &json!({ "status": "canceled" }));
        assert_eq!(gateway.payment(&charged.transaction_id()).await["status"], "completed");
    }
    gateway.get("/payments?limit=5").await.succeeds(200, &json!({}));
}

#[tokio::test]
async fn a_role_with_the_printed_grants_alone_can_serve_and_cannot_change_the_schema() {
    let Some(server) = PostgresServer::own().await else { return };
    let database = server.database().await;
    stores::migrate(database.uri()).await.unwrap();
    database
        .run("CREATE ROLE serves LOGIN PASSWORD 'throwaway'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .await;
    database.run(&grants("serves", "public")).await;
    let uri = database.uri_of("serves", "throwaway");
    let own =
        OwnGateway::start(&[("DB_URI", &uri), ("MIGRATE_ON_START", "if-empty"), ("RECONCILE_EVERY", "5m")])
            .await;
    works(&own.gateway()).await;
    assert!(stores::migrate(&uri).await.is_err(), "it may change the schema");
    let log = std::fs::read_to_string(own.stack.run_dir().log("control-plane")).unwrap();
    assert!(!log.contains("permission denied"), "{log}");
}

#[tokio::test]
async fn a_pool_that_lends_whole_sessions_is_as_good_as_the_server() {
    let Some(server) = PostgresServer::own().await else { return };
    let Some(pool) = PgBouncer::before(&server, "session").await else { return };
    let database = server.database().await;
    let own = OwnGateway::start(&[("DB_URI", &pool.uri(&database))]).await;
    works(&own.gateway()).await;
}

#[tokio::test]
async fn a_pool_that_lends_transactions_is_refused_with_the_reason() {
    let Some(server) = PostgresServer::own().await else { return };
    let Some(pool) = PgBouncer::before(&server, "transaction").await else { return };
    let database = server.database().await;
    stores::migrate(database.uri()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = Options::for_test(folder.path()).unwrap().with("DB_URI", pool.uri(&database));
    let error = format!("{:#}", Stack::start(options).await.unwrap_err());
    assert!(error.contains("use `pool_mode = session`"), "{error}");
}
