//! Data keys that rows name and that their table has lost, so that nothing opens the rows.

use payments::causes::with_causes;
use payments::ports::store::StoreError;

use super::{Database, stored_keys};
use crate::sealed_tables::{Counts, count, count_some};

/// Logs an error if some of the first or last rows of a table name such a key, with the number of all rows that do.
/// Everything else can be served meanwhile, so this stops no start.
pub(super) async fn report(database: &impl Database) {
    if let Err(problem) = look(database).await {
        tracing::warn!(problem = %with_causes(&problem), "it could not be looked whether data keys are missing");
    }
}

async fn look(database: &impl Database) -> Result<(), StoreError> {
    if missing(database, &count_some(database).await?).await?.is_none() {
        return Ok(());
    }
    // Reads every row, which only a damaged database needs.
    let Some((keys, rows)) = missing(database, &count(database).await?).await? else { return Ok(()) };
    tracing::error!(
        data_keys = keys,
        rows,
        "rows name data keys that the database does not have, and cannot be read; put the rows of data_keys back from a backup"
    );
    Ok(())
}

/// The keys that none of the stored ones is, and the rows that need them.
async fn missing(database: &impl Database, counts: &Counts) -> Result<Option<(String, String)>, StoreError> {
    // Read after the rows: a data key is in its table before any row names it.
    let known = stored_keys(database).await?.iter().map(|key| key.id).collect();
    let lost: Vec<_> = counts.others(&known).iter().map(ToString::to_string).collect();
    let rows = counts.of_others(&known);
    let all: u64 = rows.values().sum();
    let tables: Vec<_> = rows.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
    Ok((!lost.is_empty()).then(|| (lost.join(", "), format!("{all} ({})", tables.join(", ")))))
}
