//! The loaded contracts.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{PaypalSchema, paypal::PaypalContract, stripe::StripeContract};
use crate::paypal::errors::Result as PaypalResult;
use crate::stripe::errors::Result as StripeResult;
use crate::stripe::form::Form;

pub(crate) struct Contracts {
    stripe: StripeContract,
    paypal: PaypalContract,
}

/// The loaded contracts, by folder. Compiling takes a while, and tests start many sandboxes in one process.
static LOADED: Mutex<BTreeMap<PathBuf, Arc<Contracts>>> = Mutex::new(BTreeMap::new());

impl Contracts {
    /// Reads and compiles the contracts in `folder`, once per process.
    pub(crate) fn load(folder: &Path) -> io::Result<Arc<Self>> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(contracts) = loaded.get(folder) {
            return Ok(Arc::clone(contracts));
        }
        let contracts =
            Arc::new(Self { stripe: StripeContract::load(folder)?, paypal: PaypalContract::load(folder)? });
        loaded.insert(folder.to_owned(), Arc::clone(&contracts));
        Ok(contracts)
    }

    pub(crate) fn check_stripe(&self, path: &str, form: &Form) -> StripeResult<()> {
        self.stripe.check_request(path, form)
    }

    pub(crate) fn check_paypal(&self, schema: PaypalSchema, body: &[u8]) -> PaypalResult<()> {
        self.paypal.check_request(schema, body)
    }
}
