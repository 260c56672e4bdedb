//! Whom a request addresses and what it asks for: the words used by the ledger, the request log and the faults.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    Stripe,
    Paypal,
}

impl Provider {
    pub(crate) const ALL: [Self; 2] = [Self::Stripe, Self::Paypal];
}

/// What a request is for, by its purpose for the money rather than by its URL: creating a Stripe
/// PaymentIntent or a PayPal order with manual capture is an `authorize`, with automatic capture a `charge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    Charge,
    Authorize,
    Capture,
    Cancel,
    Refund,
    Retrieve,
    /// Reading a dispute, for which PayPal wants a permission of its own.
    Dispute,
    Token,
    Certificate,
    Webhook,
    /// A URL the provider does not know. Counted, but no fault can be aimed at it.
    #[serde(skip_deserializing)]
    Unknown,
}
