//! The configuration of the edge.

mod idempotency;
mod webhooks;

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::attestation::{Holder, Keys, KeysError};
use crate::client::ClientId;
use crate::request::{ReturnUrlHosts, ReturnUrlHostsError};
use crate::setting::{Unclean, clean};
use crate::waiting::REQUESTS_MAX;
use crate::webhook::paypal::EnvironmentError;
use crate::webhook::stripe::SecretsError;
use crate::webhook::x509::TrustError;

pub use idempotency::{ClaimSettings, KeyRule, WhenUnavailable};
pub use webhooks::{Paypal, STRIPE_SECRETS_VARIABLE, Webhooks};

/// The environment variable with the keys: secrets must not be in a plugin's configuration, which Envoy shows in
/// `/config_dump`.
pub const KEYS_VARIABLE: &str = "EDGE_ATTESTATION_KEYS";

/// Everything besides the request that a decision depends on.
#[derive(Debug)]
pub struct EdgeConfig {
    pub keys: Keys,
    /// The clients there are, whose tickets are accepted. `None`: any, for an edge that cannot know them.
    pub clients: Option<BTreeSet<ClientId>>,
    /// The longest accepted body, in bytes.
    pub body_bytes_max: usize,
    /// The hosts to which payers may be sent.
    pub return_url_hosts: ReturnUrlHosts,
    /// The most requests of one client that a worker holds at once, 1 to [`REQUESTS_MAX`].
    pub in_flight_per_client: usize,
    pub claims: ClaimSettings,
    pub webhooks: Webhooks,
}

/// The values of the environment variables that hold secrets.
#[derive(Clone, Copy, Default)]
pub struct EdgeSecrets<'a> {
    /// The value of [`KEYS_VARIABLE`].
    pub keys: Option<&'a str>,
    /// The value of [`STRIPE_SECRETS_VARIABLE`].
    pub stripe: Option<&'a str>,
}

/// Why the edge does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the plugin configuration is invalid: {0}")]
    Settings(serde_json::Error),
    #[error("`maxBodyBytes` must be from 1 to 1048576")]
    BodyLimit,
    #[error("`returnUrlHosts`: {0}")]
    ReturnUrlHosts(ReturnUrlHostsError),
    #[error("`clients`: entry {0} (counted from 1) is not 1 to 64 of A-Z a-z 0-9 _ . -")]
    Clients(usize),
    #[error("`inFlightPerClient` must be from 1 to {REQUESTS_MAX}")]
    InFlight,
    #[error("`idempotency.cluster` must name a cluster of Envoy's")]
    Cluster,
    #[error("`idempotency.timeoutMs` must be from 1 to 10000")]
    ClaimTimeout,
    #[error("`idempotency.leaseMs` must be from 1 to 600000")]
    Lease,
    #[error("`idempotency.recentAnswers` must be from 0 to 65536")]
    RecentAnswers,
    #[error("`webhooks.maxBodyBytes` must be from 1 to 1048576")]
    WebhookBodyLimit,
    #[error("`webhooks.toleranceSeconds` must be from 1 to 3600")]
    Tolerance,
    #[error("{STRIPE_SECRETS_VARIABLE}: {0}")]
    StripeSecrets(SecretsError),
    #[error("`webhooks.paypal.environment`: {0}")]
    PaypalEnvironment(EnvironmentError),
    #[error(
        "`webhooks.paypal.webhookId` must be the id that PayPal gave the webhook, 1 to 64 letters, digits, `-` and `_`"
    )]
    PaypalWebhookId,
    #[error("`webhooks.paypal.trust`: {0}")]
    PaypalTrust(TrustError),
    #[error("`webhooks.paypal.refreshSeconds` must be from 1 to 86400")]
    PaypalRefresh,
    #[error(
        "{KEYS_VARIABLE} is not set; it must be what `control-plane edge-keys edge` prints, or the control plane's own list, and Envoy must pass it on (`host_env_keys`)"
    )]
    NoKeys,
    #[error("{KEYS_VARIABLE}: {0}")]
    Keys(KeysError),
    #[error("{0} {1}")]
    Unclean(&'static str, Unclean),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    clients: Option<Vec<String>>,
    max_body_bytes: usize,
    return_url_hosts: Vec<String>,
    in_flight_per_client: usize,
    idempotency: idempotency::Settings,
    webhooks: webhooks::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clients: None,
            max_body_bytes: 65_536,
            return_url_hosts: Vec::new(),
            // An eighth of the limit of the control plane's cluster.
            in_flight_per_client: 512,
            idempotency: idempotency::Settings::default(),
            webhooks: webhooks::Settings::default(),
        }
    }
}

