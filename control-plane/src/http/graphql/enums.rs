//! The API's enums that mirror types of the edge.

use async_graphql::Enum;
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Verification, Wallet};

/// The provider that moves the money.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Provider", name = "Provider")]
pub(super) enum ProviderName {
    Stripe,
    Paypal,
}

/// Whether the money moves at once or is only authorized, to be captured later.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "CaptureMode", name = "CaptureMode")]
pub(super) enum CaptureName {
    Automatic,
    Manual,
}

/// The wallet that the payer confirms a PayPal order with.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Wallet", name = "Wallet")]
pub(super) enum WalletName {
    ApplePay,
    GooglePay,
}

/// Whether the payer has to authenticate.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Verification", name = "Verification")]
pub(super) enum VerificationName {
    /// Where the law of the payer's or the payee's place wants it.
    WhenRequired,
    Always,
}
