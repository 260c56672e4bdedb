//! Data keys whose values have all ended: found, held back while money depends on a value, and erased.

use jiff::{SignedDuration, Timestamp};
use payments::model::id::PaymentId;
use payments::ports::store::StoreError;
use sealing::{Class, DataKeyId, format};

use super::needed::{event_is_needed, payment_is_needed};
use super::rows::BatchRow;
use crate::sql::data_keys::{KeyPurpose, Span, StoredKey, stored_keys};
use crate::sql::{Argument, Database, Purpose, Query};

/// The most by which a value can be younger than the next key, or its row older than its own: clocks of processes
/// differ by a minute at most, a process reads of a new key within some minutes, and a commit may wait.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);
/// Rows of a batch that is only read.
const ROWS: usize = 1_000;

/// A key whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndingKey {
    pub(super) id: DataKeyId,
    /// Its values' rows are of this time.
    pub(super) span: Span,
}

/// The living keys of a class with the time of their values' rows, the oldest first. The one that seals is not among
/// them: nobody knows what it will still seal.
async fn spans(database: &impl Database, class: Class) -> Result<Vec<EndingKey>, StoreError> {
    let of_class = |key: &&StoredKey| key.purpose == KeyPurpose::Values(class) && !key.is_erased;
    let stored = stored_keys(database).await?;
    let mut spans = Vec::new();
    for key in stored.iter().filter(of_class) {
        // Keys are in the order of their making. What was made to replace a retired key seals nothing new.
        let makes_old = |other: &&StoredKey| {
            other.purpose == key.purpose && other.span.is_none() && other.created_at > key.created_at
        };
        let next = stored.iter().find(makes_old);
        let since = key.created_at - MARGIN;
        let own = next.map(|next| Span { since, until: next.created_at + MARGIN });
        spans.extend(key.span.or(own).map(|span| EndingKey { id: key.id, span }));
    }
    spans.sort_by_key(|key| (key.span.since, key.id));
    Ok(spans)
}

/// The keys whose values are all older than `cutoff`, the oldest first.
pub(super) async fn ending(
    database: &impl Database,
    class: Class,
    cutoff: Timestamp,
) -> Result<Vec<EndingKey>, StoreError> {
    let mut spans = spans(database, class).await?;
    spans.retain(|key| key.span.until < cutoff);
    Ok(spans)
}

/// Whether a key of the class was erased, so that some of its values have ended.
pub(super) async fn has_ended(database: &impl Database, class: Class) -> Result<bool, StoreError> {
    let stored = stored_keys(database).await?;
    Ok(stored.iter().any(|key| key.is_erased && key.purpose == KeyPurpose::Values(class)))
}

/// Reads the next rows of a key's time after `place`: which of them it seals, and what keeps it.
pub(super) async fn rows<D: Database>(
    database: &D,
    class: Class,
    key: EndingKey,
    place: &[String],
) -> Result<Vec<BatchRow>, StoreError> {
    let sealed = format!("{}{}", format::PREFIX, key.id);
    let limit = i64::try_from(ROWS).unwrap_or(i64::MAX);
    let query = match class {
        Class::Payers => {
            let first = PaymentId::new(key.span.since, [0; 10]).to_string();
            let last = PaymentId::new(key.span.until, [0; 10]).to_string();
            let after = place.first().cloned().unwrap_or(first);
            Query::new(PAYMENTS).with(after).with(last).with(sealed).with(limit)
        }
        Class::Webhooks => {
            let (after, provider, id) = match place {
                [at, provider, id] => (at.parse().unwrap_or(0), provider.as_str(), id.as_str()),
                _ => (key.span.since.as_microsecond(), "", ""),
            };
            let query = Query::new(EVENTS).with(Argument::Number(after)).with(provider).with(id);
            query.with(key.span.until.as_microsecond()).with(sealed.into_bytes()).with(limit)
        }
        Class::Kept => return Ok(Vec::new()),
    };
    database.all(Purpose::Operators, query).await
}