impl EdgeConfig {
    /// Reads the plugin's configuration (a JSON object, or nothing for the defaults) and the secrets of the
    /// environment.
    ///
    /// # Errors
    /// Names the setting and its valid values.
    pub fn read(settings: &[u8], secrets: EdgeSecrets<'_>) -> Result<Self, ConfigError> {
        let settings = match settings.trim_ascii() {
            b"" => Settings::default(),
            json => serde_json::from_slice(json).map_err(ConfigError::Settings)?,
        };
        if !(1..=1_048_576).contains(&settings.max_body_bytes) {
            return Err(ConfigError::BodyLimit);
        }
        if !(1..=REQUESTS_MAX).contains(&settings.in_flight_per_client) {
            return Err(ConfigError::InFlight);
        }
        let unclean = |variable| move |why| ConfigError::Unclean(variable, why);
        let keys = clean(secrets.keys.ok_or(ConfigError::NoKeys)?).map_err(unclean(KEYS_VARIABLE))?;
        let keys = Keys::parse_for(Holder::Edge, keys).map_err(ConfigError::Keys)?;
        let hosts = settings.return_url_hosts.iter().map(String::as_str);
        let return_url_hosts = ReturnUrlHosts::new(hosts).map_err(ConfigError::ReturnUrlHosts)?;
        let clients = settings.clients.map(read_clients).transpose()?;
        let claims = settings.idempotency.check()?;
        let stripe = secrets.stripe.map(clean).transpose().map_err(unclean(STRIPE_SECRETS_VARIABLE))?;
        let webhooks = settings.webhooks.check(stripe)?;
        Ok(Self {
            keys,
            clients,
            body_bytes_max: settings.max_body_bytes,
            return_url_hosts,
            in_flight_per_client: settings.in_flight_per_client,
            claims,
            webhooks,
        })
    }
}

