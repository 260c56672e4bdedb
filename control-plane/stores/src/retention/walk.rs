//! Rows that are deleted: looked at in the order of their keys, a few at a time.

use std::borrow::Cow;

use jiff::Timestamp;
use payments::model::id::PaymentId;
use payments::ports::store::StoreError;
use sqlx::AssertSqlSafe;

use super::needed::{event_is_needed, payment_is_needed};
use super::rows::BatchRow;
use crate::sql::{Argument, Database, Purpose, Query};

/// Rows of a batch. While they are deleted, SQLite's one writer makes no payment wait for more than some milliseconds.
pub(super) const ROWS: usize = 200;

/// A table whose rows end.
pub(super) struct RowWalk {
    pub(super) table: &'static str,
    /// The columns that order the walk, and whether they are numbers.
    pub(super) key: &'static [(&'static str, bool)],
    /// SQL that holds for a row `t` that is looked at at all. Without it, a busy service could make rows ahead of the
    /// walk faster than it looks at them.
    pub(super) until: Cow<'static, str>,
    /// SQL that holds for a row `t` whose time is over; `$1` is the end, or what the table says of it.
    pub(super) is_over: Cow<'static, str>,
    /// SQL for what needs the row `t` all the same; NULL: nothing.
    pub(super) held_by: &'static str,
    /// SQL for the data key of a value of the row `t` that ends only with the row; NULL: there is none.
    pub(super) data_key: &'static str,
}

const NONE: &str = "CAST(NULL AS TEXT)";

/// How long the rows of attestations are kept. They only have to outlive the attestations, which are fresh for two
/// minutes; the rest is for clocks that differ. An hour, in microseconds.
const ATTESTATIONS_US: i64 = 3_600_000_000;

/// A repeat of a request is answered from its row, and a payment that is not decided is found by it. Nothing needs the
/// row of an attestation, whose fingerprint is its scope.
pub(super) fn keys(began_at: Timestamp) -> RowWalk {
    let began_at = began_at.as_microsecond();
    let attested = began_at.saturating_sub(ATTESTATIONS_US);
    RowWalk {
        table: "idempotency_keys",
        key: &[("scope", false)],
        until: Cow::Owned(format!("t.created_at <= {began_at}")),
        is_over: Cow::Owned(format!(
            "(t.created_at < $1 OR (t.fingerprint = t.scope AND t.created_at < {attested}))"
        )),
        held_by: concat!(
            "(SELECT p.id FROM payments AS p
              WHERE p.id = coalesce(t.payment, (SELECT r.payment FROM refunds AS r WHERE r.id = t.refund))
                AND t.fingerprint <> t.scope AND ",
            payment_is_needed!(),
            ")"
        ),
        data_key: "CASE WHEN substr(t.answer_body, 1, 5) = 'enc1:' THEN substr(t.answer_body, 6, 16) END",
    }
}

/// A dismissed event stays: its row is an operator's decision.
pub(super) const EVENTS: RowWalk = RowWalk {
    table: "webhook_events",
    key: &[("received_at", true), ("provider", false), ("id", false)],
    until: Cow::Borrowed("t.received_at < $1"),
    is_over: Cow::Borrowed(
        "t.received_at < $1
         AND NOT (t.state = 'ignored' AND substr(coalesce(t.reason, ''), 1, 11) = 'dismissed: ')",
    ),
    held_by: concat!("CASE WHEN ", event_is_needed!(), " THEN t.id END"),
    data_key: NONE,
};

const CUSTOMERS_KEY: &[(&str, bool)] = &[("client", false), ("customer", false), ("payment", false)];

/// The entries under their customers of payments that have ended, whatever their time is: those whose data key was
/// erased. `$1` is how sealed values begin; the key's 16 digits follow.
pub(super) fn customers(began_at: Timestamp) -> RowWalk {
    RowWalk {
        table: "payment_customers",
        key: CUSTOMERS_KEY,
        until: Cow::Owned(format!("t.payment <= '{}'", PaymentId::new(began_at, [u8::MAX; 10]))),
        is_over: Cow::Borrowed(
            "EXISTS (SELECT 1 FROM payments AS p
                     WHERE p.id = t.payment AND substr(p.request, 1, 5) = $1
                       AND substr(p.request, 6, 16) IN
                           (SELECT k.id FROM data_keys AS k WHERE k.erased_at IS NOT NULL))",
        ),
        held_by: NONE,
        data_key: NONE,
    }
}

