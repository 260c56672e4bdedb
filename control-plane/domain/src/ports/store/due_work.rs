//! What the domain asks of a database about due work.

use async_trait::async_trait;
use edge_core::provider::Provider;
use jiff::Timestamp;

use super::{Rows, StoreError};
use crate::model::follow_up::FollowUp;
use crate::model::id::PaymentId;
use crate::model::payment::Payment;
use crate::model::refund::Refund;
use crate::model::work::{Claimed, Due, Lane, LaneBacklog, Work};

/// What a database knows of due work.
#[async_trait]
pub trait DueWork: Send + Sync {
    /// What was due in a lane before `before`, the longest overdue first, at most `limit`, without unreadable rows. Takes
    /// nothing.
    async fn overdue_in(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError>;

    /// The same of all lanes together.
    async fn overdue(&self, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        let mut overdue = Vec::new();
        for lane in Lane::all() {
            overdue.extend(self.overdue_in(lane, before, limit).await?);
        }
        overdue.sort_by_key(|due| due.at);
        overdue.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(overdue)
    }

    /// The provider that work is about; `None`: there is no such work.
    async fn provider_of(&self, work: &Work) -> Result<Option<Provider>, StoreError>;

    /// What is due at `now`, by lane; lanes without any are left out.
    async fn backlog(&self, now: Timestamp) -> Result<Vec<LaneBacklog>, StoreError>;

    /// Takes it if it is due, hidden from others until `until`: if the process that takes it dies, it can be taken
    /// again then.
    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError>;

    /// Looks after it later, if it is still undecided. Nothing else of it changes, so it leaves no record.
    async fn postpone(&self, work: &Work, to: FollowUp) -> Result<(), StoreError>;

    /// Makes what is due in a lane later than `beyond` due at `to`; how much.
    async fn bring_forward(&self, lane: Lane, beyond: Timestamp, to: Timestamp) -> Result<u64, StoreError>;

    /// The payment does not wait any more.
    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError>;

    /// Everything undecided, of all clients, the oldest first, at most `limit` of either.
    async fn undecided(&self, limit: u32) -> Result<(Rows<Payment>, Rows<Refund>), StoreError>;
}
