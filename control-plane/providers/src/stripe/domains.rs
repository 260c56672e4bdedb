//! Registers the domains on which pages show wallets (docs.stripe.com/payments/payment-methods/pmd-registration).

use std::sync::Arc;

use payments::ports::clock::Clock;
use serde::Deserialize;
use serde::de::DeserializeOwned;
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

/// A domain that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeDomain {
    /// Whether the merchant has not switched it off.
    pub is_enabled: bool,
    pub wallets: Vec<DomainStatus>,
}

/// Why it is not known whether a domain is registered, in Stripe's words where it has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Stripe does not say whether the domain is registered: {0}")]
pub struct DomainNotRead(String);

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

/// Looks a domain up; `None` if it is not registered. Nothing changes by it.
///
/// # Errors
/// The outer one: the machine's TLS set-up is unusable.
pub async fn find_stripe_domain(
    settings: StripeSettings,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    domain: &str,
) -> Result<Result<Option<StripeDomain>, DomainNotRead>, TransportError> {
    let stripe = Stripe::new(settings, None, timeouts, clock)?;
    let listed = stripe.ask::<ListedDomains>(&requests::find_domain(domain)).await;
    Ok(listed.map(|listed| listed.find(domain)).map_err(DomainNotRead))
}

#[derive(Deserialize)]
struct ListedDomains {
    data: Vec<Registered>,
}

impl ListedDomains {
    fn find(&self, domain: &str) -> Option<StripeDomain> {
        let found = self.data.iter().find(|registered| registered.name() == Some(domain))?;
        let is_enabled = found.shown.get("enabled").and_then(Value::as_bool) != Some(false);
        Some(StripeDomain { is_enabled, wallets: found.wallets() })
    }
}

#[derive(Deserialize)]
struct Registered {
    id: String,
    #[serde(flatten)]
    shown: Map<String, Value>,
}

impl Registered {
    fn name(&self) -> Option<&str> {
        self.shown.get("domain_name").and_then(Value::as_str)
    }

    fn wallets(&self) -> Vec<DomainStatus> {
        WALLETS.into_iter().map(|wallet| status(wallet, self.shown.get(wallet))).collect()
    }
}

impl Stripe {
    async fn register(&self, domain: &str) -> Result<Vec<DomainStatus>, NotRegistered> {
        let registered = self.ask::<Registered>(&requests::register_domain(domain)).await;
        let registered = registered.map_err(NotRegistered)?;
        let id = untrusted::reference(&registered.id)
            .ok_or_else(|| NotRegistered("its answer names no usable id".to_owned()))?;
        let looked = self.ask::<Registered>(&requests::validate_domain(&id)).await;
        Ok(looked.map_err(NotRegistered)?.wallets())
    }

    /// The error is Stripe's words, where it has any.
    async fn ask<T: DeserializeOwned>(&self, request: &ProviderRequest) -> Result<T, String> {
        let sent = self.send(&self.transport.look(), request).await;
        let answer = sent.map_err(|not_done| not_done.uncertainty().reason)?;
        if !answer.succeeded() {
            let told = errors::told(&answer).map(|error| error.message());
            return Err(told.unwrap_or_else(|| format!("it answers with status {}", answer.status)));
        }
        answer.json()
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

    #[test]
    fn a_domain_is_found_by_its_whole_name_and_one_that_is_switched_off_says_so() {
        let active = json!({ "status": "active" });
        let shown = |name: &str, enabled: bool| json!({ "id": "pmd_1", "domain_name": name, "enabled": enabled, "apple_pay": active });
        let listed = json!({ "data": [shown("pay.shop.example", true), shown("shop.example", false)] });
        let listed: ListedDomains = serde_json::from_value(listed).unwrap();
        assert!(listed.find("pay.shop.example").unwrap().is_enabled);
        let found = listed.find("shop.example").unwrap();
        assert!(!found.is_enabled);
        assert_eq!(found.wallets[0].status, "active");
        assert_eq!(listed.find("example"), None);
    }
}
