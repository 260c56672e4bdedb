//! What a provider says of a payment or refund when it is asked, and what follows from it.
//!
//! A snapshot is read from the provider's own object at that moment; it is never what an event or a client
//! claims. It may be older than what we have recorded (providers' reads lag behind), so it only moves a
//! payment forward, and it counts only if it is about the same money and names our id.

mod payment;
mod refund;

use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::request::CaptureMode;
use jiff::Timestamp;

use crate::model::id::{PaymentId, RefundId};
use crate::model::provider::{ProviderRef, Refusal, Uncertainty};
use crate::model::webhook::{Dispute, EventRefs};

/// Which payment to look for at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUp {
    /// By the provider's name for the whole payment: a PaymentIntent or an order.
    Payment(ProviderRef),
    /// By what a refund refers to: a PaymentIntent or a capture.
    Charge(ProviderRef),
    /// By what a capture refers to: a PaymentIntent or an authorization.
    Authorization(ProviderRef),
    /// By our own id, among what the provider made between `from` and `to`. What was made a moment ago may
    /// not be listed yet. A long list is read over several looks; it is `Missing` only from what was read to its end.
    Ours { payment: PaymentId, from: Timestamp, to: Timestamp },
}

/// Which refunds to look for at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundLookUp {
    One(ProviderRef),
    /// All that the provider has for one payment.
    Of {
        payment: ProviderRef,
        charge: ProviderRef,
    },
}

/// What a complete look at the provider's records says of a payment that they do not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The provider denies the object that it named to us itself.
    Gone,
    /// All that was made in our name in the payment's time was read, and it is not among it.
    NotListed,
}

/// How a look ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    Found(T),
    /// The provider answered that it has no such thing.
    Missing,
    /// This provider offers no way to look for it like that (PayPal: by our id).
    CannotAsk,
    /// There was no usable answer; ask again.
    Unavailable(Uncertainty),
}

/// Where a payment stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSnapshot {
    /// The provider's name for the whole payment.
    pub reference: ProviderRef,
    /// Our id in it. `None` for what a client made at the provider itself.
    pub payment: Option<PaymentId>,
    /// What the whole payment is over, where the object says so.
    pub money: Option<Money>,
    pub provider_status: ProviderStatus,
}

/// One of the payments that a provider lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub seen: ProviderSnapshot,
    /// By what we wrote beside it; `None` where we did not.
    pub origin: Option<Origin>,
}

/// Part of a provider's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPart {
    pub items: Vec<Listed>,
    /// Objects of the list that cannot be read.
    pub unreadable: u32,
    /// Where the list goes on; `None`: it ends here.
    pub next: Option<ListCursor>,
}

/// A place in a provider's list. Only the adapter that made it reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCursor(String);

impl ListCursor {
    #[must_use]
    pub fn new(place: impl Into<String>) -> Self {
        Self(place.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the provider keeps for us of a payment, enough to record it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub client: ClientId,
    pub capture: CaptureMode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderStatus {
    /// Made, and nothing decided.
    Open,
    /// The payer has to act at `url`.
    RequiresAction {
        url: String,
    },
    /// The payer has agreed; the money is there to be taken. `declined`: it was tried, and the provider declined
    /// it so; the payer may choose something else at `page`.
    Approved {
        // Boxed: a refusal is several times the size of what else a look brings.
        declined: Option<Box<Refusal>>,
        page: Option<String>,
    },
    /// Taken; the provider decides later.
    Processing,
    /// The amount is held, until `expires` if the provider says.
    Authorized {
        authorization: ProviderRef,
        expires: Option<Timestamp>,
    },
    /// The money moved. `money` is how much of it.
    Captured {
        charge: ProviderRef,
        money: Money,
    },
    Declined(Refusal),
    /// Ended without money: canceled, voided or run out.
    Canceled {
        is_expired: bool,
    },
    /// Nothing this code can be sure of. The text says why.
    Unclear(String),
}

/// Where a refund stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSnapshot {
    pub reference: ProviderRef,
    /// Our id in it. `None` for a refund made at the provider's dashboard.
    pub refund: Option<RefundId>,
    /// Our payment's id, where it is named.
    pub payment: Option<PaymentId>,
    /// What it gives back of.
    pub charge: Option<ProviderRef>,
    /// `None` for an amount that cannot be one of ours.
    pub money: Option<Money>,
    /// The provider's books show that no funds moved for it: some account versions of Stripe call what a partial
    /// capture releases a refund.
    pub is_without_funds: bool,
    pub created: Option<Timestamp>,
    pub provider_status: RefundProviderStatus,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundProviderStatus {
    Pending,
    Processed,
    Failed(Refusal),
    Unclear(String),
}

/// A dispute as the provider's own object shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeSnapshot {
    pub dispute: Dispute,
    /// The charges that it is about: mostly one.
    pub subject: Vec<EventRefs>,
}

/// Whether a call of our own, recorded as being made, can still bring its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnCall {
    MayAnswer,
    /// The process that made it is gone.
    IsOver,
}

/// What a snapshot changes in what is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied<T> {
    /// Nothing: it says what is recorded, or what was so before.
    Known,
    /// A call of ours is being made and will have the answer; look again afterwards.
    Wait,
    Moved(T),
    /// It moves what we had recorded as ended without money. Right, but an operator has to know.
    Surprising(T),
    /// It contradicts what is recorded, and is not believed. The text says how.
    Refused(String),
}
