//! Work that is due at a time: payments and refunds that are not decided, events that are not worked off.
//!
//! It stands in the database, in the row of what it is about, and is written in the commit that makes it
//! necessary. A queue only brings it to somebody sooner: whatever a queue loses is found in the database.

use async_trait::async_trait;
use edge_core::provider::Provider;
use jiff::Timestamp;

use super::follow_up::FollowUp;
use super::id::{PaymentId, RefundId};
use super::payment::Payment;
use super::refund::Refund;
use super::store::{Rows, StoreError};

/// What is to be worked off. Only names: whoever takes it reads it anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Payment(PaymentId),
    Refund(RefundId),
    /// A payment that waits for its payer, its capture or a refund, see [`Watch`](super::store::Watch).
    Watch(PaymentId),
    /// A provider's event, by its id there.
    Event {
        provider: Provider,
        id: String,
    },
}

/// What due work is about. Each kind waits in a lane of its own, so that none is behind another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkKind {
    Event,
    Payment,
    Refund,
    Watch,
}

impl WorkKind {
    /// Events first: a client may wait for what they tell.
    pub const ALL: [Self; 4] = [Self::Event, Self::Payment, Self::Refund, Self::Watch];

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// As in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Watch => "watch",
        }
    }
}

impl Work {
    #[must_use]
    pub const fn kind(&self) -> WorkKind {
        match self {
            Self::Event { .. } => WorkKind::Event,
            Self::Payment(_) => WorkKind::Payment,
            Self::Refund(_) => WorkKind::Refund,
            Self::Watch(_) => WorkKind::Watch,
        }
    }
}

/// Due work of one kind at one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    pub kind: WorkKind,
    pub provider: Provider,
}

impl Lane {
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |kind| Provider::ALL.into_iter().map(move |provider| Self { kind, provider });
        WorkKind::ALL.into_iter().flat_map(of)
    }
}

/// How much due work of one kind may be begun at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// As much as there is.
    Any,
    /// One piece, to find out whether the provider is back.
    One,
    /// It would only be refused.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub work: Work,
    /// As in the database. Another time there means that this is out of date.
    pub at: Timestamp,
}

/// Brings due work to whoever works it off.
pub trait Queue: Send + Sync {
    /// Called after the commit. Does not wait and cannot fail: what is not brought is found by the sweep.
    fn announce(&self, due: Due);
}

/// What became of an attempt to take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    Taken,
    /// Somebody has it, or it has a pause, until then.
    NotDue(Timestamp),
    /// There is nothing to do any more.
    Settled,
}

/// What is due in one lane and not worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneBacklog {
    pub lane: Lane,
    pub count: u32,
    /// Since when the first of it is due.
    pub oldest: Timestamp,
}

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

    /// Takes it if it is due, hidden from others until `until`: whoever takes it and dies leaves it to be taken
    /// again then.
    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError>;

    /// Looks after it later, if it is still undecided. Nothing else of it changes, so it leaves no record.
    async fn postpone(&self, work: &Work, to: FollowUp) -> Result<(), StoreError>;

    /// Makes what is due in a lane later than `beyond` due at `to`; how much.
    async fn bring_forward(&self, lane: Lane, beyond: Timestamp, to: Timestamp) -> Result<u64, StoreError>;

    /// The payment does not wait any more.
    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError>;

    /// Everything undecided, whoever owns it, the oldest first, at most `limit` of either.
    async fn undecided(&self, limit: u32) -> Result<(Rows<Payment>, Rows<Refund>), StoreError>;
}
