//! Decides whether a provider's calls go to the stack's sandbox or to the real provider.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use reqwest::Url;

use crate::Environment;

const STRIPE_API: &str = "https://api.stripe.com";
/// PayPal's own sandbox.
const PAYPAL_API: &str = "https://api-m.sandbox.paypal.com";
const PAYPAL_LIVE_HOSTS: [&str; 2] = ["api-m.paypal.com", "api.paypal.com"];

/// Set to `yes`, it allows a stack on this machine to move real money.
const ALLOW_LIVE_KEYS: &str = "ALLOW_LIVE_KEYS";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The provider sandbox of this stack, with generated credentials.
    Sandbox,
    /// The base URL of the real provider whose credentials the caller gave, or a URL that the caller gave.
    Given(String),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sandbox => f.write_str("the provider sandbox"),
            Self::Given(base) => write!(f, "{base}, as your environment says"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destinations {
    pub stripe: Destination,
    pub paypal: Destination,
}

impl Destinations {
    /// Credentials for a provider select that provider. Live ones are rejected, unless allowed explicitly: a
    /// variable that was left in a shell must not charge a card.
    pub fn from_environment(environment: &Environment) -> Result<Self> {
        let destinations = Self { stripe: stripe(environment), paypal: paypal(environment)? };
        if environment.get(ALLOW_LIVE_KEYS).map(String::as_str) != Some("yes") {
            refuse_live(environment, &destinations)?;
        }
        Ok(destinations)
    }
}

fn stripe(environment: &Environment) -> Destination {
    destination(environment, environment.contains_key("STRIPE_SECRET_KEY"), "STRIPE_API_BASE", STRIPE_API)
}

fn paypal(environment: &Environment) -> Result<Destination> {
    match (environment.contains_key("PAYPAL_CLIENT_ID"), environment.contains_key("PAYPAL_CLIENT_SECRET")) {
        (true, false) => bail!("PAYPAL_CLIENT_ID is set without PAYPAL_CLIENT_SECRET; set both or none"),
        (false, true) => bail!("PAYPAL_CLIENT_SECRET is set without PAYPAL_CLIENT_ID; set both or none"),
        (has_credentials, _) => Ok(destination(environment, has_credentials, "PAYPAL_API_BASE", PAYPAL_API)),
    }
}

fn destination(environment: &Environment, has_credentials: bool, base: &str, default: &str) -> Destination {
    match environment.get(base) {
        Some(base) => Destination::Given(base.clone()),
        None if has_credentials => Destination::Given(default.to_owned()),
        None => Destination::Sandbox,
    }
}

fn refuse_live(environment: &Environment, destinations: &Destinations) -> Result<()> {
    let live_key = environment
        .get("STRIPE_SECRET_KEY")
        .is_some_and(|key| key.starts_with("sk_live_") || key.starts_with("rk_live_"));
    if live_key {
        bail!(
            "STRIPE_SECRET_KEY is a live key, which moves real money; use a test key (sk_test_…), \
             unset it for the provider sandbox, or set {ALLOW_LIVE_KEYS}=yes if you mean it"
        );
    }
    if let Destination::Given(base) = &destinations.paypal {
        let url =
            Url::parse(base).with_context(|| format!("PAYPAL_API_BASE is `{base}`, which is no URL"))?;
        if url.host_str().is_some_and(|host| PAYPAL_LIVE_HOSTS.contains(&host)) {
            bail!(
                "PAYPAL_API_BASE is PayPal's live API, which moves real money; use {PAYPAL_API}, \
                 or set {ALLOW_LIVE_KEYS}=yes if you mean it"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(variables: &[(&str, &str)]) -> Result<Destinations> {
        let environment =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Destinations::from_environment(&environment)
    }

    #[test]
    fn without_credentials_both_go_to_the_sandbox() {
        let destinations = destinations(&[]).unwrap();
        assert_eq!(destinations, Destinations { stripe: Destination::Sandbox, paypal: Destination::Sandbox });
    }

    #[test]
    fn a_test_key_goes_to_the_real_stripe() {
        let stripe = destinations(&[("STRIPE_SECRET_KEY", "sk_test_1")]).unwrap().stripe;
        assert_eq!(stripe, Destination::Given("https://api.stripe.com".to_owned()));
    }

    #[test]
    fn a_base_url_from_the_caller_is_kept() {
        let given = [("STRIPE_SECRET_KEY", "sk_test_1"), ("STRIPE_API_BASE", "http://127.0.0.1:12111")];
        let stripe = destinations(&given).unwrap().stripe;
        assert_eq!(stripe, Destination::Given("http://127.0.0.1:12111".to_owned()));
    }

    #[test]
    fn half_of_paypals_credentials_is_an_error_that_names_the_other_half() {
        let error = destinations(&[("PAYPAL_CLIENT_ID", "id")]).unwrap_err();
        assert!(error.to_string().contains("PAYPAL_CLIENT_SECRET"), "{error}");
    }

    #[test]
    fn live_keys_are_rejected_and_not_echoed() {
        let error = destinations(&[("STRIPE_SECRET_KEY", "sk_live_hidden")]).unwrap_err().to_string();
        assert!(error.contains("ALLOW_LIVE_KEYS") && !error.contains("hidden"), "{error}");
        let paypal = [
            ("PAYPAL_CLIENT_ID", "id"),
            ("PAYPAL_CLIENT_SECRET", "hidden"),
            ("PAYPAL_API_BASE", "https://api-m.paypal.com"),
        ];
        let error = destinations(&paypal).unwrap_err().to_string();
        assert!(error.contains("ALLOW_LIVE_KEYS") && !error.contains("hidden"), "{error}");
    }

    #[test]
    fn live_keys_are_accepted_when_explicitly_allowed() {
        assert!(destinations(&[("STRIPE_SECRET_KEY", "sk_live_1"), ("ALLOW_LIVE_KEYS", "yes")]).is_ok());
        assert!(destinations(&[("STRIPE_SECRET_KEY", "sk_live_1"), ("ALLOW_LIVE_KEYS", "1")]).is_err());
    }
}