fn read_clients(names: Vec<String>) -> Result<BTreeSet<ClientId>, ConfigError> {
    let clients = (1..).zip(names);
    clients.map(|(n, name)| ClientId::parse(&name).ok_or(ConfigError::Clients(n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Route;
    use crate::test;

    const KEYS: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";

    fn with_keys(keys: Option<&str>) -> EdgeSecrets<'_> {
        EdgeSecrets { keys, stripe: None }
    }

    #[test]
    fn a_wrong_secret_or_setting_of_webhooks_is_named_and_no_secret_repeated() {
        let error = |settings: &str, stripe| {
            let secrets = EdgeSecrets { keys: Some(KEYS), stripe };
            EdgeConfig::read(settings.as_bytes(), secrets).unwrap_err().to_string()
        };
        assert!(error("{}", Some(" , ")).contains(STRIPE_SECRETS_VARIABLE));
        let message = error("{}", Some("whsec_a,whsec hidden"));
        assert!(message.contains(STRIPE_SECRETS_VARIABLE) && !message.contains("hidden"), "{message}");
        let paypal = |environment: &str, id: &str| {
            format!(
                r#"{{"webhooks":{{"paypal":{{"environment":{environment},"webhookId":"{id}","trust":"","clusters":{{}}}}}}}}"#
            )
        };
        for (settings, named) in [
            (r#"{"webhooks":{"toleranceSeconds":0}}"#.to_owned(), "toleranceSeconds"),
            (r#"{"webhooks":{"maxBodyBytes":0}}"#.to_owned(), "webhooks.maxBodyBytes"),
            (paypal("\"lively\"", "1"), "lively"),
            (paypal("\"live\"", "a b"), "webhookId"),
            (paypal("\"live\"", "1"), "webhooks.paypal.trust"),
            (
                paypal(r#"{"standIn":{"origins":["http://paypal.com"],"certificateName":"a"}}"#, "1"),
                "http://paypal.com",
            ),
        ] {
            let message = error(&settings, None);
            assert!(message.contains(named), "{message}");
        }
    }

    #[test]
    fn white_space_around_secrets_is_ignored_and_quotation_marks_are_rejected() {
        let padded = format!(" {KEYS}\r\n");
        let secrets = EdgeSecrets { keys: Some(&padded), stripe: Some("\u{feff}whsec_a, whsec_b\n") };
        assert!(EdgeConfig::read(b"{}", secrets).unwrap().webhooks.stripe.is_some());
        let quoted = format!("\"{KEYS}\"");
        for (secrets, variable) in [
            (with_keys(Some(&quoted)), KEYS_VARIABLE),
            (
                EdgeSecrets { stripe: Some("'whsec_hidden'"), ..with_keys(Some(KEYS)) },
                STRIPE_SECRETS_VARIABLE,
            ),
        ] {
            let error = EdgeConfig::read(b"{}", secrets).unwrap_err().to_string();
            assert!(error.contains(variable) && error.contains("quotation marks"), "{error}");
            assert!(!error.contains("hidden") && !error.contains("0101"), "{error}");
        }
    }

    #[test]
    fn the_default_body_limit_is_64_kib() {
        for settings in ["", " \n", "{}"] {
            assert_eq!(
                EdgeConfig::read(settings.as_bytes(), with_keys(Some(KEYS))).unwrap().body_bytes_max,
                65_536
            );
        }
    }

    #[test]
    fn keys_are_required_and_the_durable_row_is_trusted_unless_a_route_says_otherwise() {
        let settings = r#"{"idempotency":{"routes":{"refund":{"whenUnavailable":"reject"},"cancel":{"required":false}}}}"#;
        let claims = EdgeConfig::read(settings.as_bytes(), with_keys(Some(KEYS))).unwrap().claims;
        let rule = |required, when_unavailable| Some(KeyRule { required, when_unavailable });
        assert_eq!(claims.rule(Route::Charge), rule(true, WhenUnavailable::Pass));
        assert_eq!(claims.rule(Route::Refund), rule(true, WhenUnavailable::Reject));
        assert_eq!(claims.rule(Route::Cancel), rule(false, WhenUnavailable::Pass));
        assert_eq!(claims.rule(Route::GetPayment), None);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let error = |settings: &str, keys| {
            EdgeConfig::read(settings.as_bytes(), with_keys(keys)).unwrap_err().to_string()
        };
        assert!(error("{\"maxBodyByte\":1}", Some(KEYS)).contains("maxBodyByte"));
        assert!(error("{\"maxBodyBytes\":0}", Some(KEYS)).contains("maxBodyBytes"));
        assert!(error(r#"{"returnUrlHosts":["a","b:1"]}"#, Some(KEYS)).contains("`returnUrlHosts`: entry 2"));
        assert!(error(r#"{"clients":["demo","de mo"]}"#, Some(KEYS)).contains("`clients`: entry 2"));
        for in_flight in ["0", "16385"] {
            let settings = format!(r#"{{"inFlightPerClient":{in_flight}}}"#);
            assert!(error(&settings, Some(KEYS)).contains("`inFlightPerClient`"));
        }
        assert!(error("nonsense", Some(KEYS)).contains("plugin configuration"));
        for (setting, named) in [
            (r#"{"cluster":""}"#, "idempotency.cluster"),
            (r#"{"timeoutMs":0}"#, "idempotency.timeoutMs"),
            (r#"{"leaseMs":600001}"#, "idempotency.leaseMs"),
            (r#"{"recentAnswers":65537}"#, "idempotency.recentAnswers"),
            (r#"{"whenUnavailable":"open"}"#, "reject"),
            (r#"{"routes":{"list":{}}}"#, "list"),
        ] {
            let message = error(&format!("{{\"idempotency\":{setting}}}"), Some(KEYS));
            assert!(message.contains(named), "{message}");
        }
        assert!(error("{}", None).contains(KEYS_VARIABLE));
        assert!(error("{}", Some("k1:00")).contains(KEYS_VARIABLE));
    }
}
