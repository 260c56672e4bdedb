//! Everything the sandbox remembers, behind one lock: a decision sees and changes all of it at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::{
    Config, clock::Clock, contracts::Contracts, faults::Faults, ledger::Ledger, paypal,
    requests_log::RequestsLog, stripe,
};

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) stripe: stripe::Books,
    pub(crate) paypal: paypal::Books,
    pub(crate) ledger: Ledger,
    pub(crate) requests: RequestsLog,
    pub(crate) faults: Faults,
}

impl World {
    /// Forgets everything but the access tokens that were issued: a client may go on using its own.
    pub(crate) fn reset(&mut self) {
        let tokens = std::mem::take(&mut self.paypal.tokens);
        *self = Self::default();
        self.paypal.tokens = tokens;
    }
}

/// What the handlers share.
pub(crate) struct Shared {
    world: Mutex<World>,
    clock: Arc<dyn Clock>,
    pub(crate) contracts: Option<Arc<Contracts>>,
    pub(crate) config: Config,
    /// Base of the links to the sandbox's own pages, without a slash at the end.
    pub(crate) public_url: String,
}

impl Shared {
    pub(crate) fn new(config: Config, contracts: Option<Arc<Contracts>>, public_url: String) -> Self {
        Self { world: Mutex::default(), clock: Arc::clone(&config.clock), contracts, config, public_url }
    }

    /// Locks the world. No lock is held across an await, and a panic under it leaves only test data behind.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
