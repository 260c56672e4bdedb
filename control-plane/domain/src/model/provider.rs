//! Orders to a provider, the answers to them, and how certain an answer is.

use std::fmt;

use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::request::{CaptureMode, Metadata, Verification, Wallet};
use serde::{Deserialize, Serialize};

use crate::model::id::{AttemptId, PaymentId, RefundId};
use crate::model::paid_with::PaidWith;
use crate::model::payer_action::PayerAction;

/// A provider's id for one of its objects: a PaymentIntent, an order, an authorization, a capture. Opaque here; only
/// the provider's adapter interprets it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderRef(String);

impl ProviderRef {
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The outcome of one call to a provider, and how certain it is. If an earlier call for the same order ended unknown, a
/// repeat that was not sent, or was refused because of our configuration, leaves that outcome unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The provider executed the operation.
    Done(T),
    /// The provider answered that it did not execute the operation and will not.
    Refused(Refusal),
    /// The operation was certainly not executed: no connection, or the provider rejected the request before processing
    /// it (rate limit). The same request may succeed later.
    NotSent(Uncertainty),
    /// The operation may or may not have been executed: the answer was lost, truncated or unintelligible.
    Unknown(Uncertainty),
}

impl<T> Outcome<T> {
    /// What the answer to a repeated call reveals about the operation. Done and declined hold for the first call as
    /// well; any other answer (rejected, not sent, "nothing left to refund") leaves the first call's outcome unknown.
    #[must_use]
    pub fn of_a_repeat(self) -> Self {
        match self {
            Self::Refused(refusal) if refusal.kind != RefusalKind::Declined => Self::Unknown(Uncertainty {
                reference: refusal.reference,
                ..Uncertainty::new(refusal.message)
            }),
            Self::NotSent(uncertainty) => Self::Unknown(uncertainty),
            known => known,
        }
    }
}

impl<T> Outcome<T> {
    /// The reason for a missing answer, if it is missing.
    #[must_use]
    pub const fn uncertainty(&self) -> Option<&Uncertainty> {
        match self {
            Self::NotSent(uncertainty) | Self::Unknown(uncertainty) => Some(uncertainty),
            Self::Done(_) | Self::Refused(_) => None,
        }
    }
}

/// Why a definite answer is missing, and what is known anyway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncertainty {
    /// For logs and the audit trail, e.g. `timed out after 20 s`; never contains a secret.
    pub reason: String,
    /// The provider's object, if an earlier step of the same operation named it.
    pub reference: Option<ProviderRef>,
    /// How many seconds to wait before the next call, as the provider asks (`Retry-After`, RFC 9110 10.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// The provider is healthy but is processing another request of ours for the same object; not a provider failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_conflict: bool,
    /// The provider answers this call's key from a saved failure (Stripe, for 24 h): whatever the first request did,
    /// repeating it reveals nothing more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_key_dead: bool,
    /// The charge expired before the provider could be called; it is not sent any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_expired: bool,
}

impl Uncertainty {
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            reference: None,
            retry_after_s: None,
            is_conflict: false,
            is_key_dead: false,
            is_expired: false,
        }
    }

    /// The provider is processing another request for the same object.
    #[must_use]
    pub fn conflict(reason: impl Into<String>) -> Self {
        Self { is_conflict: true, ..Self::new(reason) }
    }
}

/// A definite refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// The provider's own code, e.g. `card_declined` or `INSTRUMENT_DECLINED`.
    pub code: Option<String>,
    /// The reason for a decline, e.g. `insufficient_funds`, or why what the payer brought cannot pay: `token_used`,
    /// `token_expired`, `authentication_failed`. These are not declines, and so prove nothing about an earlier
    /// call.
    pub decline_code: Option<String>,
    /// For the client; the provider's text if it is meant for a customer or developer.
    pub message: String,
    /// The object that the refused request left at the provider (Stripe keeps the refused PaymentIntent).
    pub reference: Option<ProviderRef>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The payer's bank, account or the provider's risk check declined. Never retried automatically.
    Declined,
    /// A field of the client's request is invalid; `param` is its name in our API.
    Invalid { param: Option<String> },
    /// The provider's object is not in a state that allows this.
    State,
    /// The authorization, or the offer to the payer, expired at the provider: no money moved, and none will.
    Expired,
    /// The refund exceeds what is left of the charge.
    RefundExceeds,
    /// Our credentials, account or integration are at fault: an operator has to act, not the payer.
    Configuration,
}

