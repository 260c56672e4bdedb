//! The log line of a starting process: its role, version and dependencies, without secrets.

use payments_providers::{PaypalSettings, StripeSettings};
use payments_stores::Encryption;

use crate::config::{GatewaySettings, QueueSettings};

/// The facts beyond the gateway's settings, in words.
pub(crate) struct Surroundings<'a> {
    pub(crate) role: &'static str,
    pub(crate) edge_cache: String,
    pub(crate) queue: Option<&'a QueueSettings>,
}

pub(crate) fn tell(gateway: &GatewaySettings, around: &Surroundings<'_>) {
    let Surroundings { role, edge_cache, queue } = around;
    let (version, database) = (env!("CARGO_PKG_VERSION"), gateway.database.place());
    let queue = queue.map_or_else(|| "the database alone".to_owned(), |queue| queue.uri.to_string());
    let encryption = encryption(&gateway.database.encryption);
    let stripe = stripe(gateway.providers.stripe.as_ref());
    let paypal = paypal(gateway.providers.paypal.as_ref());
    tracing::info!(
        role, version, %database, %encryption, %edge_cache, %queue, %stripe, %paypal,
        "starting"
    );
}

fn encryption(settings: &Encryption) -> String {
    settings.wrapping.as_ref().map_or_else(
        || "off, values are stored as they are".to_owned(),
        |wrapping| format!("on, `{}` wraps data keys", wrapping.first()),
    )
}

const NOT_CONFIGURED: &str = "is not configured";

fn stripe(settings: Option<&StripeSettings>) -> String {
    settings.map_or_else(
        || NOT_CONFIGURED.to_owned(),
        |stripe| {
            let mode = if stripe.is_live() { "live" } else { "test" };
            format!("at {} with a {mode} key", stripe.api_base)
        },
    )
}

fn paypal(settings: Option<&PaypalSettings>) -> String {
    settings.map_or_else(|| NOT_CONFIGURED.to_owned(), |paypal| format!("at {}", paypal.api_base))
}
