//! Stripe and PayPal behind one port. Requests and answers are mapped by pure functions; one transport does
//! the I/O.

mod blame;
mod breaker;
mod circuit_broken;
mod connections;
mod decimals;
mod inspect;
mod liability;
mod outgoing;
mod paypal;
mod provider_result;
mod settings;
mod stripe;
mod transport;
mod transport_error;
mod untrusted;

use std::collections::HashMap;
use std::sync::Arc;

use edge_core::provider::Provider;
use payments::ports::clock::Clock;
use payments::ports::provider::PaymentProvider;

pub use inspect::{Fault, inspect_paypal, inspect_stripe};
pub use liability::{LiabilityPolicy, LiabilityShifts};
pub use outgoing::{InvalidOutgoing, Outgoing};
pub use settings::{PaypalSettings, Settings, StripeSettings, Timeouts};
pub use stripe::domains::{
    DomainNotRead, DomainStatus, NotRegistered, StripeDomain, find_stripe_domain, register_stripe_domain,
};
pub use transport::TransportError;

use self::circuit_broken::{CircuitBroken, Reachable};

/// The providers this gateway has credentials for.
pub struct Providers(HashMap<Provider, Arc<dyn PaymentProvider>>);

impl Providers {
    /// Sets up the configured providers. Nothing is sent yet.
    ///
    /// # Errors
    /// Returns an error if a provider's base URL or the machine's TLS set-up is unusable.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, TransportError> {
        let Settings {
            stripe,
            paypal,
            default_return_url,
            wallet_liability_shift,
            timeouts,
            circuit_breakers,
        } = settings;
        let mut providers: HashMap<Provider, Arc<dyn PaymentProvider>> = HashMap::new();
        if let Some(stripe) = stripe {
            let stripe = stripe::Stripe::new(stripe, default_return_url.clone(), timeouts, clock.clone())?;
            providers.insert(Provider::Stripe, circuit_broken(stripe, clock.clone(), circuit_breakers));
        }
        if let Some(paypal) = paypal {
            let paypal = paypal::Paypal::new(
                paypal,
                default_return_url,
                wallet_liability_shift,
                timeouts,
                clock.clone(),
            )?;
            providers.insert(Provider::Paypal, circuit_broken(paypal, clock, circuit_breakers));
        }
        Ok(Self(providers))
    }

    /// `None` if the gateway has no credentials for the provider.
    #[must_use]
    pub fn get(&self, provider: Provider) -> Option<Arc<dyn PaymentProvider>> {
        self.0.get(&provider).cloned()
    }
}

fn circuit_broken(
    provider: impl Reachable + 'static,
    clock: Arc<dyn Clock>,
    by_circuit_breakers: bool,
) -> Arc<dyn PaymentProvider> {
    if by_circuit_breakers { Arc::new(CircuitBroken::new(provider, clock)) } else { Arc::new(provider) }
}

impl FromIterator<(Provider, Arc<dyn PaymentProvider>)> for Providers {
    fn from_iter<I: IntoIterator<Item = (Provider, Arc<dyn PaymentProvider>)>>(providers: I) -> Self {
        Self(providers.into_iter().collect())
    }
}
