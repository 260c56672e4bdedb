//! Everything the sandbox remembers, behind one lock: a decision sees and changes all of it at once.

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
    /// The account as configured, which a reset returns to.
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

    /// Keeps the past of all objects from `now` on, while a fault is still to show it.
    fn keep_past(&mut self, now: Timestamp) {
        let now = self.faults.look_back().then_some(now);
        self.stripe.keep_past(now);
        self.paypal.keep_past(now);
    }

    /// Has reads show a moment of the past, or with `None` the present.
    pub(crate) fn show(&mut self, at: Option<Timestamp>) {
        self.stripe.show(at);
        self.paypal.show(at);
    }

    /// Forgets everything but the access tokens that were issued, since a client may go on using its own, and where
    /// webhooks go.
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

/// Where the sandbox is found, by whom, without a slash at the end.
pub(crate) struct Addresses {
    /// By browsers.
    pub(crate) public: String,
    /// By the gateway, for PayPal's certificates.
    pub(crate) certificates: String,
}

/// What the handlers share.
pub(crate) struct Shared {
    state: Mutex<SandboxState>,
    clock: Arc<dyn Clock>,
    pub(crate) contracts: Option<Arc<Contracts>>,
    pub(crate) config: Config,
    /// Base of the links to the sandbox's own pages, without a slash at the end.
    pub(crate) public_url: String,
    /// Where the gateway gets PayPal's certificates, without a slash at the end.
    certificates: String,
    /// Made when first needed, where it is not kept in a folder.
    authority: OnceCell<Arc<Authority>>,
}

impl Shared {
    pub(crate) fn new(config: Config, contracts: Option<Arc<Contracts>>, addresses: Addresses) -> Self {
        let account = stripe::Account { releases_as_refunds: config.stripe_releases_as_refunds };
        Self {
            state: Mutex::new(SandboxState::new(Outbox::new(&config.webhooks), account)),
            clock: Arc::clone(&config.clock),
            contracts,
            certificates: addresses.certificates,
            public_url: addresses.public,
            config,
            authority: OnceCell::new(),
        }
    }

    /// The authority of PayPal's webhook certificates.
    pub(crate) async fn authority(&self) -> io::Result<Arc<Authority>> {
        let config = &self.config;
        let make = async || {
            let (folder, name) = (config.paypal_ca_dir.clone(), config.paypal_certificate_name.clone());
            // Making keys takes a while.
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

    /// Locks the world. No lock is held across an await, and a panic under it leaves only test data behind.
    pub(crate) fn state(&self) -> MutexGuard<'_, SandboxState> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.keep_past(self.now());
        state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
