//! Whether the providers take the settings, by a read without effect. Nothing else on an address gives answers of their
//! shape, so what answers otherwise is not the provider, whatever the status.

use std::sync::Arc;

use payments::ports::clock::Clock;

use crate::liability::LiabilityPolicy;
use crate::paypal::Paypal;
use crate::stripe::Stripe;
use crate::transport::{ProviderResponse, TransportError, TransportFailure};
use crate::{PaypalSettings, StripeSettings, Timeouts};

/// What is wrong, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The base URL is at fault, or the way there.
    Address(String),
    /// The provider does not take the credentials, or they are not allowed what the gateway does.
    Credentials(String),
    /// The provider is there and fails at the moment, so nothing is known of the credentials.
    Passing(String),
}

impl Fault {
    pub(crate) fn unreached(failure: TransportFailure) -> Self {
        let (TransportFailure::NotSent(reason) | TransportFailure::Unknown(reason)) = failure;
        Self::Address(reason)
    }

    /// The fault for an answer that the provider would not give.
    pub(crate) fn of_a_stranger(provider: &str, answer: &ProviderResponse) -> Self {
        let status = answer.status;
        if answer.is_of_a_working_provider() {
            Self::Address(format!("what answers there (status {status}) is not {provider}'s API"))
        } else {
            Self::Passing(format!("it answers with status {status} at the moment; try again"))
        }
    }
}

/// Asks Stripe for a payment that does not exist.
///
/// # Errors
/// The machine's TLS set-up is unusable.
pub async fn inspect_stripe(
    settings: StripeSettings,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
) -> Result<Option<Fault>, TransportError> {
    Ok(Stripe::new(settings, None, timeouts, clock)?.inspect().await.err())
}

/// The same at PayPal, which takes an access token first.
///
/// # Errors
/// As [`inspect_stripe`].
pub async fn inspect_paypal(
    settings: PaypalSettings,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
) -> Result<Option<Fault>, TransportError> {
    Ok(Paypal::new(settings, None, LiabilityPolicy::default(), timeouts, clock)?.inspect().await.err())
}
