//! Sealing what is there: values of before there were keys, and those of retired data keys.
//!
//! Each table is walked in the order of its keys, a few rows at a time, up to the last row that was there when the run
//! began or continued. Those who make rows meanwhile seal them; what a process that does not know the newest keys yet,
//! or has none, has written is counted at the end ([`super::KeyMaintenance::left`]). A value is replaced only if it is
//! still the one that was read, so a payment that moves meanwhile wins, and is sealed anyway. The progress is kept
//! after each batch, so that an interrupted run continues there.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::StoreError;
use sealing::{Class, DataKeyId, PlainValues, ValueAddress, format};

use super::batch::{self, BatchRow, Replacement};
use super::customers;
use super::progress::{self, ResealProgress};
use crate::KeyProblem;
use crate::sealed_tables::{CUSTOMERS, SealedColumn, SealedTable, TABLES, is_trail_kept};
use crate::sql::data_keys::{DataKeys, stored_keys};
use crate::sql::{Argument, Database, Purpose};

/// Microseconds, as times are stored.
const A_DAY: i64 = 86_400_000_000;

/// The progress of one run.
#[derive(Debug, Default)]
pub struct Reseal {
    /// `None` before the first batch.
    run: Option<ResealRun>,
}

#[derive(Debug)]
struct ResealRun {
    /// The walks that are still to be done, the next one last.
    left: Vec<TableWalk>,
    /// Keys whose values are to be sealed with another one: those that were retired.
    retired: HashSet<DataKeyId>,
}

/// The walk through one table.
#[derive(Debug)]
struct TableWalk {
    progress: ResealProgress,
    /// The last row that it looks at, see [`batch::end`].
    end: String,
}

/// What a batch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResealPart {
    pub table: String,
    /// Rows of the table that were looked at, in this run and in the interrupted ones that it continues.
    pub rows_seen: u64,
    /// Rows of the table in which a value was sealed.
    pub rows_sealed: u64,
    /// Rows that were looked at by this batch.
    pub batch: u64,
    /// Rows of this batch that cannot be opened, and are left as they are.
    pub unreadable: Vec<String>,
    pub is_done: bool,
    /// Whether the rows were left as they are, because the audit trail is sealed.
    pub is_kept: bool,
}

impl Reseal {
    pub(super) async fn next<D: Database>(
        &mut self,
        database: &Arc<D>,
        keys: &Arc<DataKeys>,
    ) -> Result<Option<ResealPart>, KeyProblem> {
        if self.run.is_none() {
            keys.open(&**database).await?;
            self.run = Some(ResealRun::begin(&**database).await?);
        }
        keys.prepare(database).await?;
        let Some(run) = &mut self.run else { return Ok(None) };
        let Some(next) = run.left.last_mut() else { return Ok(None) };
        let part = match TABLES.iter().find(|table| table.name == next.progress.table) {
            Some(table) => walk(&**database, keys, table, next, &run.retired).await?,
            None => customers::walk(&**database, keys, &mut next.progress, &next.end).await?,
        };
        next.progress.keep(&**database).await?;
        if part.is_done {
            run.left.pop();
        }
        Ok(Some(part))
    }
}

impl ResealRun {
    /// Goes on where the last run was interrupted, or begins a new one.
    async fn begin(database: &impl Database) -> Result<Self, KeyProblem> {
        let names = TABLES.iter().map(|table| table.name).chain([CUSTOMERS]);
        let mut left = progress::all(database).await?;
        left.retain(|progress| progress.finished_at.is_none());
        if left.is_empty() {
            left = names.clone().map(ResealProgress::begin).collect();
            for progress in &left {
                progress.keep(database).await?;
            }
        }
        // Customers' entries come last, when every payment has one.
        left.sort_by_key(|progress| std::cmp::Reverse(names.clone().position(|name| name == progress.table)));
        let retired = stored_keys(database).await?.into_iter().filter(|key| key.is_retired && !key.is_erased);
        let mut walks = Vec::new();
        for progress in left {
            walks.push(TableWalk { end: end(database, &progress.table).await?, progress });
        }
        Ok(Self { left: walks, retired: retired.map(|key| key.id).collect() })
    }
}

/// Where the walk through a table, or through customers' entries, ends.
async fn end(database: &impl Database, name: &str) -> Result<String, StoreError> {
    // Each entry is of a payment.
    let name = if name == CUSTOMERS { "payments" } else { name };
    match TABLES.iter().find(|table| table.name == name) {
        Some(table) => batch::end(database, table).await,
        None => Ok(String::new()),
    }
}

