//! The event log on either database.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use payments::model::event::Event;
use payments::model::log::{EventId, Position};
use payments::ports::store::{EventLog, LogPage, LogQuery, LoggedEvent, StoreError};
use sqlx::AssertSqlSafe;

use super::log_horizon::horizon;
use super::{Argument, Database, Purpose, Query, SqlStore};
use crate::rows::{LogRow, PlacedRow};

/// How the databases differ: in the columns that order the events, and in which events may be read already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSql {
    /// The columns of an event, with `transaction_id`.
    pub(crate) columns: &'static str,
    /// `$1` and `$2`: the numbers of the event to continue after, as text and as a number.
    pub(crate) after: &'static str,
    /// What holds for an event that no other can come before any more.
    pub(crate) is_in_order: &'static str,
    pub(crate) order: &'static str,
    pub(crate) descending: &'static str,
}

/// How far back the log serves.
#[derive(Clone, Copy, Debug, Default)]
struct Served {
    /// The first event number.
    first: i64,
    /// The position of the last event before it: a reader that is there misses nothing. `None`: the log serves all
    /// events.
    ended: Option<Position>,
    /// The end of the log at that time: no event that comes later is before it.
    readable: Option<Position>,
}

/// How far back the log serves, as it was read last.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    served: Mutex<Served>,
    /// Never read: `None`.
    next_at: Mutex<Option<Instant>>,
}

/// The horizon moves once a day at most, and readers that it concerns are days behind.
const HORIZON_EVERY: Duration = Duration::from_secs(60);
/// The order of numbers differs from the order of the log by no more than there are connections.
const ENDED_ROWS: u32 = 1_000;

impl Horizon {
    fn served(&self) -> Served {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is to be read again. Says so to one caller at a time; to all until it was read for the first time.
    fn is_due(&self) -> bool {
        let is_unknown = self.served().readable.is_none();
        let mut next_at = self.next_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = is_unknown || next_at.is_none_or(|at| Instant::now() >= at);
        if is_due {
            *next_at = Some(Instant::now() + HORIZON_EVERY);
        }
        is_due
    }

    fn move_to(&self, first: i64, ended: Option<Position>) {
        let mut last = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if first > last.first {
            (last.first, last.ended) = (first, ended);
        }
    }

    fn note_readable(&self, end: Position) {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).readable = Some(end);
    }
}

#[async_trait]
impl<D: Database> EventLog for SqlStore<D> {
    async fn log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let _share = match &query.client {
            Some(client) => Some(self.database.shares().take(client).await?),
            None => None,
        };
        let served = self.served().await?;
        let after = served.ended.map_or(query.after, |ended| query.after.max(ended));
        let is_cut = after > query.after;
        let query = LogQuery { after, ..query.clone() };
        let StoredPage { mut rows, mut end, has_more } = self.stored(&query, served.first).await?;
        // Others' events end, too: a reader that stayed at the last one of its own would be overtaken by the horizon
        // although it missed nothing. What was readable before the rows were read is among them if it is the reader's.
        if is_filtered(&query) && !has_more {
            end = served.readable.map_or(end, |readable| end.max(readable));
        }
        self.keys.follow(&*self.database, rows.iter_mut().map(|row| &mut row.event)).await?;
        let mut events = Vec::with_capacity(rows.len());
        for PlacedRow { position, event } in rows {
            let read = self.database.rows().read::<_, Event>(vec![event])?;
            events.extend(read.items.into_iter().map(|event| LoggedEvent { position, event }));
        }
        Ok(LogPage { events, end, has_more, is_cut })
    }

    async fn log_end(&self) -> Result<Position, StoreError> {
        // An epoch without events has no position of its own: a client's cursor does not have the epoch.
        for epoch in (0..=self.last_epoch()).rev() {
            if let Some(end) = self.end_of(epoch).await? {
                return Ok(end);
            }
        }
        Ok(Position::START)
    }

    async fn log_held_since(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = D::LOG;
        // The first in the order of the log: a transaction that stays open for long may hold back millions.
        let text = format!(
            "SELECT {} FROM events WHERE seq >= $1 AND NOT ({}) ORDER BY {} LIMIT 1",
            sql.columns, sql.is_in_order, sql.order
        );
        let first = Query::new(AssertSqlSafe(text)).with(self.first_of(self.last_epoch()));
        let row = self.database.one::<LogRow>(Purpose::Operators, first).await?;
        row.map(|row| row.event.at()).transpose()
    }

    async fn committed(&self) {
        self.database.commits().committed().await;
    }

    async fn log_position(&self, id: EventId) -> Result<Option<Position>, StoreError> {
        let served = self.served().await?;
        let position = if id == Position::START.id() {
            Some(Position::START)
        } else {
            let Ok(sequence) = i64::try_from(id.sequence) else { return Ok(None) };
            let position = self.position_of(Purpose::List, sequence).await?;
            position.filter(|position| position.transaction == id.transaction)
        };
        Ok(position.filter(|position| served.ended.is_none_or(|ended| *position >= ended)))
    }
}

