//! The writes of one commit.

use edge_core::provider::Provider;
use jiff::Timestamp;

use crate::model::event::Event;
use crate::model::id::PaymentId;
use crate::model::idempotency::{KeyChange, Subject};
use crate::model::payment::{Payment, State};
use crate::model::refund::{Refund, RefundState};
use crate::model::webhook::{Dispute, EventChange};
use crate::model::work::{Due, Work};

/// Everything that one commit writes, atomically. Plain data rather than a transaction handle, so that a store can
/// batch many changes into one commit.
#[derive(Clone, Debug)]
pub struct Change {
    pub mutation: Mutation,
    /// The change to the client's idempotency key.
    pub key: Option<KeyChange>,
    /// The change to the provider event that caused this change.
    pub webhook: Option<EventChange>,
    /// When to check the payment again although nothing is undecided; replaces the earlier time.
    pub watch: Option<Watch>,
}

/// A payment that waits for its payer, its capture or a due refund, and is polled meanwhile: money that is held never
/// depends on a provider event alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    pub payment: PaymentId,
    pub provider: Provider,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub enum Mutation {
    OpenPayment {
        payment: Payment,
        events: Vec<Event>,
    },
    /// Applies only to `payment.version - 1`; otherwise [`Conflict::Stale`].
    MovePayment {
        payment: Payment,
        event: Event,
    },
    /// Reserves the amount on the payment; [`Conflict::RefundExceeds`] if less than that remains.
    OpenRefund {
        refund: Refund,
        event: Event,
    },
    /// Applies only to `refund.version - 1`. A failed refund releases its reservation.
    MoveRefund {
        refund: Refund,
        event: Event,
    },
    /// Keeps the payment's state, increments its version and appends one record to the audit trail.
    NotePayment {
        payment: Payment,
        event: Event,
        dispute: Option<Dispute>,
    },
    /// Changes only the key or the webhook event: the answer was known without a call.
    Nothing,
    /// Changes only the key, which is taken for this payment.
    KeyOf(PaymentId),
}

impl Change {
    /// A change of a key only.
    #[must_use]
    pub fn of_key(key: KeyChange) -> Self {
        Self::from(Mutation::Nothing).with_key(Some(key))
    }

    /// Adds the change to the client's key.
    #[must_use]
    pub fn with_key(self, key: Option<KeyChange>) -> Self {
        Self { key, ..self }
    }

    /// Adds the change to the provider's event.
    #[must_use]
    pub fn with_mark(self, webhook: Option<EventChange>) -> Self {
        Self { webhook, ..self }
    }

    /// Whether this change affects only a key.
    #[must_use]
    pub const fn is_only_a_key(&self) -> bool {
        matches!(self.mutation, Mutation::Nothing | Mutation::KeyOf(_)) && self.webhook.is_none()
    }

    /// The payment, if this change leaves it waiting.
    #[must_use]
    pub fn waiting(&self) -> Option<&Payment> {
        match &self.mutation {
            Mutation::OpenPayment { payment, .. } | Mutation::MovePayment { payment, .. } => {
                Some(payment).filter(|payment| payment.state.is_watched())
            }
            Mutation::OpenRefund { .. }
            | Mutation::MoveRefund { .. }
            | Mutation::NotePayment { .. }
            | Mutation::Nothing
            | Mutation::KeyOf(_) => None,
        }
    }

    /// The work to announce after the commit. In-flight calls are not announced: they normally return an answer, and
    /// the sweep finds abandoned ones.
    #[must_use]
    pub fn follow_up(&self) -> Option<Due> {
        let (work, follow_up) = match &self.mutation {
            Mutation::OpenPayment { payment, .. }
            | Mutation::MovePayment { payment, .. }
            | Mutation::NotePayment { payment, .. } => match &payment.state {
                State::Processing { accepted: false, .. } => return None,
                _ => (Work::Payment(payment.id), payment.follow_up),
            },
            Mutation::OpenRefund { refund, .. } | Mutation::MoveRefund { refund, .. } => {
                match &refund.state {
                    RefundState::Processing { .. } => return None,
                    _ => (Work::Refund(refund.id), refund.follow_up),
                }
            }
            Mutation::Nothing | Mutation::KeyOf(_) => return None,
        };
        Some(Due { work, at: follow_up?.at })
    }
}

impl Mutation {
    /// The subject of a key taken in this commit.
    #[must_use]
    pub const fn subject(&self) -> Option<Subject> {
        match self {
            Self::OpenPayment { payment, .. }
            | Self::MovePayment { payment, .. }
            | Self::NotePayment { payment, .. } => Some(Subject::Payment(payment.id)),
            Self::OpenRefund { refund, .. } | Self::MoveRefund { refund, .. } => {
                Some(Subject::Refund(refund.id))
            }
            Self::KeyOf(payment) => Some(Subject::Payment(*payment)),
            Self::Nothing => None,
        }
    }
}

/// Why a change conflicts with the contents of the database and was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Another change was committed first; read again.
    Stale,
    /// `remaining` minor units can still be refunded.
    RefundExceeds { remaining: u64 },
    /// Another payment already has this provider object.
    ReferenceTaken,
    /// The idempotency key has been used; read its record.
    KeyTaken,
}
