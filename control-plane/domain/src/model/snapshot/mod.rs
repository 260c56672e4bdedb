//! Snapshots: the state of a payment or refund as read at the provider, and what follows from it.
//!
//! A snapshot is read from the provider's own object, never from the claims of an event or a client. It may be older
//! than our records (providers' reads lag behind), so it moves a payment only forward, and it counts only if it shows
//! the same money and names our id.

mod payment;
mod refund;

use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::request::CaptureMode;
use jiff::Timestamp;

use crate::model::id::{PaymentId, RefundId};
use crate::model::paid_with::PaidWith;
use crate::model::payer_action::PayerAction;
use crate::model::provider::{ProviderRef, Refusal, Uncertainty};
use crate::model::webhook::{Dispute, EventRefs};

/// How to look up a payment at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUp {
    /// By the provider's reference for the whole payment: a PaymentIntent or an order.
    Payment(ProviderRef),
    /// By the reference for refunds: a PaymentIntent or a capture.
    Charge(ProviderRef),
    /// By the reference for captures: a PaymentIntent or an authorization.
    Authorization(ProviderRef),
    /// By our own id, among the objects created between `from` and `to`. Very recent objects may not be listed yet. A
    /// long list is read over several lookups; `Missing` only after the list was read to its end.
    Ours { payment: PaymentId, from: Timestamp, to: Timestamp },
}

/// Which refunds to look up at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundLookUp {
    One(ProviderRef),
    /// All refunds of one payment at the provider.
    Of {
        payment: ProviderRef,
        charge: ProviderRef,
    },
}

/// What a complete read of the provider's records shows about a payment that they do not contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The provider no longer knows an object that it once named to us.
    Gone,
    /// Everything created through this gateway in the payment's time frame was read, and the payment is not in it.
    NotListed,
}

/// The result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    Found(T),
    /// The provider answered that it has no such object.
    Missing,
    /// This provider does not support this lookup (PayPal: by our id).
    CannotAsk,
    /// The provider gave no usable answer; try again.
    Unavailable(Uncertainty),
}

/// The state of a payment at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSnapshot {
    /// The provider's reference for the whole payment.
    pub reference: ProviderRef,
    /// Our id in the object. `None` for an object that a client created at the provider directly.
    pub payment: Option<PaymentId>,
    /// The amount of the whole payment, if the object contains it.
    pub money: Option<Money>,
    /// What the payer paid with, if the object has it.
    pub paid_with: Option<PaidWith>,
    pub provider_status: ProviderStatus,
}

/// One payment of a provider's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPayment {
    pub seen: ProviderSnapshot,
    /// Read from our metadata in the object; `None` if there is none.
    pub origin: Option<Origin>,
}

/// Part of a provider's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPart {
    pub items: Vec<ListedPayment>,
    /// How many objects of the list could not be read.
    pub unreadable: u32,
    /// The position of the next part; `None`: the list ends here.
    pub next: Option<ListCursor>,
}

/// A position in a provider's list. Only the provider's adapter interprets it.
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

/// Our metadata at the provider, sufficient to restore the record of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub client: ClientId,
    pub capture: CaptureMode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderStatus {
    /// Created, nothing decided.
    Open,
    /// The payer has to act.
    RequiresAction(PayerAction),
    /// The payer has approved and the money can be taken. `declined`: taking it was tried and declined; the payer may
    /// choose another method at `page`.
    Approved {
        // Boxed: a refusal is several times the size of the other variants.
        declined: Option<Box<Refusal>>,
        page: Option<String>,
    },
    /// Accepted; the provider decides later.
    Processing,
    /// The amount is held, until `expires` if the provider gives a time.
    Authorized {
        authorization: ProviderRef,
        expires: Option<Timestamp>,
    },
    /// The money moved. `money` is the captured amount.
    Captured {
        charge: ProviderRef,
        money: Money,
    },
    Declined(Refusal),
    /// Ended without money: canceled, voided or expired.
    Canceled {
        is_expired: bool,
    },
    /// A state that this code cannot interpret with certainty. The text says why.
    Unclear(String),
}

/// The state of a refund at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSnapshot {
    pub reference: ProviderRef,
    /// Our id in the object. `None` for a refund made at the provider's dashboard.
    pub refund: Option<RefundId>,
    /// Our payment's id, if the object names it.
    pub payment: Option<PaymentId>,
    /// The refunded charge.
    pub charge: Option<ProviderRef>,
    /// `None` for an amount that this gateway cannot represent.
    pub money: Option<Money>,
    /// The provider's books show that no funds moved: some account versions of Stripe report the amount that a partial
    /// capture releases as a refund.
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
    /// The disputed charges, usually one.
    pub subject: Vec<EventRefs>,
}

/// Whether one of our calls, recorded as in flight, can still return an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnCall {
    MayAnswer,
    /// The process that made the call is gone.
    IsOver,
}

/// The effect of a snapshot on the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied<T> {
    /// No effect: the snapshot shows the recorded state or an earlier one.
    Known,
    /// One of our calls is in flight and will return the answer; read again afterwards.
    Wait,
    Moved(T),
    /// The snapshot moves a payment that was recorded as ended without money. Correct, but an operator has to know.
    Surprising(T),
    /// The snapshot contradicts the records and is rejected. The text says how.
    Refused(String),
}
