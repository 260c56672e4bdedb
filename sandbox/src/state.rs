//! The sandbox's entire state, behind one lock: every decision sees and changes it atomically.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::{sync::OnceCell, task::spawn_blocking};

use crate::{
    Config,
    clock::Clock,
    contracts::Contracts,
    faults::Faults,
    ledger::Ledger,
    paypal,
    requests_log::RequestsLog,
    shop::Gateway,
    stripe,
    webhooks::{Authority, Outbox},
};

#[derive(Debug)]
pub(crate) struct SandboxState {
    pub(crate) stripe: stripe::Objects,
    pub(crate) paypal: paypal::Objects,
    pub(crate) ledger: Ledger,
    pub(crate) requests: RequestsLog,
    pub(crate) faults: Faults,
    pub(crate) webhooks: Outbox,
    /// The configured account, which a reset restores.
    account: stripe::Account,
}

impl SandboxState {
    fn new(webhooks: Outbox, account: stripe::Account) -> Self {
        Self {
            stripe: stripe::Objects { account, ..stripe::Objects::default() },
            paypal: paypal::Objects::default(),
            ledger: Ledger::default(),
            requests: RequestsLog::default(),
            faults: Faults::default(),
            webhooks,
            account,
        }
    }

    /// Keeps past versions of all objects from `now` on, while a fault needs them.
    fn keep_past(&mut self, now: Timestamp) {
        let now = self.faults.look_back().then_some(now);
        self.stripe.keep_past(now);
        self.paypal.keep_past(now);
    }

    /// Makes reads show a past time, or with `None` the present.
    pub(crate) fn show(&mut self, at: Option<Timestamp>) {
        self.stripe.show(at);
        self.paypal.show(at);
    }

    /// Resets everything except issued access tokens, which clients may still use, and webhook targets.
    pub(crate) fn reset(&mut self) {
        let tokens = std::mem::take(&mut self.paypal.tokens);
        self.stripe = stripe::Objects { account: self.account, ..stripe::Objects::default() };
        self.paypal = paypal::Objects { tokens, ..paypal::Objects::default() };
        self.ledger = Ledger::default();
        self.requests = RequestsLog::default();
        self.faults = Faults::default();
        self.webhooks.reset();
    }
}

/// The sandbox's URLs, without a trailing slash.
pub(crate) struct Addresses {
    /// For browsers.
    pub(crate) public: String,
    /// For the gateway, to fetch PayPal's certificates.
    pub(crate) certificates: String,
}

/// The state that the handlers share.
pub(crate) struct Shared {
    state: Mutex<SandboxState>,
    clock: Arc<dyn Clock>,
    pub(crate) contracts: Option<Arc<Contracts>>,
    pub(crate) config: Config,
    /// The gateway that the demonstration shop pays through.
    pub(crate) gateway: Gateway,
    /// Base of the links to the sandbox's own pages, without a trailing slash.
    pub(crate) public_url: String,
    /// Base URL of PayPal's certificates for the gateway, without a trailing slash.
    certificates: String,
    /// Created on first use, unless it is kept in a folder.
    authority: OnceCell<Arc<Authority>>,
}

impl Shared {
    pub(crate) fn new(config: Config, contracts: Option<Arc<Contracts>>, addresses: Addresses) -> Self {
        let account = stripe::Account { releases_as_refunds: config.stripe_releases_as_refunds };
        Self {
            state: Mutex::new(SandboxState::new(Outbox::new(&config.webhooks), account)),
            clock: Arc::clone(&config.clock),
            contracts,
            gateway: Gateway::new(&config.gateway_url, &config.gateway_key),
            certificates: addresses.certificates,
            public_url: addresses.public,
            config,
            authority: OnceCell::new(),
        }
    }

    /// The certificate authority of PayPal's webhooks.
    pub(crate) async fn authority(&self) -> io::Result<Arc<Authority>> {
        let config = &self.config;
        let make = async || {
            let (folder, name) = (config.paypal_ca_dir.clone(), config.paypal_certificate_name.clone());
            // Generating keys takes a while.
            let made = spawn_blocking(move || match folder {
                Some(folder) => Authority::kept_in(&folder, &name),
                None => Authority::in_memory(&name),
            });
            made.await.map_err(io::Error::other)?
        };
        self.authority.get_or_try_init(make).await.cloned()
    }

    pub(crate) fn certificate_url(&self, authority: &Authority) -> String {
        format!("{}/v1/notifications/certs/{}", self.certificates, authority.leaf_id)
    }

    /// Locks the state. The lock is never held across an await, and a panic under it only affects test data.
    pub(crate) fn state(&self) -> MutexGuard<'_, SandboxState> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.keep_past(self.now());
        state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
