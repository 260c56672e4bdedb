//! The field `paymentMethodId` of a charge.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::provider::Provider;

/// A provider's token for a way to pay, never a card number.
///
/// Stripe: `pm_` (a payment method), `ctoken_` (a confirmation token) or `tok_` (a token of a card or a wallet), and 1
/// to 100 of `A-Z a-z 0-9 _`. PayPal: 1 to 64 of `A-Z a-z 0-9 _ -` (a vault id, a billing agreement `B-…` or an
/// approved order's id), with `card:` before it for a vaulted card.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaymentMethodId(String);

impl PaymentMethodId {
    /// Behind `pm_`.
    pub(crate) const STRIPE_CHARS_MAX: usize = 100;
    /// Behind `card:`, if that is there.
    pub(crate) const PAYPAL_CHARS_MAX: usize = 64;

    /// `None` for what cannot be an id of this provider.
    #[must_use]
    pub fn parse(provider: Provider, id: &str) -> Option<Self> {
        let fits = match provider {
            Provider::Stripe => STRIPE_KINDS.iter().filter_map(|kind| id.strip_prefix(kind)).any(|rest| {
                (1..=Self::STRIPE_CHARS_MAX).contains(&rest.len())
                    && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }),
            Provider::Paypal => {
                let rest = id.strip_prefix("card:").unwrap_or(id);
                let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
                (1..=Self::PAYPAL_CHARS_MAX).contains(&rest.len()) && rest.bytes().all(allowed)
            }
        };
        fits.then(|| Self(id.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the id of an order at PayPal: 17 capitals and digits.
    #[must_use]
    pub fn is_paypal_order(id: &str) -> bool {
        id.len() == ORDER_ID_LENGTH && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    }
}

/// How ids of Stripe begin that can pay: payment methods, confirmation tokens, tokens.
const STRIPE_KINDS: [&str; 3] = ["pm_", "ctoken_", "tok_"];
const ORDER_ID_LENGTH: usize = 17;

impl fmt::Display for PaymentMethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PaymentMethodId {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Provider::ALL
            .into_iter()
            .find_map(|provider| Self::parse(provider, &id))
            .ok_or("must be a payment method id of a provider")
    }
}

impl From<PaymentMethodId> for String {
    fn from(id: PaymentMethodId) -> Self {
        id.0
    }
}
