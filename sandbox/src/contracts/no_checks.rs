//! A build without the checks has no contracts.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::PaypalSchema;
use crate::paypal::errors::Result as PaypalResult;
use crate::stripe::errors::Result as StripeResult;
use crate::stripe::form::Form;

/// There are none.
pub(crate) enum Contracts {}

impl Contracts {
    pub(crate) fn load(folder: &Path) -> io::Result<Arc<Self>> {
        let why = format!("{}: this sandbox is built without the feature `contracts`", folder.display());
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }

    pub(crate) fn check_stripe(&self, _: &str, _: &Form) -> StripeResult<()> {
        match *self {}
    }

    pub(crate) fn check_paypal(&self, _: PaypalSchema, _: &[u8]) -> PaypalResult<()> {
        match *self {}
    }
}
