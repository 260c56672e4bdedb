//! The providers' published contracts, where a folder with them is given: requests are held against these beside
//! the sandbox's own strict types, so that neither can be wrong unnoticed.

mod paypal;
mod stripe;

use std::{fs, io, path::Path};

use serde_json::Value;

pub(crate) use self::paypal::PaypalSchema;
use self::{paypal::PaypalContract, stripe::StripeContract};

pub(crate) struct Contracts {
    pub(crate) stripe: StripeContract,
    pub(crate) paypal: PaypalContract,
}

impl Contracts {
    /// Reads and compiles the contracts in `folder`, once, at the start.
    pub(crate) fn load(folder: &Path) -> io::Result<Self> {
        Ok(Self { stripe: StripeContract::load(folder)?, paypal: PaypalContract::load(folder)? })
    }
}

fn read_json(path: &Path) -> io::Result<Value> {
    let text = fs::read(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    serde_json::from_slice(&text).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
}