/// The entries that end if no payment is held. `$1` is the first payment that is kept. Plain payments do not end.
pub(super) const CUSTOMERS_PLANNED: RowWalk = RowWalk {
    table: "payment_customers",
    key: CUSTOMERS_KEY,
    until: Cow::Borrowed("t.payment < $1"),
    is_over: Cow::Borrowed(
        "t.payment < $1 AND EXISTS (SELECT 1 FROM payments AS p
                                    WHERE p.id = t.payment AND substr(p.request, 1, 5) = 'enc1:')",
    ),
    held_by: NONE,
    data_key: NONE,
};

/// What a batch found.
pub(super) struct Batch {
    pub(super) rows: Vec<BatchRow>,
    pub(super) ended: u64,
}

impl RowWalk {
    /// The condition for being after (`>`) or up to (`<=`) a place whose parts are the parameters from `$first` on.
    fn beside(&self, operator: &str, first: usize) -> String {
        let names: Vec<_> = self.key.iter().map(|(name, _)| format!("t.{name}")).collect();
        let values = self.key.iter().zip(first..).map(|((_, is_number), n)| match is_number {
            true => format!("CAST(CAST(${n} AS TEXT) AS BIGINT)"),
            false => format!("${n}"),
        });
        format!("({}) {operator} ({})", names.join(", "), values.collect::<Vec<_>>().join(", "))
    }

    /// Reads the next rows after `place`. `end` is `$1`.
    async fn read(
        &self,
        database: &impl Database,
        place: &[String],
        end: &Argument,
    ) -> Result<Vec<BatchRow>, StoreError> {
        let Self { table, until, is_over, held_by, data_key, .. } = self;
        let mut columns = self.key.iter().map(|(name, is_number)| match is_number {
            true => format!("CAST(t.{name} AS TEXT)"),
            false => format!("t.{name}"),
        });
        let mut column = || columns.next().unwrap_or_else(|| NONE.to_owned());
        let (first, second, third) = (column(), column(), column());
        let behind = if place.is_empty() { "TRUE".to_owned() } else { self.beside(">", 2) };
        let names: Vec<_> = self.key.iter().map(|(name, _)| format!("t.{name}")).collect();
        let sql = format!(
            "SELECT {first} AS first, {second} AS second, {third} AS third,
                    CAST(CASE WHEN {is_over} AND {held_by} IS NULL THEN 1 ELSE 0 END AS BIGINT) AS ends,
                    CASE WHEN {is_over} THEN {held_by} END AS held, {data_key} AS data_key
             FROM {table} AS t WHERE {behind} AND {until} ORDER BY {} LIMIT ${}",
            names.join(", "),
            place.len() + 2,
        );
        let query = place
            .iter()
            .fold(Query::new(AssertSqlSafe(sql)).with(end.clone()), |query, part| query.with(part.as_str()));
        database.all(Purpose::Operators, query.with(i64::try_from(ROWS).unwrap_or(i64::MAX))).await
    }

    /// Deletes the rows after `place` and up to `last` whose time is over, or only looks at them.
    pub(super) async fn batch(
        &self,
        database: &impl Database,
        place: &[String],
        end: Argument,
        is_plan: bool,
    ) -> Result<Batch, StoreError> {
        let rows = self.read(database, place, &end).await?;
        let found = rows.iter().filter(|row| row.ends != 0).count();
        let mut ended = u64::try_from(found).unwrap_or(u64::MAX);
        if let Some(last) = rows.last().filter(|_| ended > 0 && !is_plan) {
            ended = self.delete(database, place, &last.place(), end).await?;
        }
        Ok(Batch { rows, ended })
    }

    async fn delete(
        &self,
        database: &impl Database,
        place: &[String],
        last: &[String],
        end: Argument,
    ) -> Result<u64, StoreError> {
        let Self { table, is_over, held_by, key, .. } = self;
        let behind = if place.is_empty() { "TRUE".to_owned() } else { self.beside(">", 2 + key.len()) };
        let sql = format!(
            "DELETE FROM {table} AS t WHERE {} AND {behind} AND {is_over} AND {held_by} IS NULL",
            self.beside("<=", 2)
        );
        let query = Query::new(AssertSqlSafe(sql)).with(end);
        let parts = last.iter().chain(place);
        let query = parts.fold(query, |query, part| query.with(part.as_str()));
        database.execute(Purpose::Operators, query).await
    }
}
