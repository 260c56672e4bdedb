//! The event log on either database.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use payments::model::event::Event;
use payments::model::log::{EventId, Position};
use payments::ports::store::{EventLog, LogPage, LogQuery, LoggedEvent, StoreError};
use sqlx::AssertSqlSafe;

use super::{Argument, Database, Purpose, Query, SqlStore};
use crate::retention::log::horizon;
use crate::rows::{LogRow, PlacedRow};

/// How the databases differ: in the columns that order the events, and in which events may be read already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSql {
    /// The columns of an event, with `transaction_id`.
    pub(crate) columns: &'static str,
    /// `$1` and `$2`: the numbers of the event to continue after, as text and as a number.
    pub(crate) after: &'static str,
    /// What holds for an event that no other can come before any more.
    pub(crate) is_settled: &'static str,
    pub(crate) order: &'static str,
    pub(crate) descending: &'static str,
}

/// The first event number that the log serves, as it was read last.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    first: AtomicI64,
    /// Never read: `None`.
    next_at: Mutex<Option<Instant>>,
}

/// The horizon moves once a day at most, and readers that it concerns are days behind.
const HORIZON_EVERY: Duration = Duration::from_secs(60);

impl Horizon {
    fn first(&self) -> i64 {
        self.first.load(Ordering::Relaxed)
    }

    /// Whether it is to be read again. Says so to one caller at a time.
    fn is_due(&self) -> bool {
        let mut next_at = self.next_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = next_at.is_none_or(|at| Instant::now() >= at);
        if is_due {
            *next_at = Some(Instant::now() + HORIZON_EVERY);
        }
        is_due
    }

    fn set(&self, first: i64) {
        self.first.fetch_max(first, Ordering::Relaxed);
    }
}

#[async_trait]
impl<D: Database> EventLog for SqlStore<D> {
    async fn log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let _share = match &query.client {
            Some(client) => Some(self.database.shares().take(client).await?),
            None => None,
        };
        self.follow_horizon().await?;
        let StoredPage { mut rows, end, has_more } = self.stored(query, self.horizon.first()).await?;
        self.keys.follow(&*self.database, rows.iter_mut().map(|row| &mut row.event)).await?;
        let mut events = Vec::with_capacity(rows.len());
        for PlacedRow { position, event } in rows {
            let read = self.database.rows().read::<_, Event>(vec![event])?;
            events.extend(read.items.into_iter().map(|event| LoggedEvent { position, event }));
        }
        Ok(LogPage { events, end, has_more })
    }

    async fn log_end(&self) -> Result<Position, StoreError> {
        let epoch = self.last_epoch();
        let sql = D::LOG;
        let text = format!(
            "SELECT {} FROM events WHERE seq >= $1 AND {} ORDER BY {} LIMIT 1",
            sql.columns, sql.is_settled, sql.descending
        );
        let last = Query::new(AssertSqlSafe(text)).with(self.first_of(epoch));
        let row = self.database.one::<LogRow>(Purpose::Operators, last).await?;
        row.map_or(Ok(Position { epoch, ..Position::START }), |row| row.position(epoch))
    }

    async fn log_held_since(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = D::LOG;
        // The first in the order of the log: a transaction that stays open for long may hold back millions.
        let text = format!(
            "SELECT {} FROM events WHERE seq >= $1 AND NOT ({}) ORDER BY {} LIMIT 1",
            sql.columns, sql.is_settled, sql.order
        );
        let first = Query::new(AssertSqlSafe(text)).with(self.first_of(self.last_epoch()));
        let row = self.database.one::<LogRow>(Purpose::Operators, first).await?;
        row.map(|row| row.event.at()).transpose()
    }

    async fn committed(&self) {
        self.database.commits().committed().await;
    }

    async fn log_position(&self, id: EventId) -> Result<Option<Position>, StoreError> {
        if id == Position::START.id() {
            return Ok(Some(Position::START));
        }
        let Ok(sequence) = i64::try_from(id.sequence) else { return Ok(None) };
        self.follow_horizon().await?;
        if sequence < self.horizon.first() {
            return Ok(None);
        }
        let position = self.place_of(Purpose::List, sequence).await?;
        Ok(position.filter(|position| position.transaction == id.transaction))
    }
}

/// A part of the log as it is stored, sealed values included.
pub(super) struct StoredPage {
    pub(super) rows: Vec<PlacedRow>,
    end: Position,
    has_more: bool,
}