const fn is_filtered(query: &LogQuery) -> bool {
    query.client.is_some() || query.payment.is_some()
}

/// A part of the log as it is stored, sealed values included.
pub(super) struct StoredPage {
    pub(super) rows: Vec<PlacedRow>,
    end: Position,
    has_more: bool,
}

impl<D: Database> SqlStore<D> {
    /// The position of the event with a number, however far back the log serves. `None` if it is not stored.
    pub(super) async fn position_of(
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
        // An epoch ends only with its last event, so an empty rest of one is followed by the next. The page ends with a
        // row, never with an epoch's beginning, whose id would be that of the log's.
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
        let mut text =
            format!("SELECT {} FROM events WHERE {} AND seq >= $3 AND seq < $4", sql.columns, sql.after);
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut arguments: Vec<Argument> = vec![
            after.transaction.to_string().into(),
            number(after.sequence).into(),
            self.first_of(after.epoch).max(first).into(),
            self.number_behind(after.epoch).into(),
        ];
        if after.epoch == self.last_epoch() {
            let _ = write!(text, " AND {}", sql.is_in_order);
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

    /// How far back the log serves, read from time to time.
    async fn served(&self) -> Result<Served, StoreError> {
        if self.horizon.is_due() {
            let first = horizon(&*self.database).await?;
            if first > self.horizon.served().first {
                let ended = self.last_before(first).await?;
                self.horizon.move_to(first, ended);
            }
            self.horizon.note_readable(self.log_end().await?);
        }
        Ok(self.horizon.served())
    }

    /// The last position in the log of an event with a smaller number than `first`.
    async fn last_before(&self, first: i64) -> Result<Option<Position>, StoreError> {
        let epoch = self.epoch_of(first.saturating_sub(1));
        let text = format!(
            "SELECT {} FROM events WHERE seq >= $1 AND seq < $2 ORDER BY seq DESC LIMIT {ENDED_ROWS}",
            D::LOG.columns
        );
        let query = Query::new(AssertSqlSafe(text)).with(self.first_of(epoch)).with(first);
        let mut last = None;
        for row in self.database.all::<LogRow>(Purpose::Operators, query).await? {
            last = last.max(Some(row.position(epoch)?));
        }
        Ok(last)
    }

    /// The position of an epoch's last event that can be read now.
    async fn end_of(&self, epoch: u32) -> Result<Option<Position>, StoreError> {
        let sql = D::LOG;
        let is_in_order = if epoch == self.last_epoch() { sql.is_in_order } else { "TRUE" };
        let text = format!(
            "SELECT {} FROM events WHERE seq >= $1 AND seq < $2 AND {is_in_order} ORDER BY {} LIMIT 1",
            sql.columns, sql.descending
        );
        let last = Query::new(AssertSqlSafe(text)).with(self.first_of(epoch)).with(self.number_behind(epoch));
        let row = self.database.one::<LogRow>(Purpose::Operators, last).await?;
        row.map(|row| row.position(epoch)).transpose()
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

    /// The first number of the next epoch, larger than all numbers if there is none.
    fn number_behind(&self, epoch: u32) -> i64 {
        if epoch < self.last_epoch() { self.first_of(epoch.saturating_add(1)) } else { i64::MAX }
    }

    fn epoch_of(&self, sequence: i64) -> u32 {
        let begun = self.database.log_epochs().iter().filter(|first| **first <= sequence).count();
        u32::try_from(begun).unwrap_or(u32::MAX)
    }
}
