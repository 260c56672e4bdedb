//! A stateful stand-in for Stripe and PayPal.
//!
//! It is as strict as the providers, decides outcomes by their documented test payment methods, and adds a ledger of
//! every effect (`GET /_sandbox/ledger`) and fault injection (`POST /_sandbox/faults`). [`start`] runs one inside a
//! test; the binary runs one for people.

mod clock;
mod contracts;
mod control;
mod exchange;
mod faults;
mod http_response;
mod ids;
mod ledger;
mod money;
mod pages;
mod past;
mod paypal;
mod provider;
mod redact;
mod requests_log;
mod scripts;
mod server;
mod shop;
mod state;
mod stripe;
mod webhooks;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::Router;
pub use clock::{Clock, ManualClock, SystemClock};
use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
pub use webhooks::{DeliveryConfig, PaypalTarget, StripeTarget, WebhookConfig};

use crate::{
    contracts::Contracts,
    provider::Provider,
    state::{Addresses, Shared},
};

/// The configuration of a sandbox. The default suits tests: a free port on loopback, any test credentials, no
/// contracts.
#[derive(Clone)]
pub struct Config {
    /// The address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Base of the links to the approval and authentication pages, if browsers reach the sandbox at another address
    /// than it listens on.
    pub public_url: Option<String>,
    /// A folder with the providers' published contracts (`stripe/`, `paypal/`), against which requests are checked in
    /// addition to the sandbox's own rules.
    pub contracts: Option<PathBuf>,
    /// The only accepted Stripe key; `None` accepts every `sk_test_` key.
    pub stripe_secret_key: Option<String>,
    /// Whether the Stripe account shows uncaptured amounts as refunds, as accounts on API versions before
    /// 2025-03-31.basil do.
    pub stripe_releases_as_refunds: bool,
    /// The only accepted PayPal client id and secret; `None` accepts any that are not empty.
    pub paypal_credentials: Option<(String, String)>,
    /// Lifetime of PayPal access tokens, in seconds (`expires_in`).
    pub paypal_token_seconds: u32,
    /// The age at which a PayPal payment under review is accepted; `None` leaves it to `POST
    /// /_sandbox/paypal/payments/{id}/review`.
    pub paypal_review_after: Option<Duration>,
    /// The targets of webhooks.
    pub webhooks: WebhookConfig,
    /// The folder with the root of PayPal's webhook certificates (`root.pem`, `root-key.pem`), created if missing;
    /// `None` keeps it in memory.
    pub paypal_ca_dir: Option<PathBuf>,
    /// Common name and DNS name in PayPal's webhook certificate.
    pub paypal_certificate_name: String,
    /// Base of the certificate's URL, if the gateway reaches the sandbox at another address than it listens on.
    pub paypal_certificate_base: Option<String>,
    /// The gateway that the demonstration shop pays through and the live page watches, as browsers reach it.
    pub gateway_url: String,
    /// The shop's client key at the gateway.
    pub gateway_key: String,
    pub clock: Arc<dyn Clock>,
}

/// Where a local gateway listens, and its demonstration client.
pub const DEFAULT_GATEWAY: &str = "http://127.0.0.1:8080";
pub const DEFAULT_KEY: &str = "demo-key";

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            public_url: None,
            contracts: None,
            stripe_secret_key: None,
            stripe_releases_as_refunds: false,
            paypal_credentials: None,
            paypal_token_seconds: 32_400,
            paypal_review_after: None,
            webhooks: WebhookConfig::default(),
            paypal_ca_dir: None,
            paypal_certificate_name: webhooks::DEFAULT_NAME.to_owned(),
            paypal_certificate_base: None,
            gateway_url: DEFAULT_GATEWAY.to_owned(),
            gateway_key: DEFAULT_KEY.to_owned(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A running sandbox; it stops when dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Sandbox {
    /// The base URL of both providers and of `/_sandbox`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and waits for open requests, for at most two seconds.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts a sandbox, which listens when this returns.
///
/// # Errors
/// If the address cannot be bound, the contracts or the stored certificates cannot be read (`InvalidData`), or the
/// webhook configuration is invalid (`InvalidInput`).
pub async fn start(config: Config) -> io::Result<Sandbox> {
    config.webhooks.check().map_err(|rule| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("webhooks: {}: {}", rule.field, rule.message))
    })?;
    let contracts = config.contracts.as_deref().map(Contracts::load).transpose()?;
    let (listener, address) = server::bind(config.listen).await?;
    let own = format!("http://{address}");
    let base = |url: &Option<String>| url.as_deref().unwrap_or(&own).trim_end_matches('/').to_owned();
    let addresses =
        Addresses { public: base(&config.public_url), certificates: base(&config.paypal_certificate_base) };
    let (keeps_authority, review_after) = (config.paypal_ca_dir.is_some(), config.paypal_review_after);
    let shared = Arc::new(Shared::new(config, contracts, addresses));
    if keeps_authority {
        // Those who are to trust it read the file.
        shared.authority().await?;
    }
    let stop = CancellationToken::new();
    for provider in Provider::ALL {
        tokio::spawn(webhooks::deliver(Arc::clone(&shared), provider, stop.clone()));
    }
    if let Some(age) = review_after {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        tokio::spawn(paypal::review::accept_after(Arc::clone(&shared), age, stop.clone()));
    }
    let serving = tokio::spawn(server::serve(listener, router(shared), stop.clone()));
    Ok(Sandbox { address, stop, serving })
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .merge(control::routes())
        .merge(shop::routes())
        .merge(paypal::routes())
        .merge(stripe::routes())
        .with_state(shared)
}
