//! Webhook targets, signing secrets and retry settings.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use url::Url;

use crate::faults::InvalidRule;

/// The webhooks of both providers. The default delivers none and only stores the events.
#[derive(Debug, Clone, Default)]
pub struct WebhookConfig {
    pub stripe: StripeTarget,
    pub paypal: PaypalTarget,
    pub delivery: DeliveryConfig,
}

#[derive(Debug, Clone, Default)]
pub struct StripeTarget {
    /// The URL for Stripe's events; `None` delivers none.
    pub url: Option<String>,
    /// The endpoint's secrets (`whsec_…`), each of which signs: two during a rotation.
    pub secrets: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct PaypalTarget {
    /// The URL for PayPal's events; `None` delivers none.
    pub url: Option<String>,
    /// The webhook's id at PayPal, which is part of the signed message.
    pub webhook_id: Option<String>,
}

/// How a failed delivery is retried: faster than at the providers, where it takes days.
#[derive(Debug, Clone)]
pub struct DeliveryConfig {
    /// Attempts for each delivery, including the first.
    pub tries: NonZeroU32,
    /// The delay before the second attempt; each further delay is twice as long.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// The timeout for the receiver's response.
    pub timeout: Duration,
    /// Concurrent deliveries for each provider. With one, events arrive in order, except retries.
    pub concurrency: NonZeroU32,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            tries: NonZeroU32::MIN.saturating_add(19),
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            concurrency: NonZeroU32::MIN,
        }
    }
}

impl DeliveryConfig {
    /// The delay after this many failed attempts; `None` if there are no more.
    pub(crate) fn wait_after(&self, tries: u32) -> Option<Duration> {
        if tries >= self.tries.get() {
            return None;
        }
        let doublings = tries.saturating_sub(1).min(31);
        Some(self.first_wait.saturating_mul(1 << doublings).min(self.longest_wait))
    }
}

/// The target of one provider's lane.
#[derive(Debug, Clone)]
pub(crate) enum DeliveryTarget {
    Stripe(StripeTarget),
    Paypal(PaypalTarget),
}

impl DeliveryTarget {
    pub(crate) fn url(&self) -> Option<&str> {
        match self {
            Self::Stripe(target) => target.url.as_deref(),
            Self::Paypal(target) => target.url.as_deref(),
        }
    }

    /// The view of the target; secrets are only counted.
    pub(crate) fn view(&self) -> Value {
        match self {
            Self::Stripe(target) => json!({ "url": target.url, "secrets": target.secrets.len() }),
            Self::Paypal(target) => json!({ "url": target.url, "webhookId": target.webhook_id }),
        }
    }
}

impl WebhookConfig {
    /// Rejects settings with which every delivery would fail.
    pub(crate) fn check(&self) -> Result<(), InvalidRule> {
        self.stripe.check()?;
        self.paypal.check()
    }
}

impl StripeTarget {
    fn check(&self) -> Result<(), InvalidRule> {
        check_url("stripe.url", self.url.as_deref())?;
        if self.url.is_some() && self.secrets.is_empty() {
            return invalid("stripe.secrets", "must name at least one secret to sign with");
        }
        if self.secrets.iter().any(String::is_empty) {
            return invalid("stripe.secrets", "must not be empty");
        }
        Ok(())
    }
}

impl PaypalTarget {
    fn check(&self) -> Result<(), InvalidRule> {
        check_url("paypal.url", self.url.as_deref())?;
        let id = self.webhook_id.as_deref();
        if self.url.is_some() && id.is_none() {
            return invalid("paypal.webhookId", "must be given: it is part of what is signed");
        }
        let well_formed = |id: &str| {
            (1..=50).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'|')
        };
        if id.is_some_and(|id| !well_formed(id)) {
            return invalid("paypal.webhookId", "must be 1 to 50 printable ASCII characters without `|`");
        }
        Ok(())
    }
}

