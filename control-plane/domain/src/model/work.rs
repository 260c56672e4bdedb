//! Work that is due at a time: payments and refunds that are not decided, events that are not worked off.
//!
//! It stands in the database, in the row of what it is about, and is written in the commit that makes it
//! necessary.

use edge_core::provider::Provider;
use jiff::Timestamp;

use crate::model::id::{PaymentId, RefundId};

/// What is to be worked off. Only names: the process that takes it reads the row again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    Payment(PaymentId),
    Refund(RefundId),
    /// A payment that waits for its payer, its capture or a refund, see `Watch`.
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

/// What became of an attempt to take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    Taken,
    /// Another process has it, or it pauses, until then.
    NotDue(Timestamp),
    /// There is nothing to do any more.
    Resolved,
}

/// What is due in one lane and not worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneBacklog {
    pub lane: Lane,
    pub count: u32,
    /// Since when the first of it is due.
    pub oldest: Timestamp,
}
