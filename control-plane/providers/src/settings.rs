//! Settings that an operator configures.

use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::liability::LiabilityPolicy;
use crate::outgoing::Outgoing;

#[derive(Clone, Debug)]
pub struct Settings {
    pub stripe: Option<StripeSettings>,
    pub paypal: Option<PaypalSettings>,
    /// Where a payer's browser returns after a step at another site, for charges without a return URL.
    pub default_return_url: Option<String>,
    /// With which results of an authentication a client's PayPal order that a wallet confirmed is captured.
    pub wallet_liability_shift: LiabilityPolicy,
    pub timeouts: Timeouts,
    /// Whether a failing provider gets no calls for a while.
    pub circuit_breakers: bool,
}

#[derive(Clone, Debug)]
pub struct StripeSettings {
    /// `https://api.stripe.com`, or that of a sandbox.
    pub api_base: Url,
    /// `sk_test_…` or `sk_live_…`.
    pub secret_key: SecretString,
    pub outgoing: Outgoing,
}

impl StripeSettings {
    /// Whether the key moves real money.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let key = self.secret_key.expose_secret();
        key.starts_with("sk_live_") || key.starts_with("rk_live_")
    }
}

#[derive(Clone, Debug)]
pub struct PaypalSettings {
    /// `https://api-m.paypal.com`, `https://api-m.sandbox.paypal.com`, or that of a sandbox.
    pub api_base: Url,
    pub client_id: String,
    pub client_secret: SecretString,
    pub outgoing: Outgoing,
}

/// How long the gateway waits for a provider. When `connect` expires, nothing was sent; when another limit expires, the
/// outcome is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS together.
    pub connect: Duration,
    /// One request with its whole answer.
    pub call: Duration,
    /// All requests of one operation.
    pub operation: Duration,
}

impl Timeouts {
    /// All limits, derived from that of one request.
    #[must_use]
    pub fn of_calls(call: Duration) -> Self {
        Self { connect: call.min(Duration::from_secs(2)), call, operation: call * 5 / 2 }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::of_calls(Duration::from_secs(10))
    }
}
