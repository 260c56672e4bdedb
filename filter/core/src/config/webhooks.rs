//! The accepted webhooks, and how they are verified.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConfigError;
use crate::webhook::paypal::{Environment, WebhookId};
use crate::webhook::stripe::{Secrets, TOLERANCE_S};
use crate::webhook::x509::Trust;

/// The environment variable with the endpoint's signing secrets at Stripe, separated by commas: both of them during a
/// rotation.
pub const STRIPE_SECRETS_VARIABLE: &str = "STRIPE_WEBHOOK_SECRETS";

/// The longest accepted webhook, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// How webhooks are verified. A provider that is not configured gets 503, and so redelivers.
#[derive(Debug)]
pub struct Webhooks {
    pub body_bytes_max: usize,
    /// The allowed age of Stripe's signatures, in seconds: 1 to 3600.
    pub tolerance_s: u64,
    pub stripe: Option<Secrets>,
    pub paypal: Option<Paypal>,
}

#[derive(Debug)]
pub struct Paypal {
    pub environment: Environment,
    pub webhook_id: WebhookId,
    pub trust: Trust,
    /// Envoy's cluster for each host (and port) that certificates may be fetched from.
    pub clusters: BTreeMap<String, String>,
    /// How old a key that is in use may be when it is fetched again, in seconds: 1 to 86,400.
    pub refresh_after_s: u64,
}

/// Half of PayPal's own `cache-control`.
const REFRESH_AFTER_S: u64 = 12 * 3600;

const fn refresh_after_s() -> u64 {
    REFRESH_AFTER_S
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    max_body_bytes: usize,
    tolerance_seconds: u64,
    paypal: Option<PaypalSettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PaypalSettings {
    environment: EnvironmentSettings,
    webhook_id: String,
    /// PEM.
    trust: String,
    clusters: BTreeMap<String, String>,
    #[serde(default = "refresh_after_s")]
    refresh_seconds: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum EnvironmentSettings {
    Live,
    Sandbox,
    #[serde(rename_all = "camelCase")]
    StandIn {
        origins: Vec<String>,
        certificate_name: String,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_body_bytes: BODY_BYTES_MAX, tolerance_seconds: TOLERANCE_S, paypal: None }
    }
}

impl Settings {
    pub(super) fn check(self, stripe_secrets: Option<&str>) -> Result<Webhooks, ConfigError> {
        if !(1..=1_048_576).contains(&self.max_body_bytes) {
            return Err(ConfigError::WebhookBodyLimit);
        }
        if !(1..=3_600).contains(&self.tolerance_seconds) {
            return Err(ConfigError::Tolerance);
        }
        let stripe =
            stripe_secrets.map(|list| list.split(',').map(str::trim).filter(|secret| !secret.is_empty()));
        let stripe = stripe.map(Secrets::new).transpose().map_err(ConfigError::StripeSecrets)?;
        Ok(Webhooks {
            body_bytes_max: self.max_body_bytes,
            tolerance_s: self.tolerance_seconds,
            stripe,
            paypal: self.paypal.map(PaypalSettings::check).transpose()?,
        })
    }
}

impl PaypalSettings {
    fn check(self) -> Result<Paypal, ConfigError> {
        let environment = match self.environment {
            EnvironmentSettings::Live => Environment::live(),
            EnvironmentSettings::Sandbox => Environment::sandbox(),
            EnvironmentSettings::StandIn { origins, certificate_name } => {
                Environment::stand_in(origins.iter().map(String::as_str), &certificate_name)
                    .map_err(ConfigError::PaypalEnvironment)?
            }
        };
        if !(1..=86_400).contains(&self.refresh_seconds) {
            return Err(ConfigError::PaypalRefresh);
        }
        Ok(Paypal {
            environment,
            webhook_id: WebhookId::parse(&self.webhook_id).ok_or(ConfigError::PaypalWebhookId)?,
            trust: Trust::from_pem(self.trust.as_bytes()).map_err(ConfigError::PaypalTrust)?,
            clusters: self.clusters,
            refresh_after_s: self.refresh_seconds,
        })
    }
}
