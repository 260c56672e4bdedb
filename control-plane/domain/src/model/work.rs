//! Work that is due at a certain time: undecided payments and refunds, unprocessed events.
//!
//! It is stored in the database, in the row of its subject, and written in the commit that makes it necessary.

use edge_core::provider::Provider;
use jiff::Timestamp;

use crate::model::id::{PaymentId, RefundId};

/// A piece of work. Contains only ids: the process that claims it reads the row again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Payment(PaymentId),
    Refund(RefundId),
    /// A payment that waits for its payer, its capture or a refund; see `Watch`.
    Watch(PaymentId),
    /// A provider's event, by the provider's id for it.
    Event {
        provider: Provider,
        id: String,
    },
}

/// The kind of due work. Each kind has its own lane, so that no kind blocks another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkKind {
    Event,
    Payment,
    Refund,
    Watch,
}

impl WorkKind {
    /// Events first: a client may be waiting for the outcome.
    pub const ALL: [Self; 4] = [Self::Event, Self::Payment, Self::Refund, Self::Watch];

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name in metrics.
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

/// How much due work of one kind may start at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkCapacity {
    /// Any amount.
    Any,
    /// One piece, to probe whether the provider has recovered.
    One,
    /// None: the provider would reject it.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub work: Work,
    /// The due time in the database. If the row has a different one, this value is stale.
    pub at: Timestamp,
}

/// The result of an attempt to claim work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    Taken,
    /// Claimed by another process, or paused, until then.
    NotDue(Timestamp),
    /// Nothing is left to do.
    Resolved,
}

/// The due, unprocessed work of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneBacklog {
    pub lane: Lane,
    pub count: u32,
    /// When the oldest piece became due.
    pub oldest: Timestamp,
}
