//! The audit trail at the end of a run: it is whole, and a checkpoint whose row was changed is named.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::model::Broken;

/// Longer than the lease on sealing of a process that died (20 seconds).
const SEALED_WITHIN: Duration = Duration::from_secs(60);
/// An event after which nothing would ever be sealed.
const FAR: i64 = 100_000_000;

/// Verifies the trail, changes the position in its newest checkpoint, which no signature covers, and verifies it again.
/// The database is of no use afterwards.
pub(crate) async fn judge(cluster: &Cluster) -> Vec<Broken> {
    let Some(size) = sealed(cluster.database()).await else {
        return broken(format!("nothing was sealed within {} s", SEALED_WITHIN.as_secs()));
    };
    let (is_whole, report) = verify(cluster).await;
    if !is_whole {
        return broken(report);
    }
    misplace(cluster.database(), size).await;
    let (is_whole, report) = verify(cluster).await;
    let named = format!("the checkpoint of {size} records says that sealing continues after event {FAR} ");
    if is_whole || !report.contains(&named) {
        return broken(format!("the checkpoint of {size} records was changed, and is not named: {report}"));
    }
    Vec::new()
}

fn broken(what: String) -> Vec<Broken> {
    vec![Broken::new("P8", what)]
}

/// Whether the trail is what was sealed and anchored, and the report of it.
async fn verify(cluster: &Cluster) -> (bool, String) {
    let output = cluster.operator(&["audit", "verify"]).output().await.unwrap();
    let report = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&report).into_owned())
}

/// The records that the newest checkpoint covers. `None`: there is none in time.
async fn sealed(database: &str) -> Option<i64> {
    let deadline = Instant::now() + SEALED_WITHIN;
    while Instant::now() < deadline {
        if let Some(size) = newest_checkpoint(database).await {
            return Some(size);
        }
        sleep(Duration::from_millis(200)).await;
    }
    None
}

async fn newest_checkpoint(database: &str) -> Option<i64> {
    const NEWEST: &str = "SELECT max(size) FROM audit_checkpoints";
    if database.starts_with("postgres") {
        let mut connection = PgConnection::connect(database).await.unwrap();
        sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await.unwrap()
    } else {
        let mut connection = SqliteConnection::connect(database).await.unwrap();
        sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await.unwrap()
    }
}

/// Changes a checkpoint with the rights of the database's owner, whom no trigger stops.
async fn misplace(database: &str, size: i64) {
    let change = format!("UPDATE audit_checkpoints SET event = {FAR} WHERE size = {size}");
    if database.starts_with("postgres") {
        let mut connection = PgConnection::connect(database).await.unwrap();
        let sql = format!("SET session_replication_role = replica; {change}");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    } else {
        let mut connection = SqliteConnection::connect(database).await.unwrap();
        let sql = format!("DROP TRIGGER audit_checkpoints_are_not_changed; {change}");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
}
