//! A payer's complaint, with their bank or with PayPal.
//!
//! Providers tell of one dispute in several events, which may come in any order. What is recorded is the same in
//! every order: the newest word counts, and of two of the same time the one that is further on. What only an event
//! claims never counts beside the provider's own word.

use std::fmt::Debug;

use edge_core::money::{Amount, Currency};
use jiff::Timestamp;

use crate::model::provider::ProviderRef;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    pub id: ProviderRef,
    /// The provider's own word: its object says so, or an event whose whole body it has signed. Otherwise an event
    /// claims it, and no more is known.
    pub is_verified: bool,
    /// The provider's words, which may be new ones.
    pub reason: Option<String>,
    pub status: Option<String>,
    pub amount: Option<Amount>,
    pub currency: Option<Currency>,
    pub stage: DisputeStage,
    /// How it ended; only of a dispute that is closed. In a box, since most that are passed on are not.
    pub outcome: Option<Box<DisputeOutcome>>,
    pub opened_at: Option<Timestamp>,
    /// When it was closed last. A dispute that was reopened since keeps it; see [`Dispute::closed`].
    pub closed_at: Option<Timestamp>,
    /// When the provider said so; what it said earlier does not replace it.
    pub as_of: Timestamp,
    /// When the dispute itself changed last, where the provider tells: it decides where `as_of` is the same.
    pub changed_at: Option<Timestamp>,
}

/// How far a dispute has come. The larger one is further on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeStage {
    /// A question of the payer's bank; no money has moved.
    Inquiry,
    /// The merchant or the payer has to say something.
    Open,
    /// The bank or the provider decides.
    Review,
    Closed,
}

impl DisputeStage {
    pub const ALL: [Self; 4] = [Self::Inquiry, Self::Open, Self::Review, Self::Closed];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inquiry => "inquiry",
            Self::Open => "open",
            Self::Review => "review",
            Self::Closed => "closed",
        }
    }
}

/// How a dispute ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DisputeOutcome {
    pub verdict: DisputeVerdict,
    /// The provider's word for it.
    pub code: String,
}

/// Who has the money in the end. Of two verdicts of the same moment the larger one is recorded: the definite one,
/// and the one that the merchant must know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeVerdict {
    /// A word of the provider's that says nothing of it, or that this gateway does not know.
    Other,
    /// The payer or the bank did not pursue it; the merchant keeps the money.
    Withdrawn,
    /// Ended before it became a chargeback, by a program that the merchant takes part in.
    Prevented,
    /// The merchant keeps the money.
    Won,
    /// The payer has it back.
    Lost,
}

impl DisputeVerdict {
    pub const ALL: [Self; 5] = [Self::Other, Self::Withdrawn, Self::Prevented, Self::Won, Self::Lost];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Withdrawn => "withdrawn",
            Self::Prevented => "prevented",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

impl DisputeOutcome {
    #[must_use]
    pub fn new(verdict: DisputeVerdict, code: impl Into<String>) -> Box<Self> {
        Box::new(Self { verdict, code: code.into() })
    }
}

impl Dispute {
    /// Since when it is closed; `None` while it is not, also if it was closed before.
    #[must_use]
    pub fn closed(&self) -> Option<Timestamp> {
        (self.stage == DisputeStage::Closed).then(|| self.closed_at.unwrap_or(self.as_of))
    }

    /// The same, with no time later than `latest`: what is only claimed must not outdate all that is claimed after it.
    #[must_use]
    pub fn no_later_than(&self, latest: Timestamp) -> Self {
        let earlier = |at: Option<Timestamp>| at.map(|at| at.min(latest));
        Self {
            opened_at: earlier(self.opened_at),
            closed_at: earlier(self.closed_at),
            changed_at: earlier(self.changed_at),
            as_of: self.as_of.min(latest),
            ..self.clone()
        }
    }

    /// What is known after `told` came, whichever of the two was sent first; `None` if nothing new.
    #[must_use]
    pub fn updated(&self, told: &Self) -> Option<Self> {
        match (self.is_verified, told.is_verified) {
            (true, false) => return None,
            // Nothing that was only claimed is left.
            (false, true) => return Some(told.clone()),
            (true, true) | (false, false) => {}
        }
        let newest = if told.place() > self.place() { told } else { self };
        let merged = Self {
            opened_at: [self.opened_at, told.opened_at].into_iter().flatten().min(),
            closed_at: self.closed_at.max(told.closed_at),
            ..newest.clone()
        };
        (merged != *self).then_some(merged)
    }

    /// Where it stands in the order of what the provider says. Providers' times are as coarse as a second, so those
    /// of one second are put in order by what does not go back. The last fields only make the order total.
    fn place(&self) -> impl Ord + Debug + '_ {
        (
            (self.as_of, self.changed_at, self.stage, &self.outcome),
            (&self.status, &self.reason, self.amount.map(Amount::minor), self.currency.map(Currency::code)),
        )
    }
}
