//! A dispute: a payer's complaint to their bank or to PayPal.
//!
//! Providers report one dispute in several events, which may arrive in any order. The recorded result is the same in
//! every order: the latest report wins and, of two with the same time, the later stage. An event's unverified claim
//! never overrides the provider's own statement.

use std::fmt::Debug;

use edge_core::money::{Amount, Currency};
use jiff::Timestamp;

use crate::model::provider::ProviderRef;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    pub id: ProviderRef,
    /// Confirmed by the provider's own object, or by an event whose whole body the provider signed. Otherwise an event
    /// claims the dispute and nothing more is known.
    pub is_verified: bool,
    /// The provider's terms, which may be new to this gateway.
    pub reason: Option<String>,
    pub status: Option<String>,
    pub amount: Option<Amount>,
    pub currency: Option<Currency>,
    pub stage: DisputeStage,
    /// The outcome of a closed dispute. Boxed, since most disputes that are passed around are open.
    pub outcome: Option<Box<DisputeOutcome>>,
    pub opened_at: Option<Timestamp>,
    /// When it was last closed. A reopened dispute keeps this time; see [`Dispute::closed`].
    pub closed_at: Option<Timestamp>,
    /// The time of the provider's report; earlier reports do not replace it.
    pub as_of: Timestamp,
    /// When the dispute itself last changed, if the provider reports it; decides between reports with the same `as_of`.
    pub changed_at: Option<Timestamp>,
}

/// The stage of a dispute. The greater stage is further on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeStage {
    /// An inquiry of the payer's bank; no money has moved.
    Inquiry,
    /// Waits for a response from the merchant or the payer.
    Open,
    /// The bank or the provider is deciding.
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

/// The outcome of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DisputeOutcome {
    pub verdict: DisputeVerdict,
    /// The provider's code for the outcome.
    pub code: String,
}

/// Who keeps the money. Of two verdicts from the same moment the greater one is recorded: the definite one, and the one
/// that the merchant must know about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeVerdict {
    /// An outcome code that is inconclusive or unknown to this gateway.
    Other,
    /// The payer or the bank did not pursue it; the merchant keeps the money.
    Withdrawn,
    /// Ended before it became a chargeback, by a program in which the merchant takes part.
    Prevented,
    /// The merchant keeps the money.
    Won,
    /// The payer gets the money back.
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
    /// When it was closed; `None` while it is open, even if it was closed before.
    #[must_use]
    pub fn closed(&self) -> Option<Timestamp> {
        (self.stage == DisputeStage::Closed).then(|| self.closed_at.unwrap_or(self.as_of))
    }

    /// Clamps all times to `latest`: an unverified claim must not outdate all later claims.
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

    /// Merges the report `told` into this dispute, whichever was sent first; `None` if nothing is new.
    #[must_use]
    pub fn updated(&self, told: &Self) -> Option<Self> {
        match (self.is_verified, told.is_verified) {
            (true, false) => return None,
            // Discards everything that was only claimed.
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

    /// The sort key of a report. Providers' times may be as coarse as a second, so reports of the same second are
    /// ordered by fields that only move forward. The last fields only make the order total.
    fn place(&self) -> impl Ord + Debug + '_ {
        (
            (self.as_of, self.changed_at, self.stage, &self.outcome),
            (&self.status, &self.reason, self.amount.map(Amount::minor), self.currency.map(Currency::code)),
        )
    }
}