/// Seals the next batch of a table.
async fn walk<D: Database>(
    database: &D,
    keys: &DataKeys,
    table: &'static SealedTable,
    TableWalk { progress, end }: &mut TableWalk,
    retired: &HashSet<DataKeyId>,
) -> Result<ResealPart, KeyProblem> {
    let is_kept = table.is_trail() && is_trail_kept(database).await?;
    let rows: Vec<BatchRow> =
        database.all(Purpose::Operators, batch::read::<D>(table, &progress.place, end)).await?;
    let mut work = Work { keys, table, retired, unreadable: Vec::new() };
    let mut sealed = HashSet::new();
    if table.name == "payments" {
        let entries: Vec<_> = rows.iter().filter_map(|row| work.customer(row)).collect();
        for entry in &entries {
            database.execute(Purpose::Operators, customers::enter(entry)).await?;
        }
    }
    for (n, column) in table.columns.iter().enumerate() {
        let mut values = Vec::new();
        let class = Class::of(table.name, column.name);
        // Rows of one day end together anyway.
        let mut of_days = HashMap::new();
        for row in &rows {
            if !work.is_due_in(row, column, n) {
                continue;
            }
            let day = row.at.div_euclid(A_DAY);
            if let Entry::Vacant(of_day) = of_days.entry(day) {
                let at = Timestamp::from_microsecond(row.at).unwrap_or_default();
                of_day.insert(keys.of_time(database, class, at).await?);
            }
            let key = of_days.get(&day).copied().flatten();
            values.extend(key.and_then(|key| work.replacement(row, column, n, key)));
        }
        if !values.is_empty() {
            database.execute(Purpose::Operators, batch::write::<D>(table, column, &values)).await?;
        }
        sealed.extend(values.into_iter().map(|value| value.place));
    }
    let seen = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let is_done = seen < u64::from(batch::ROWS);
    progress.rows_seen += seen;
    progress.rows_sealed += u64::try_from(sealed.len()).unwrap_or(u64::MAX);
    if let Some(last) = rows.last() {
        progress.place = last.place();
    }
    progress.finished_at = is_done.then(|| SystemClock.now());
    work.unreadable.dedup();
    Ok(ResealPart {
        table: progress.table.clone(),
        rows_seen: progress.rows_seen,
        rows_sealed: progress.rows_sealed,
        batch: seen,
        unreadable: work.unreadable,
        is_done,
        is_kept,
    })
}

struct Work<'a> {
    keys: &'a DataKeys,
    table: &'static SealedTable,
    retired: &'a HashSet<DataKeyId>,
    unreadable: Vec<String>,
}

impl Work<'_> {
    /// Whether a value is to be sealed with another key, or at all.
    fn is_due(&self, stored: &[u8]) -> bool {
        match format::key_of(stored) {
            Ok(None) => true,
            Ok(Some(key)) => self.retired.contains(&key),
            Err(_) => false,
        }
    }

    /// Whether the `n`th value of a row is to be sealed.
    fn is_due_in(&self, row: &BatchRow, column: &SealedColumn, n: usize) -> bool {
        let text = if n == 0 { &row.first_text } else { &row.second_text };
        let stored = if column.is_bytes { row.bytes.as_deref() } else { text.as_ref().map(String::as_bytes) };
        let is_sealed = self.keys.sealer.plain_values() != PlainValues::Written;
        is_sealed && stored.is_some_and(|stored| self.is_due(stored))
    }

    /// The value, sealed with `key`, that replaces the `n`th one of a row. `None` if it may stay, or does not open.
    fn replacement(
        &mut self,
        row: &BatchRow,
        column: &SealedColumn,
        n: usize,
        key: DataKeyId,
    ) -> Option<Replacement> {
        let sealer = &self.keys.sealer;
        let place = ValueAddress { table: self.table.name, column: column.name, row: &row.name };
        let (old, new): (Argument, Option<Argument>) = if column.is_bytes {
            let stored = row.bytes.clone().filter(|stored| self.is_due(stored))?;
            let opened = sealer.open_or_plain_bytes(place, stored.clone()).ok();
            let sealed = opened.and_then(|plain| sealer.seal_bytes_with(key, place, &plain).ok());
            (stored.into(), sealed.map(Into::into))
        } else {
            let text = if n == 0 { &row.first_text } else { &row.second_text };
            let stored = text.clone().filter(|stored| self.is_due(stored.as_bytes()))?;
            let opened = sealer.open_or_plain_text(place, stored.clone()).ok();
            let sealed = opened.and_then(|plain| sealer.seal_text_with(key, place, &plain).ok());
            (stored.into(), sealed.map(Into::into))
        };
        let Some(new) = new else {
            self.unreadable.push(row.name.clone());
            return None;
        };
        Some(Replacement { place: row.place(), old, new })
    }

    /// The entry of a payment whose request is to be sealed: it may be of a release that made none.
    fn customer(&self, row: &BatchRow) -> Option<customers::Entry> {
        let stored = row.first_text.clone().filter(|stored| self.is_due(stored.as_bytes()))?;
        let place = ValueAddress { table: self.table.name, column: "request", row: &row.name };
        let request = self.keys.sealer.open_or_plain_text(place, stored).ok()?;
        customers::Entry::of(row.client.as_deref()?, &row.name, &request, &self.keys.sealer)
    }
}