/// Whether a batch is the last one of its key.
pub(super) fn is_last(rows: &[BatchRow]) -> bool {
    rows.len() < ROWS
}

/// `$1`: the payment to continue after, `$2`: the first one of a later time, `$3`: the head of the key's values, `$4`:
/// limit.
const PAYMENTS: &str = concat!(
    "SELECT p.id AS first, CAST(NULL AS TEXT) AS second, CAST(NULL AS TEXT) AS third,
            CAST(CASE WHEN substr(p.request, 1, 21) = $3 THEN 1 ELSE 0 END AS BIGINT) AS ends,
            CASE WHEN substr(p.request, 1, 21) = $3 AND ",
    payment_is_needed!(),
    " THEN p.id END AS held, CAST(NULL AS TEXT) AS data_key
     FROM payments AS p WHERE p.id > $1 AND p.id < $2 ORDER BY p.id LIMIT $4"
);

/// `$1`, `$2`, `$3`: the event to continue after, `$4`: until when, `$5`: the head of the key's values, `$6`: limit.
const EVENTS: &str = concat!(
    "SELECT CAST(t.received_at AS TEXT) AS first, t.provider AS second, t.id AS third,
            CAST(CASE WHEN substr(t.body, 1, 21) = $5 THEN 1 ELSE 0 END AS BIGINT) AS ends,
            CASE WHEN substr(t.body, 1, 21) = $5 AND ",
    event_is_needed!(),
    " THEN t.id END AS held, CAST(NULL AS TEXT) AS data_key
     FROM webhook_events AS t
     WHERE (t.received_at, t.provider, t.id) > ($1, $2, $3) AND t.received_at < $4
     ORDER BY t.received_at, t.provider, t.id LIMIT $6"
);

/// A value of the key that is needed and of another time, like that of a payment that was recorded long after it was
/// made: found by what is due. `$1`: the head of the key's values.
const NEEDED_OF_ANOTHER_TIME: [&str; 3] = [
    "SELECT id FROM payments WHERE due_at IS NOT NULL AND substr(request, 1, 21) = $1 LIMIT 1",
    "SELECT p.id FROM watches AS w JOIN payments AS p ON p.id = w.payment
     WHERE substr(p.request, 1, 21) = $1 LIMIT 1",
    "SELECT p.id FROM refunds AS f JOIN payments AS p ON p.id = f.payment
     WHERE f.due_at IS NOT NULL AND substr(p.request, 1, 21) = $1 LIMIT 1",
];

/// What still needs a value of the key, whatever its time is.
pub(super) async fn needed(
    database: &impl Database,
    class: Class,
    key: DataKeyId,
) -> Result<Option<String>, StoreError> {
    let sealed = format!("{}{key}", format::PREFIX);
    if class == Class::Webhooks {
        let due = "SELECT id FROM webhook_events
                   WHERE state IN ('received', 'failed') AND substr(body, 1, 21) = $1 LIMIT 1";
        let query = Query::new(due).with(sealed.into_bytes());
        return Ok(database.one::<(String,)>(Purpose::Operators, query).await?.map(|(id,)| id));
    }
    for sql in NEEDED_OF_ANOTHER_TIME {
        let query = Query::new(sql).with(sealed.as_str());
        if let Some((id,)) = database.one::<(String,)>(Purpose::Operators, query).await? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// `$1`: id, `$2`: nothing, `$3`: now.
const ERASE: &str = "UPDATE data_keys
    SET wrapped = $2, wrapped_by = '', retired_at = coalesce(retired_at, $3), erased_at = $3
    WHERE id = $1 AND erased_at IS NULL";

/// Deletes the key itself. What it has sealed cannot be read any more, and neither can copies of it.
pub(super) async fn erase(
    database: &impl Database,
    key: DataKeyId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let erase = Query::new(ERASE).with(key.to_string()).with(Vec::<u8>::new()).with(now.as_microsecond());
    database.execute(Purpose::Operators, erase).await.map(drop)
}
