//! The field `wallet` of a charge.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A wallet that a payer can confirm a PayPal order with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Wallet {
    ApplePay,
    GooglePay,
}

impl Wallet {
    /// The name in the API, which is PayPal's name for the payment source too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApplePay => "apple_pay",
            Self::GooglePay => "google_pay",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::ApplePay, Self::GooglePay].into_iter().find(|wallet| wallet.name() == name)
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether the payer has to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// Where the law of the payer's or the payee's place wants it.
    WhenRequired,
    Always,
}

impl Verification {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WhenRequired => "when_required",
            Self::Always => "always",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::WhenRequired, Self::Always].into_iter().find(|asked| asked.name() == name)
    }
}
