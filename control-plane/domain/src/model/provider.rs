//! What a provider is asked to do, what it answers, and how certain the answer is.

use std::fmt;

use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::request::{CaptureMode, Metadata};
use serde::{Deserialize, Serialize};

use crate::model::id::{AttemptId, PaymentId, RefundId};

/// A provider's own name for something of its: a PaymentIntent, an order, an authorization, a capture.
/// Opaque here; only the adapter that made it reads it.
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

/// How an operation at a provider ended, and how sure of it we may be. It speaks of one call: where an earlier
/// call for the same order ended unknown, a repeat that was not sent, or refused for our configuration, leaves
/// that open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The provider did it.
    Done(T),
    /// The provider answered that it did not and will not do it.
    Refused(Refusal),
    /// It was certainly not executed: no connection, or the provider turned it away before working on it
    /// (rate limit). The same request may succeed later.
    NotSent(Uncertainty),
    /// It may or may not have been executed: the answer was lost, cut or made no sense.
    Unknown(Uncertainty),
}

impl<T> Outcome<T> {
    /// What the answer to a repeated call says about the operation. Being done or declined is said of the
    /// first call as well; anything else (turned away, not sent, "nothing left to refund") leaves open what
    /// became of it.
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
    /// Why there is no answer, where there is none.
    #[must_use]
    pub const fn uncertainty(&self) -> Option<&Uncertainty> {
        match self {
            Self::NotSent(uncertainty) | Self::Unknown(uncertainty) => Some(uncertainty),
            Self::Done(_) | Self::Refused(_) => None,
        }
    }
}

/// Why there is no answer, and what is known all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncertainty {
    /// For logs and the audit trail, e.g. `timed out after 20 s`; never holds a secret.
    pub reason: String,
    /// The provider's object, where an earlier step of the same operation named it.
    pub reference: Option<ProviderRef>,
    /// How many seconds the provider wants to be left alone (`Retry-After`, RFC 9110 10.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// The provider works, and is at the same thing for another request of ours; no fault of its.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_conflict: bool,
    /// The provider answers this call's key from a saved failure (Stripe, for 24 h): repeating it can never tell
    /// more, whatever the first request did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_key_dead: bool,
    /// A charge whose time ran out before the provider could be asked; it is not made any more.
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

    /// The provider is busy with the same thing.
    #[must_use]
    pub fn conflict(reason: impl Into<String>) -> Self {
        Self { is_conflict: true, ..Self::new(reason) }
    }
}

/// A definite no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// The provider's own code, e.g. `card_declined` or `INSTRUMENT_DECLINED`.
    pub code: Option<String>,
    /// The reason for a decline, e.g. `insufficient_funds`.
    pub decline_code: Option<String>,
    /// For the client; the provider's words where they are meant for a customer or developer.
    pub message: String,
    /// What the refused request left behind at the provider (Stripe keeps the refused PaymentIntent).
    pub reference: Option<ProviderRef>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The payer's bank, account or the provider's risk check said no. Never repeated by itself.
    Declined,
    /// A field of the client's request is at fault: its name in our API.
    Invalid { param: Option<String> },
    /// The provider's object is not in a state that allows this.
    State,
    /// What was held, or offered to the payer, has run out at the provider: no money moved, and none will.
    Expired,
    /// More was asked back than is left.
    RefundExceeds,
    /// Our credentials, account or integration: an operator has to act, not the payer.
    Configuration,
}

impl Refusal {
    /// Why the payer was declined: the reason where the provider gives one, else its code.
    #[must_use]
    pub fn reason(&self) -> Option<&String> {
        let declined = self.kind == RefusalKind::Declined;
        self.decline_code.as_ref().or(self.code.as_ref()).filter(|_| declined)
    }
}

/// What a call asks a provider to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    Charge,
    /// Taking what the payer has approved.
    Resume,
    Capture,
    Cancel,
    Refund,
}

impl OperationKind {
    /// As in the audit trail and in metrics.
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

/// Take or authorize this amount.
#[derive(Clone, Debug)]
pub struct ChargeOrder {
    pub payment: PaymentId,
    pub client: ClientId,
    pub attempt: AttemptId,
    pub money: Money,
    pub method: Option<String>,
    pub capture: CaptureMode,
    pub description: Option<String>,
    pub customer_reference: Option<String>,
    pub metadata: Metadata,
    pub return_url: Option<String>,
}

/// Where a charge stands when the provider has worked on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// The money moved. `charge` is what a refund refers to.
    Completed { payment: ProviderRef, charge: ProviderRef },
    /// The money is held. `authorization` is what a capture or cancel refers to.
    Authorized { payment: ProviderRef, authorization: ProviderRef },
    /// The payer has to act at `url` first. `declined`: what they chose there before was declined, and they may
    /// choose something else.
    RequiresAction { payment: ProviderRef, url: String, declined: bool },
    /// The provider took it and decides later (a pending capture, an asynchronous method).
    Pending { payment: ProviderRef },
}

/// The payer came back from the provider's page: go on with what they agreed to.
#[derive(Clone, Debug)]
pub struct ResumeOrder {
    pub payment: PaymentId,
    pub attempt: AttemptId,
    pub money: Money,
    pub capture: CaptureMode,
    pub session: ProviderRef,
    /// Where they were sent.
    pub page: String,
}

/// Take `amount` of what is held; the rest is released.
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

/// Release what is held, or end a payment whose payer has not acted.
#[derive(Clone, Debug)]
pub struct CancelOrder {
    pub payment: PaymentId,
    pub attempt: AttemptId,
    pub target: CancelTarget,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelTarget {
    Authorization(ProviderRef),
    /// What waits for the payer (a PaymentIntent, an unapproved order).
    Session(ProviderRef),
}

/// Give back `money` of a charge.
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

/// A charge this provider can never make, known before anything is recorded or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacceptable {
    /// The field of the client's request.
    pub param: &'static str,
    /// What would be right.
    pub message: String,
}
