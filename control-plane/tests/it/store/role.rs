//! A role as `serve` should have it.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::common::TestStore;

/// The same database for a role that may read and write its tables, and change none of them.
pub(crate) async fn role_without_ddl(test: &TestStore) -> String {
    let mut uri: reqwest::Url = test.uri().parse().unwrap();
    let role = format!("serves_{}", uri.path().trim_start_matches('/'));
    let mut connection = PgConnection::connect(test.uri()).await.unwrap();
    for sql in [
        format!("DROP ROLE IF EXISTS {role}"),
        format!("CREATE ROLE {role} LOGIN PASSWORD 'throwaway'"),
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
        // As on servers where nobody has a right that was not given.
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC".to_owned(),
        payments_stores::postgres::grants(&role, "public"),
    ] {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    uri.set_username(&role).unwrap();
    uri.set_password(Some("throwaway")).unwrap();
    uri.to_string()
}