fn check_url(field: &str, url: Option<&str>) -> Result<(), InvalidRule> {
    let Some(url) = url else { return Ok(()) };
    match Url::parse(url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => invalid(field, "must be an http or https URL"),
    }
}

fn invalid<T>(field: &str, message: &str) -> Result<T, InvalidRule> {
    Err(InvalidRule { field: field.to_owned(), message: message.to_owned() })
}

/// The body of `PUT /_sandbox/webhooks`. An absent provider or field is unchanged; a `url` of `null` ends delivery.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsChange {
    #[serde(default)]
    stripe: StripeChange,
    #[serde(default)]
    paypal: PaypalChange,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StripeChange {
    #[serde(default, deserialize_with = "given")]
    url: Option<Option<String>>,
    #[serde(default)]
    secrets: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PaypalChange {
    #[serde(default, deserialize_with = "given")]
    url: Option<Option<String>>,
    #[serde(default)]
    webhook_id: Option<String>,
}

/// Distinguishes `null` from an absent field.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl SettingsChange {
    /// The target after the change.
    pub(crate) fn apply(&self, target: &DeliveryTarget) -> Result<DeliveryTarget, InvalidRule> {
        match target {
            DeliveryTarget::Stripe(target) => {
                let mut target = target.clone();
                if let Some(url) = &self.stripe.url {
                    target.url.clone_from(url);
                }
                if let Some(secrets) = &self.stripe.secrets {
                    target.secrets.clone_from(secrets);
                }
                target.check()?;
                Ok(DeliveryTarget::Stripe(target))
            }
            DeliveryTarget::Paypal(target) => {
                let mut target = target.clone();
                if let Some(url) = &self.paypal.url {
                    target.url.clone_from(url);
                }
                if let Some(id) = &self.paypal.webhook_id {
                    target.webhook_id = Some(id.clone());
                }
                target.check()?;
                Ok(DeliveryTarget::Paypal(target))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_end_with_the_attempts() {
        let delivery =
            DeliveryConfig { tries: NonZeroU32::MIN.saturating_add(8), ..DeliveryConfig::default() };
        let waits: Vec<_> = (1..).map_while(|tries| delivery.wait_after(tries)).collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000].map(Duration::from_millis);
        assert_eq!(waits, expected);
    }

    #[test]
    fn a_change_keeps_absent_fields() {
        let before = DeliveryTarget::Stripe(StripeTarget {
            url: Some("http://127.0.0.1:1/".to_owned()),
            secrets: vec!["whsec_1".to_owned()],
        });
        let apply = |change: &str| {
            let change: SettingsChange = serde_json::from_str(change).unwrap();
            change.apply(&before).map(|target| target.view())
        };
        let rolled = apply(r#"{"stripe":{"secrets":["whsec_1","whsec_2"]}}"#).unwrap();
        assert_eq!(rolled, json!({ "url": "http://127.0.0.1:1/", "secrets": 2 }));
        let ended = apply(r#"{"stripe":{"url":null}}"#).unwrap();
        assert_eq!(ended, json!({ "url": null, "secrets": 1 }));
        assert_eq!(apply(r#"{"stripe":{"secrets":[]}}"#).unwrap_err().field, "stripe.secrets");
        assert_eq!(apply(r#"{"stripe":{"url":"ftp://x"}}"#).unwrap_err().field, "stripe.url");
    }

    #[test]
    fn a_paypal_webhook_needs_its_id() {
        let target = DeliveryTarget::Paypal(PaypalTarget::default());
        let apply = |change: &str| serde_json::from_str::<SettingsChange>(change).unwrap().apply(&target);
        let error = apply(r#"{"paypal":{"url":"http://127.0.0.1:1/"}}"#).unwrap_err();
        assert_eq!(error.field, "paypal.webhookId");
        assert!(apply(r#"{"paypal":{"url":"http://127.0.0.1:1/","webhookId":"WH1"}}"#).is_ok());
        assert!(apply(r#"{"paypal":{"webhookId":"a|b"}}"#).is_err());
    }
}
