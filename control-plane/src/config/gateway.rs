//! What every role needs that works on payments.

use super::{ConfigError, Source, db_uri, keep, providers, retries};
use crate::domain::retries::RetryPolicy;
use crate::providers::{Settings, Timeouts};

#[derive(Debug)]
pub struct GatewaySettings {
    pub db_uri: String,
    pub providers: Settings,
    pub retries: RetryPolicy,
}

impl GatewaySettings {
    /// Reads every setting and reports everything that is wrong at once.
    pub fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let db_uri = keep(&mut errors, db_uri(source));
        let providers = keep(&mut errors, providers(source));
        let timeouts = providers.as_ref().map_or_else(Timeouts::default, |settings| settings.timeouts);
        let retries = keep(&mut errors, retries::retries(source, &timeouts));
        match (db_uri, providers, retries) {
            (Some(db_uri), Some(providers), Some(retries)) => Ok(Self { db_uri, providers, retries }),
            _ => Err(errors),
        }
    }
}
