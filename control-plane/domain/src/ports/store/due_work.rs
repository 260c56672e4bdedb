//! The database interface for due work.

use async_trait::async_trait;
use edge_core::provider::Provider;
use jiff::Timestamp;

use super::{Rows, StoreError};
use crate::model::follow_up::FollowUp;
use crate::model::id::PaymentId;
use crate::model::payment::Payment;
use crate::model::refund::Refund;
use crate::model::work::{Claimed, Due, Lane, LaneBacklog, Work};

/// Reads, claims and reschedules due work.
#[async_trait]
pub trait DueWork: Send + Sync {
    /// Lists up to `limit` pieces of work in a lane that were due before `before`, longest overdue first, without
    /// unreadable rows. Claims nothing.
    async fn overdue_in(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError>;

    /// Like [`Self::overdue_in`], across all lanes.
    async fn overdue(&self, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        let mut overdue = Vec::new();
        for lane in Lane::all() {
            overdue.extend(self.overdue_in(lane, before, limit).await?);
        }
        overdue.sort_by_key(|due| due.at);
        overdue.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(overdue)
    }

    /// The provider of a piece of work; `None`: no such work exists.
    async fn provider_of(&self, work: &Work) -> Result<Option<Provider>, StoreError>;

    /// The work due at `now`, by lane; empty lanes are omitted.
    async fn backlog(&self, now: Timestamp) -> Result<Vec<LaneBacklog>, StoreError>;

    /// Claims the work if it is due and hides it from others until `until`. If the claiming process dies, the work can
    /// be claimed again then.
    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError>;

    /// Reschedules the work if it is still undecided. Nothing else changes, so no audit record is written.
    async fn postpone(&self, work: &Work, to: FollowUp) -> Result<(), StoreError>;

    /// Reschedules work in a lane that is due later than `beyond` to `to`; returns how much.
    async fn bring_forward(&self, lane: Lane, beyond: Timestamp, to: Timestamp) -> Result<u64, StoreError>;

    /// Stops polling the payment: it no longer waits.
    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError>;

    /// All undecided payments and refunds, of all clients, oldest first, at most `limit` of each.
    async fn undecided(&self, limit: u32) -> Result<(Rows<Payment>, Rows<Refund>), StoreError>;
}
