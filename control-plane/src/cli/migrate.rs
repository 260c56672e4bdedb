//! `control-plane migrate`: brings the schema up to date.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use payments_stores::{self as stores, Migrated};
use tokio_util::sync::CancellationToken;

use super::operator::{Access, Operator, Recorded, open_trail};
use crate::config::{Source, db_uri};

/// Applies the missing migrations and lists them.
///
/// # Errors
/// The schema cannot be brought up to date, or the command was told to stop. Each migration is applied as a whole or
/// not at all, so it can be run again.
pub(super) async fn run(source: &Source, stop: &CancellationToken) -> anyhow::Result<String> {
    let uri = db_uri(source)?;
    let Some(migrated) = stop.run_until_cancelled(stores::migrate(&uri)).await else {
        bail!("stopped by a signal before the schema was up to date; run it again");
    };
    let Migrated { applied, version } =
        migrated.context("DB_URI: the schema cannot be brought up to date")?;
    let mut text = String::new();
    for (number, name) in &applied {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "applied {number:04} {name}");
    }
    if !applied.is_empty() {
        record(source, &uri, version).await;
    }
    let what = if applied.is_empty() { "nothing to do" } else { "done" };
    let _ = write!(text, "{what}: the schema is at migration {version:04}");
    Ok(text)
}

/// Records that the schema was changed, as far as the role may: that of the owner need not be the one of a service.
async fn record(source: &Source, uri: &str, version: i64) {
    let written = async {
        let trail = open_trail(uri.into()).await?;
        let (operator, object) = (Operator::new(None, source), format!("schema {version:04}"));
        let recorded = Recorded {
            store: &*trail,
            operator: &operator,
            access: Access::Reads,
            action: "migrate",
            object: &object,
            reason: None,
        };
        recorded.done().await
    };
    let written: anyhow::Result<()> = written.await;
    if let Err(problem) = written {
        logging::say(&format!("warning: the audit trail could not record this command: {problem:#}"));
    }
}
