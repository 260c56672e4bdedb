//! The database interface for the event log.

use async_trait::async_trait;
use edge_core::client::ClientId;
use jiff::Timestamp;

use super::StoreError;
use crate::model::event::Event;
use crate::model::id::PaymentId;
use crate::model::log::{EventId, Position};

/// Which events to read, oldest first.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// Only events after this one.
    pub after: Position,
    /// Only this client's; `None` reads for the gateway itself.
    pub client: Option<ClientId>,
    pub payment: Option<PaymentId>,
    pub limit: u32,
}

/// An event and its position in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    pub position: Position,
    pub event: Event,
}

/// A part of the log. An unreadable row is left out, so a part may be shorter than the limit although more follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    pub events: Vec<LoggedEvent>,
    /// Where to continue: after the last event, or further on if no event of the query comes in between.
    pub end: Position,
    pub has_more: bool,
    /// Events after [`LogQuery::after`] are not kept any more: this part begins with the oldest that are.
    pub is_cut: bool,
}

/// Every transition, in an order in which a reader that continues after its last event misses none, however many
/// processes write at the same time: an event is returned only once all events before it are.
#[async_trait]
pub trait EventLog {
    async fn log(&self, query: &LogQuery) -> Result<LogPage, StoreError>;

    /// The position of the last event that can be read now; [`Position::START`] if there is none.
    async fn log_end(&self) -> Result<Position, StoreError>;

    /// When the oldest event happened that is committed and cannot be read yet, because an event of a transaction that
    /// is still open may come before it. `None` if there is none.
    async fn log_held_since(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Waits until this process has committed something since the last call. Only one task may wait; others' commits
    /// are found by reading.
    async fn committed(&self);

    /// The position of an event, or of [`Position::START`]. `None` if nobody can continue after it: it was never
    /// written, or events after it are not kept any more.
    async fn log_position(&self, id: EventId) -> Result<Option<Position>, StoreError>;
}
