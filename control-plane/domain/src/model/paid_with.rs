//! What a payment was paid with, as the provider reports it.

use serde::{Deserialize, Serialize};

/// What a payment was paid with, as far as the provider reports it. The words are the provider's, so that a new kind of
/// wallet needs no new release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidWith {
    /// `card`, `paypal`, `link`, …
    pub kind: String,
    /// The wallet that held the card: `apple_pay`, `google_pay`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<String>,
    /// The card's brand in lower case, e.g. `visa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The last four digits of the card's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last4: Option<String>,
}
