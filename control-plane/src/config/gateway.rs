//! What every role needs that works on payments.

use payments::usecases::retries::RetryPolicy;

use super::providers::providers;
use super::{ConfigError, Source, keep, keep_all, retries};
use crate::providers::{Settings, Timeouts};
use crate::store::DatabaseSettings;

#[derive(Debug)]
pub struct GatewaySettings {
    pub database: DatabaseSettings,
    pub providers: Settings,
    pub retries: RetryPolicy,
}

impl GatewaySettings {
    /// Reads every setting and reports everything that is wrong at once.
    pub fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let database = keep_all(&mut errors, DatabaseSettings::read(source));
        let providers = keep_all(&mut errors, providers(source));
        let timeouts = providers.as_ref().map_or_else(Timeouts::default, |settings| settings.timeouts);
        let retries = keep(&mut errors, retries::retries(source, &timeouts));
        match (database, providers, retries) {
            (Some(database), Some(providers), Some(retries)) => Ok(Self { database, providers, retries }),
            _ => Err(errors),
        }
    }
}
