use serde::{Deserialize, Serialize};

use super::Metadata;
use crate::money::{Amount, Currency};
use crate::provider::Provider;

/// `POST /payments/charge`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChargeRequest {
    pub provider: Provider,
    pub amount: Amount,
    pub currency: Currency,
    /// Stripe: `pm_…`, required. PayPal: a vault id (`card:` before it for a vaulted card), a billing
    /// agreement (`B-…`), an approved order's id, or left out to get a link at which the payer approves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_id: Option<String>,
    #[serde(default)]
    pub capture: CaptureMode,
    /// Shown to the payer where the provider can; 1 to 127 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
    /// Where the payer's browser goes after a step outside (3-D Secure, PayPal approval): http or https,
    /// at most 2,048 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// Your own name for the payer or the order; 1 to 127 characters, passed to the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_reference: Option<String>,
}

/// Whether the money moves at once or is only authorized, to be captured later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CaptureMode {
    #[default]
    Automatic,
    Manual,
}
