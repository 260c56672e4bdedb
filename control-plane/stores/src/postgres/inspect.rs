//! A look at a server that a service may be using.

use sqlx::{Connection as _, PgConnection};

use super::grants::RIGHTS;
use super::{pooling, schema, unavailable};
use crate::{Inspection, OpenError};

/// # Errors
/// If the database cannot be reached.
pub(crate) async fn inspect(uri: &str) -> Result<Inspection, OpenError> {
    let options = super::options(uri).map_err(unavailable)?;
    let mut connection = schema::connect(&options).await.map_err(unavailable)?;
    let mut problems = Vec::new();
    problems
        .extend(pooling::refuse_transactions(&options, &mut connection).await.err().map(|e| e.to_string()));
    let version: String =
        sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await.map_err(unavailable)?;
    let read_only: String = sqlx::query_scalar("SHOW transaction_read_only")
        .fetch_one(&mut connection)
        .await
        .map_err(unavailable)?;
    if read_only == "on" {
        problems.push("it takes no writes: a standby, or `default_transaction_read_only` is on".to_owned());
    }
    let schema = schema::version(&mut connection).await;
    if schema.is_ok() {
        problems.extend(missing_rights(&mut connection).await.map_err(unavailable)?);
    }
    connection.close().await.map_err(unavailable)?;
    Ok(Inspection { product: format!("PostgreSQL {version}"), schema, problems })
}

async fn missing_rights(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let mut missing = Vec::new();
    for (table, rights) in RIGHTS {
        for right in rights {
            let query =
                sqlx::query_scalar::<_, bool>("SELECT has_table_privilege($1, $2)").bind(table).bind(*right);
            if !query.fetch_one(&mut *connection).await? {
                missing.push(format!("{right} on {table}"));
            }
        }
    }
    Ok((!missing.is_empty()).then(|| {
        let missing = missing.join(", ");
        format!("this role lacks {missing}; run what `control-plane migrate --print-grants ROLE` prints")
    }))
}
