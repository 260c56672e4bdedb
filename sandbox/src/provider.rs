//! The provider and the operation of a request, as used by the ledger, the request log and the faults.

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

/// The operation of a request, by its effect on money rather than by its URL: creating a Stripe PaymentIntent or a
/// PayPal order with manual capture is an `authorize`, with automatic capture a `charge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    Charge,
    Authorize,
    Capture,
    Cancel,
    Refund,
    Retrieve,
    /// Reading a dispute, for which PayPal requires a separate permission.
    Dispute,
    Token,
    Certificate,
    Webhook,
    /// A URL that the provider does not know. It is counted, but no fault can match it.
    #[serde(skip_deserializing)]
    Unknown,
}