impl Refusal {
    /// Why the payer cannot pay so: the decline code if there is one, else the provider's code for a decline.
    #[must_use]
    pub fn reason(&self) -> Option<&String> {
        let declined = self.kind == RefusalKind::Declined;
        self.decline_code.as_ref().or(self.code.as_ref().filter(|_| declined))
    }
}

/// The operation that a call requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    Charge,
    /// Takes the money that the payer has approved.
    Resume,
    Capture,
    Cancel,
    Refund,
}

impl OperationKind {
    /// The name in the audit trail and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Resume => "resume",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        }
    }
}

/// An order to take or authorize this amount.
#[derive(Clone, Debug)]
pub struct ChargeOrder {
    pub payment: PaymentId,
    pub client: ClientId,
    pub attempt: AttemptId,
    pub money: Money,
    pub method: Option<String>,
    /// The wallet that the payer's browser confirms the order with.
    pub wallet: Option<Wallet>,
    pub verification: Option<Verification>,
    /// The order that `method` names was judged before
    /// ([`PaymentProvider::judge`](crate::ports::provider::PaymentProvider::judge)).
    pub is_judged: bool,
    pub capture: CaptureMode,
    pub description: Option<String>,
    pub customer_reference: Option<String>,
    pub metadata: Metadata,
    pub return_url: Option<String>,
}

/// The result of a charge that the provider has processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// The money moved. `charge` is the reference for refunds.
    Completed { payment: ProviderRef, charge: ProviderRef, paid_with: Option<PaidWith> },
    /// The money is held. `authorization` is the reference for captures and cancellations.
    Authorized { payment: ProviderRef, authorization: ProviderRef, paid_with: Option<PaidWith> },
    /// The payer has to act first. `declined`: the method that the payer chose there was declined, and the
    /// payer may choose another.
    RequiresAction { payment: ProviderRef, action: PayerAction, declined: bool },
    /// The provider accepted the charge and decides later (a pending capture, an asynchronous method).
    Pending { payment: ProviderRef },
}

impl Charged {
    /// What the payer paid with, if the provider reports it.
    #[must_use]
    pub const fn paid_with(&self) -> Option<&PaidWith> {
        match self {
            Self::Completed { paid_with, .. } | Self::Authorized { paid_with, .. } => paid_with.as_ref(),
            Self::RequiresAction { .. } | Self::Pending { .. } => None,
        }
    }
}

/// The payer returned from the provider's page: take or authorize what the payer approved.
#[derive(Clone, Debug)]
pub struct ResumeOrder {
    pub payment: PaymentId,
    pub client: ClientId,
    pub attempt: AttemptId,
    pub money: Money,
    pub capture: CaptureMode,
    pub session: ProviderRef,
    /// The provider's page that the payer was sent to, if any.
    pub page: Option<String>,
    /// The wallet that the payer has to have confirmed with.
    pub wallet: Option<Wallet>,
    /// What the payer approved was judged before
    /// ([`PaymentProvider::judge`](crate::ports::provider::PaymentProvider::judge)).
    pub is_judged: bool,
}

/// An order to take `money` of the authorized amount; the rest is released.
#[derive(Clone, Debug)]
pub struct CaptureOrder {
    pub payment: PaymentId,
    pub attempt: AttemptId,
    pub authorization: ProviderRef,
    pub money: Money,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Captured {
    Completed { charge: ProviderRef },
    Pending,
}

/// An order to release an authorization, or to end a payment whose payer has not acted.
#[derive(Clone, Debug)]
pub struct CancelOrder {
    pub payment: PaymentId,
    pub attempt: AttemptId,
    pub target: CancelTarget,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelTarget {
    Authorization(ProviderRef),
    /// A payment that waits for the payer (a PaymentIntent, an unapproved order).
    Session(ProviderRef),
}

/// An order to refund `money` of a charge.
#[derive(Clone, Debug)]
pub struct RefundOrder {
    pub payment: PaymentId,
    pub refund: RefundId,
    pub attempt: AttemptId,
    pub charge: ProviderRef,
    pub money: Money,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunded {
    Processed { refund: ProviderRef },
    Pending { refund: ProviderRef },
}

/// A charge that this provider can never make; detected before anything is recorded or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacceptable {
    /// The field of the client's request.
    pub param: &'static str,
    /// The rule that the field violates.
    pub message: String,
}
