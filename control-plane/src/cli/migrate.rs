//! `control-plane migrate`: brings the schema up to date.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use payments_stores::{self as stores, Migrated};
use tokio_util::sync::CancellationToken;

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
    let what = if applied.is_empty() { "nothing to do" } else { "done" };
    let _ = write!(text, "{what}: the schema is at migration {version:04}");
    Ok(text)
}
