//! Refuses TLS that is older than 1.3. The driver has no setting for it, so each new connection is asked before it is
//! used.

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::refusal::{NO_RIGHT, is_told};

/// The version of TLS, if it is an old one. Behind a pool like PgBouncer, this is the pool's connection to the server.
const OLD: &str =
    "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl AND version <> 'TLSv1.3'";

#[derive(Debug, thiserror::Error)]
#[error(
    "the server speaks {0}, and TLS 1.3 is needed: set ssl_min_protocol_version = 'TLSv1.3' in postgresql.conf, and no \
     lower ssl_max_protocol_version"
)]
struct OldTls(String);

pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    refuse_old_tls(&mut connection).await?;
    Ok(connection)
}

pub(super) async fn refuse_old_tls(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    match sqlx::raw_sql(OLD).fetch_all(connection).await {
        Ok(rows) => match rows.first() {
            None => Ok(()),
            Some(row) => Err(sqlx::Error::Tls(Box::new(OldTls(row.try_get(0)?)))),
        },
        // A server that does not let us look is as usable as before.
        Err(problem) if is_told(&problem, NO_RIGHT) => Ok(()),
        Err(problem) => Err(problem),
    }
}
