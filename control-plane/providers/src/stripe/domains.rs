//! Registers the domains on which pages show wallets (docs.stripe.com/payments/payment-methods/pmd-registration).

use std::sync::Arc;

use payments::ports::clock::Clock;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Stripe, errors, requests};
use crate::transport::{ProviderRequest, TransportError};
use crate::{StripeSettings, Timeouts, untrusted};

/// What Stripe says of one wallet on a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainStatus {
    /// Stripe's name for the wallet.
    pub wallet: String,
    /// `active` or `inactive`.
    pub status: String,
    /// Stripe's own words for why it is not active.
    pub problem: Option<String>,
}

/// Why a domain could not be registered, in Stripe's words where it has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Stripe does not register the domain: {0}")]
pub struct NotRegistered(String);

/// Wallets that a page shows by a domain of its own.
const WALLETS: [&str; 2] = ["apple_pay", "google_pay"];

/// Registers `domain` and has Stripe look at it. Registering it again changes nothing.
///
/// # Errors
/// The outer one: the machine's TLS set-up is unusable.
pub async fn register_stripe_domain(
    settings: StripeSettings,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    domain: &str,
) -> Result<Result<Vec<DomainStatus>, NotRegistered>, TransportError> {
    let stripe = Stripe::new(settings, None, timeouts, clock)?;
    Ok(stripe.register(domain).await)
}

#[derive(Deserialize)]
struct Registered {
    id: String,
    #[serde(flatten)]
    wallets: Map<String, Value>,
}

impl Stripe {
    async fn register(&self, domain: &str) -> Result<Vec<DomainStatus>, NotRegistered> {
        let registered = self.ask(&requests::register_domain(domain)).await?;
        let id = untrusted::reference(&registered.id)
            .ok_or_else(|| NotRegistered("its answer names no usable id".to_owned()))?;
        let looked = self.ask(&requests::validate_domain(&id)).await?;
        Ok(WALLETS.into_iter().map(|wallet| status(wallet, looked.wallets.get(wallet))).collect())
    }

    async fn ask(&self, request: &ProviderRequest) -> Result<Registered, NotRegistered> {
        let sent = self.send(&self.transport.look(), request).await;
        let answer = sent.map_err(|not_done| NotRegistered(not_done.uncertainty().reason))?;
        if !answer.succeeded() {
            let told = errors::told(&answer).map(|error| error.message());
            return Err(NotRegistered(
                told.unwrap_or_else(|| format!("it answers with status {}", answer.status)),
            ));
        }
        answer.json().map_err(NotRegistered)
    }
}

fn status(wallet: &str, shown: Option<&Value>) -> DomainStatus {
    let text = |path: &str| shown.and_then(|shown| shown.pointer(path)).and_then(Value::as_str);
    DomainStatus {
        wallet: wallet.to_owned(),
        status: text("/status").and_then(untrusted::code).unwrap_or_else(|| "unknown".to_owned()),
        problem: text("/status_details/error_message").map(untrusted::message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stripes_words_are_kept_and_what_it_does_not_say_is_unknown() {
        let inactive = json!({ "status": "inactive", "status_details": { "error_message": "No file.\n" } });
        let read = status("apple_pay", Some(&inactive));
        assert_eq!((read.status.as_str(), read.problem.as_deref()), ("inactive", Some("No file. ")));
        assert_eq!(status("apple_pay", Some(&json!({ "status": "active" }))).problem, None);
        assert_eq!(status("google_pay", None).status, "unknown");
    }
}
