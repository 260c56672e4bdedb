//! The entries of payments under their customer references: made for payments of before, and made again when their key
//! is replaced.

use payments::ports::clock::{Clock as _, SystemClock};
use sealing::{OpenError, Sealer, ValueAddress};
use serde::Deserialize;

use super::batch::ROWS;
use super::progress::ResealProgress;
use super::reseal::ResealPart;
use crate::KeyProblem;
use crate::row::row;
use crate::sealed::Customer;
use crate::sealed_row::plain;
use crate::sql::data_keys::DataKeys;
use crate::sql::{Database, Purpose, Query};

/// `$1`: client, `$2`: index, `$3`: payment, `$4`: key of the index.
const ENTER: &str =
    "INSERT INTO payment_customers (client, customer, payment, index_key) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";
/// `$1`: client, `$2`: index, `$3`: payment.
const LEAVE: &str = "DELETE FROM payment_customers WHERE client = $1 AND customer = $2 AND payment = $3";
/// Entries of another key. `$1` to `$3`: the entry to continue after, `$4`: the key of indexes, `$5`: the last payment,
/// `$6`: limit.
const OTHERS: &str = "SELECT c.client, c.customer, c.payment, p.request
    FROM payment_customers AS c JOIN payments AS p ON p.id = c.payment
    WHERE (c.client, c.customer, c.payment) > ($1, $2, $3) AND c.index_key <> $4 AND c.payment <= $5
    ORDER BY c.client, c.customer, c.payment LIMIT $6";

row! {
    pub(crate) struct EntryRow {
        client: String,
        customer: String,
        payment: String,
        request: String,
    }
}

plain! { EntryRow, }

/// An entry that is to be made.
pub(super) struct Entry {
    client: String,
    payment: String,
    customer: Customer,
}

/// The part of a stored request that is indexed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Indexed {
    customer_reference: Option<String>,
}

impl Entry {
    /// `None` if the request has no customer reference.
    pub(super) fn of(client: &str, payment: &str, request: &str, sealer: &Sealer) -> Option<Self> {
        let reference = serde_json::from_str::<Indexed>(request).ok()?.customer_reference?;
        let customer = Customer::new(client, &reference, sealer).ok()?;
        Some(Self { client: client.to_owned(), payment: payment.to_owned(), customer })
    }
}

pub(super) fn enter(entry: &Entry) -> Query {
    Query::new(ENTER)
        .with(entry.client.as_str())
        .with(entry.customer.index.to_string())
        .with(entry.payment.as_str())
        .with(entry.customer.key_text())
}

/// Replaces the next few entries whose key is not the newest, up to those of the payment `end`.
pub(super) async fn walk(
    database: &impl Database,
    keys: &DataKeys,
    progress: &mut ResealProgress,
    end: &str,
) -> Result<ResealPart, KeyProblem> {
    // Payments that others enter meanwhile have the newest key, once they know of it.
    keys.look_up(database).await?;
    let newest = keys.sealer.index_key().map(|key| key.to_string()).unwrap_or_default();
    let place = |n: usize| progress.place.get(n).cloned().unwrap_or_default();
    let others = Query::new(OTHERS).with(place(0)).with(place(1)).with(place(2)).with(newest);
    let others = others.with(end).with(i64::from(ROWS));
    let rows: Vec<EntryRow> = database.all(Purpose::Operators, others).await?;
    let mut part = ResealPart {
        table: progress.table.clone(),
        rows_seen: 0,
        rows_sealed: 0,
        batch: u64::try_from(rows.len()).unwrap_or(u64::MAX),
        unreadable: Vec::new(),
        is_kept: false,
        is_done: rows.len() < usize::try_from(ROWS).unwrap_or(usize::MAX),
    };
    for row in &rows {
        let at = ValueAddress { table: "payments", column: "request", row: &row.payment };
        let entry = match keys.sealer.open_or_plain_text(at, row.request.clone()) {
            Ok(request) => Entry::of(&row.client, &row.payment, &request, &keys.sealer),
            // What has ended is not found by its customer any more.
            Err(OpenError::Erased(_)) => None,
            Err(_) => {
                part.unreadable.push(row.payment.clone());
                continue;
            }
        };
        // The new one first: at no time is the payment not found.
        if let Some(entry) = &entry {
            database.execute(Purpose::Operators, enter(entry)).await?;
        }
        let leave = Query::new(LEAVE)
            .with(row.client.as_str())
            .with(row.customer.as_str())
            .with(row.payment.as_str());
        database.execute(Purpose::Operators, leave).await?;
        progress.rows_sealed += 1;
    }
    if let Some(last) = rows.last() {
        progress.place = vec![last.client.clone(), last.customer.clone(), last.payment.clone()];
    }
    progress.rows_seen += part.batch;
    progress.finished_at = part.is_done.then(|| SystemClock.now());
    (part.rows_seen, part.rows_sealed) = (progress.rows_seen, progress.rows_sealed);
    Ok(part)
}
