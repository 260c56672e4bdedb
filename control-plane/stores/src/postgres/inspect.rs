//! Inspection of a server that a service may be using.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::grants::{MISSING, MissingRights};
use super::schema_location::SchemaLocation;
use super::{pooling, schema, unavailable};
use crate::{DatabaseSettings, Inspection, OpenError, SchemaError};

/// The connections that the server leaves to roles other than superusers, or the limit of this role or this database if
/// it is lower (-1: no limit), and how many are in use.
const CONNECTIONS: &str = "
    SELECT least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
        (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())),
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')";

/// # Errors
/// Returns an error if the database is unreachable.
pub(crate) async fn inspect(settings: &DatabaseSettings) -> Result<Inspection, OpenError> {
    let options = super::options(&settings.uri).map_err(unavailable)?;
    let mut connection = schema::connect(&options).await.map_err(SchemaError::from)?;
    let mut problems = Vec::new();
    problems
        .extend(pooling::refuse_transactions(&options, &mut connection).await.err().map(|e| e.to_string()));
    problems.extend(schema::refuse_other_encodings(&mut connection).await.err().map(|e| e.to_string()));
    let version: String =
        sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await.map_err(unavailable)?;
    let read_only: String = sqlx::query_scalar("SHOW transaction_read_only")
        .fetch_one(&mut connection)
        .await
        .map_err(unavailable)?;
    if read_only == "on" {
        problems.push(
            "the server takes no writes: it is a standby, or `default_transaction_read_only` is on"
                .to_owned(),
        );
    }
    let location = SchemaLocation::of(&mut connection).await.map_err(unavailable)?;
    let schema = match location.check_seen() {
        Ok(()) => schema::version(&mut connection).await,
        Err(problem) => Err(problem.into()),
    };
    if schema.is_ok() {
        problems.extend(missing_rights(&mut connection).await.map_err(unavailable)?);
    }
    // Without a usable schema (`current_schema()` is NULL), there is none to create tables in.
    let may_migrate = "SELECT COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false)";
    let may_migrate: bool =
        sqlx::query_scalar(may_migrate).fetch_one(&mut connection).await.map_err(unavailable)?;
    let (connections, used): (i32, i64) =
        sqlx::query_as(CONNECTIONS).fetch_one(&mut connection).await.map_err(unavailable)?;
    connection.close().await.map_err(unavailable)?;
    let (wanted, connections_max) = (settings.connections_of_a_process(), u32::try_from(connections).ok());
    let free = i64::from(connections).saturating_sub(used);
    let is_roomy = problems.is_empty() && free >= i64::from(wanted.saturating_mul(2));
    Ok(Inspection {
        product: format!("PostgreSQL {version}, schema {}", location.name()),
        schema,
        may_migrate,
        connections_max,
        connections_served: if is_roomy { Some(pooling::served(&options, wanted).await) } else { None },
        problems,
        warnings: Vec::new(),
    })
}

async fn missing_rights(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let missing = sqlx::query_as(AssertSqlSafe(MISSING.as_str())).fetch_all(connection).await?;
    Ok((!missing.is_empty()).then(|| MissingRights::of(missing).to_string()))
}
