//! How far back the event log serves. The rows before are the audit trail, and stay.

use jiff::Timestamp;
use payments::ports::store::StoreError;

use super::{Database, Purpose, Query};
use crate::row::row;
use crate::sealed_row::plain;

/// `$1`: the least number.
const FROM: &str = "SELECT seq, at FROM events WHERE seq >= $1 ORDER BY seq LIMIT 1";
const LAST: &str = "SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1";
const HORIZON: &str = "SELECT first_seq FROM log_horizon";
/// Never moves back. `$1`: first number, `$2`: now.
const MOVE: &str = "INSERT INTO log_horizon (only_row, first_seq, set_at) VALUES (1, $1, $2)
    ON CONFLICT (only_row) DO UPDATE SET first_seq = excluded.first_seq, set_at = excluded.set_at
    WHERE log_horizon.first_seq < excluded.first_seq";

row! {
    /// An event's number and time.
    struct SpanRow {
        seq: i64,
        at: i64,
    }
}

plain! { SpanRow, }

/// The first number that is served; 0: all of them are.
pub(crate) async fn horizon(database: &impl Database) -> Result<i64, StoreError> {
    let found = database.one::<(i64,)>(Purpose::Operators, Query::new(HORIZON)).await?;
    Ok(found.map_or(0, |(first,)| first))
}

/// The number of the first event that is not older than `cutoff`, one more than the last if all are older. Numbers and
/// times rise together but for events of the same moment, so it is found by halves, in a few reads by key.
pub(crate) async fn first_since(database: &impl Database, cutoff: Timestamp) -> Result<i64, StoreError> {
    let Some(last) = database.one::<SpanRow>(Purpose::Operators, Query::new(LAST)).await? else {
        return Ok(0);
    };
    let cutoff = cutoff.as_microsecond();
    if last.at < cutoff {
        return Ok(last.seq + 1);
    }
    let (mut old, mut young) = (0, last.seq);
    while old < young {
        let middle = old + (young - old) / 2;
        let found = database.one::<SpanRow>(Purpose::Operators, Query::new(FROM).with(middle)).await?;
        match found {
            Some(row) if row.at < cutoff => old = row.seq + 1,
            Some(row) => young = middle.min(row.seq),
            None => young = middle,
        }
    }
    Ok(young)
}

pub(crate) async fn move_to(database: &impl Database, first: i64, now: Timestamp) -> Result<(), StoreError> {
    let query = Query::new(MOVE).with(first).with(now.as_microsecond());
    database.execute(Purpose::Operators, query).await.map(drop)
}
