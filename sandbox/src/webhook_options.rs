//! Where webhooks go and what signs them, as options.

use std::{num::NonZeroU32, path::PathBuf};

use clap::Args;
use provider_sandbox::{Config, DeliveryConfig, PaypalTarget, StripeTarget, WebhookConfig};

#[derive(Debug, Args)]
#[command(next_help_heading = "Webhooks (targets can be changed while it runs, by PUT /_sandbox/webhooks)")]
pub(crate) struct WebhookOptions {
    /// Where Stripe's events are posted to; kept and not delivered if absent.
    #[arg(long, env = "SANDBOX_STRIPE_WEBHOOK_URL", value_name = "URL")]
    stripe_webhook_url: Option<String>,

    /// The endpoint's signing secrets, separated by commas; each makes a v1 of Stripe-Signature.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", hide_env_values = true, value_name = "SECRETS")]
    stripe_webhook_secrets: Option<String>,

    /// Where PayPal's events are posted to; kept and not delivered if absent.
    #[arg(long, env = "SANDBOX_PAYPAL_WEBHOOK_URL", value_name = "URL")]
    paypal_webhook_url: Option<String>,

    /// The webhook's id at PayPal, part of what is signed.
    #[arg(long, env = "PAYPAL_WEBHOOK_ID", value_name = "ID")]
    paypal_webhook_id: Option<String>,

    /// Folder that keeps the root of PayPal's webhook certificates: root.pem, which the gateway is to trust, and its
    /// key. Made if it is not there; kept in memory if absent.
    #[arg(long, env = "SANDBOX_PAYPAL_CA_DIR", value_name = "DIR")]
    paypal_ca_dir: Option<PathBuf>,

    /// Name in PayPal's webhook certificate.
    #[arg(
        long,
        env = "SANDBOX_PAYPAL_CERT_NAME",
        value_name = "NAME",
        default_value = "messageverificationcerts.sandbox.paypal.com"
    )]
    paypal_cert_name: String,

    /// Base of the certificate's URL, if the gateway reaches the sandbox by another address than it listens on.
    #[arg(long, env = "SANDBOX_PAYPAL_CERT_BASE", value_name = "URL")]
    paypal_cert_base: Option<String>,

    /// Tries for each delivery: 0.1 s after the first, then twice as long each time, up to 5 s.
    #[arg(long, env = "SANDBOX_WEBHOOK_TRIES", default_value = "20", value_name = "N")]
    webhook_tries: NonZeroU32,

    /// Deliveries in flight at once for each provider; with one, events arrive in order.
    #[arg(long, env = "SANDBOX_WEBHOOK_CONCURRENCY", default_value = "1", value_name = "N")]
    webhook_concurrency: NonZeroU32,
}

impl WebhookOptions {
    pub(crate) fn add_to(&self, config: Config) -> Config {
        // An empty variable is an unset one.
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let secrets = given(&self.stripe_webhook_secrets);
        let secrets = secrets.iter().flat_map(|secrets| secrets.split(','));
        Config {
            webhooks: WebhookConfig {
                stripe: StripeTarget {
                    url: given(&self.stripe_webhook_url),
                    secrets: secrets.map(|secret| secret.trim().to_owned()).collect(),
                },
                paypal: PaypalTarget {
                    url: given(&self.paypal_webhook_url),
                    webhook_id: given(&self.paypal_webhook_id),
                },
                delivery: DeliveryConfig {
                    tries: self.webhook_tries,
                    concurrency: self.webhook_concurrency,
                    ..DeliveryConfig::default()
                },
            },
            paypal_ca_dir: self.paypal_ca_dir.clone(),
            paypal_certificate_name: self.paypal_cert_name.clone(),
            paypal_certificate_base: self.paypal_cert_base.clone(),
            ..config
        }
    }
}
