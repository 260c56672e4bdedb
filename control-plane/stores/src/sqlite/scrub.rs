//! Removes what the files still hold of overwritten values.

use std::time::Duration;

use payments::ports::store::StoreError;
use sqlx::{Row as _, SqliteConnection, SqlitePool};

use crate::sql::Scrubbed;
use crate::unavailable;

/// Bytes that are rewritten in about a second, within the time that a payment waits for the writer.
const SMALL: u64 = 64 * 1024 * 1024;
/// Attempts to empty the log, which needs a moment without readers.
const TRIES: u8 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Rewrites the database without its free pages, then empties the write-ahead log.
pub(super) async fn scrub(writer: &SqlitePool, even_if_large: bool) -> Result<Scrubbed, StoreError> {
    let mut connection = writer.acquire().await.map_err(unavailable)?;
    let bytes = size(&mut connection).await.map_err(unavailable)?;
    if bytes > SMALL && !even_if_large {
        return Ok(Scrubbed::TooLarge { bytes });
    }
    sqlx::query("VACUUM").execute(&mut *connection).await.map_err(unavailable)?;
    for _ in 0..TRIES {
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
        if row.and_then(|row| row.try_get::<i64, _>(0)).map_err(unavailable)? == 0 {
            return Ok(Scrubbed::Done);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Scrubbed::Busy)
}

async fn size(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let number = async |connection: &mut SqliteConnection, sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql).fetch_one(connection).await
    };
    let pages = number(connection, "PRAGMA page_count").await?;
    let bytes = number(connection, "PRAGMA page_size").await?;
    Ok(u64::try_from(pages.saturating_mul(bytes)).unwrap_or(u64::MAX))
}