impl<D: Database> SqlStore<D> {
    /// The place of the event with a number, however far back the log serves. `None` if it is not stored.
    pub(super) async fn place_of(
        &self,
        purpose: Purpose,
        number: i64,
    ) -> Result<Option<Position>, StoreError> {
        let text = format!("SELECT {} FROM events WHERE seq = $1", D::LOG.columns);
        let query = Query::new(AssertSqlSafe(text)).with(number);
        let row = self.database.one::<LogRow>(purpose, query).await?;
        row.map(|row| row.position(self.epoch_of(number))).transpose()
    }

    /// The rows that a query finds from the number `first` on, whether they can be read as events or not.
    pub(super) async fn stored(&self, query: &LogQuery, first: i64) -> Result<StoredPage, StoreError> {
        let mut page = StoredPage { rows: Vec::new(), end: query.after, has_more: false };
        // An epoch ends only with its last event, so an empty rest of one is followed by the next.
        for epoch in query.after.epoch..=self.last_epoch() {
            let start = Position { epoch, ..Position::START };
            self.read_epoch(query, first, page.end.max(start), &mut page).await?;
            if page.has_more {
                break;
            }
        }
        Ok(page)
    }

    async fn read_epoch(
        &self,
        query: &LogQuery,
        first: i64,
        after: Position,
        page: &mut StoredPage,
    ) -> Result<(), StoreError> {
        let room = usize::try_from(query.limit).unwrap_or(usize::MAX).saturating_sub(page.rows.len());
        let rows = self.rows_of(query, first, after, room).await?;
        page.has_more = rows.len() > room;
        page.end = page.end.max(after);
        for row in rows.into_iter().take(room) {
            page.end = row.position(after.epoch)?;
            page.rows.push(PlacedRow { position: page.end, event: row.event });
        }
        Ok(())
    }

    /// One row more than there is room for, if there is one.
    async fn rows_of(
        &self,
        query: &LogQuery,
        first: i64,
        after: Position,
        room: usize,
    ) -> Result<Vec<LogRow>, StoreError> {
        let sql = D::LOG;
        let is_last = after.epoch == self.last_epoch();
        let mut text =
            format!("SELECT {} FROM events WHERE {} AND seq >= $3 AND seq < $4", sql.columns, sql.after);
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let end = if is_last { i64::MAX } else { self.first_of(after.epoch + 1) };
        let mut arguments: Vec<Argument> = vec![
            after.transaction.to_string().into(),
            number(after.sequence).into(),
            self.first_of(after.epoch).max(first).into(),
            end.into(),
        ];
        if is_last {
            let _ = write!(text, " AND {}", sql.is_settled);
        }
        let mut and = |column: &str, value: String| {
            arguments.push(value.into());
            let _ = write!(text, " AND {column} = ${}", arguments.len());
        };
        if let Some(client) = &query.client {
            and("client", client.as_str().to_owned());
        }
        if let Some(payment) = query.payment {
            and("payment", payment.to_string());
        }
        arguments.push(i64::try_from(room.saturating_add(1)).unwrap_or(i64::MAX).into());
        let _ = write!(text, " ORDER BY {} LIMIT ${}", sql.order, arguments.len());
        let statement = Query { arguments, ..Query::new(AssertSqlSafe(text)) };
        let purpose = if query.client.is_some() { Purpose::List } else { Purpose::Operators };
        self.database.all::<LogRow>(purpose, statement).await
    }

    /// Reads from time to time how far back the log serves.
    async fn follow_horizon(&self) -> Result<(), StoreError> {
        if self.horizon.is_due() {
            self.horizon.set(horizon(&*self.database).await?);
        }
        Ok(())
    }

    /// Epochs begin while a process starts, never while one serves.
    fn last_epoch(&self) -> u32 {
        u32::try_from(self.database.log_epochs().len()).unwrap_or(u32::MAX)
    }

    /// The first number of an epoch.
    fn first_of(&self, epoch: u32) -> i64 {
        let before = usize::try_from(epoch).ok().and_then(|epoch| epoch.checked_sub(1));
        before.and_then(|before| self.database.log_epochs().get(before).copied()).unwrap_or(0)
    }

    fn epoch_of(&self, sequence: i64) -> u32 {
        let begun = self.database.log_epochs().iter().filter(|first| **first <= sequence).count();
        u32::try_from(begun).unwrap_or(u32::MAX)
    }
}
