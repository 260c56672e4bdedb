//! What one commit writes.

use edge_core::provider::Provider;
use jiff::Timestamp;

use crate::model::event::Event;
use crate::model::id::PaymentId;
use crate::model::idempotency::{KeyChange, Subject};
use crate::model::payment::{Payment, State};
use crate::model::refund::{Refund, RefundState};
use crate::model::webhook::{Dispute, EventChange};
use crate::model::work::{Due, Work};

/// Everything that one commit writes, or nothing of it. As data rather than as a
/// transaction handle, so that a store can put many of them into one commit.
#[derive(Clone, Debug)]
pub struct Change {
    pub mutation: Mutation,
    /// What happens to the client's idempotency key on the way.
    pub key: Option<KeyChange>,
    /// What becomes of the provider's event that this is done for.
    pub webhook: Option<EventChange>,
    /// When the payment is looked at again though nothing is undecided; replaces what was set before.
    pub watch: Option<Watch>,
}

/// A payment that waits for its payer, its capture or a refund that is due, and is looked at again meanwhile: nothing
/// that holds money waits for a provider's event alone.
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
    /// Only from `payment.version - 1`; otherwise [`Conflict::Stale`].
    MovePayment {
        payment: Payment,
        event: Event,
    },
    /// Reserves the amount on the payment; [`Conflict::RefundExceeds`] if that much is not left.
    OpenRefund {
        refund: Refund,
        event: Event,
    },
    /// Only from `refund.version - 1`. A refund that failed gives its reservation back.
    MoveRefund {
        refund: Refund,
        event: Event,
    },
    /// The payment stays as it is, one version on, and the trail has one record more.
    NotePayment {
        payment: Payment,
        event: Event,
        dispute: Option<Dispute>,
    },
    /// Only the key or the webhook event changes: an answer that was found out without a call.
    Nothing,
}

impl Change {
    /// Only of a key.
    #[must_use]
    pub fn of_key(key: KeyChange) -> Self {
        Self::from(Mutation::Nothing).with_key(Some(key))
    }

    /// What happens to the client's key in the same commit.
    #[must_use]
    pub fn with_key(self, key: Option<KeyChange>) -> Self {
        Self { key, ..self }
    }

    /// What becomes of the provider's event in the same commit.
    #[must_use]
    pub fn with_mark(self, webhook: Option<EventChange>) -> Self {
        Self { webhook, ..self }
    }

    /// Whether a key is all that it changes.
    #[must_use]
    pub const fn is_only_a_key(&self) -> bool {
        matches!(self.mutation, Mutation::Nothing) && self.webhook.is_none()
    }

    /// The payment that this leaves waiting, if it does.
    #[must_use]
    pub fn waiting(&self) -> Option<&Payment> {
        match &self.mutation {
            Mutation::OpenPayment { payment, .. } | Mutation::MovePayment { payment, .. } => {
                Some(payment).filter(|payment| payment.state.is_watched())
            }
            Mutation::OpenRefund { .. }
            | Mutation::MoveRefund { .. }
            | Mutation::NotePayment { .. }
            | Mutation::Nothing => None,
        }
    }

    /// The work to announce after the commit. Calls in flight are not announced: they are expected to bring their answer, and
    /// the sweep finds those that were abandoned.
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
            Mutation::Nothing => return None,
        };
        Some(Due { work, at: follow_up?.at })
    }
}

impl Mutation {
    /// What a key that is taken in this commit is taken for.
    #[must_use]
    pub const fn subject(&self) -> Option<Subject> {
        match self {
            Self::OpenPayment { payment, .. }
            | Self::MovePayment { payment, .. }
            | Self::NotePayment { payment, .. } => Some(Subject::Payment(payment.id)),
            Self::OpenRefund { refund, .. } | Self::MoveRefund { refund, .. } => {
                Some(Subject::Refund(refund.id))
            }
            Self::Nothing => None,
        }
    }
}

/// The change was not written because of what else is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Another change came first; read again.
    Stale,
    /// `remaining` minor units can still be refunded.
    RefundExceeds { remaining: u64 },
    /// Another payment stands for the same object of the provider.
    ReferenceTaken,
    /// The idempotency key has been used; read its record.
    KeyTaken,
}
