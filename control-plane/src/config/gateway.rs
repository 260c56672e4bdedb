//! The settings of every role that works on payments.

use payments::usecases::retries::RetryPolicy;

use super::database::database;
use super::providers::providers;
use super::{ConfigError, Source, keep, keep_all, retries};
use payments_providers::{Settings, Timeouts};
use payments_stores::DatabaseSettings;

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
        let database = keep_all(&mut errors, database(source));
        let providers = keep_all(&mut errors, providers(source));
        let timeouts = providers.as_ref().map_or_else(Timeouts::default, |settings| settings.timeouts);
        let retries = keep(&mut errors, retries::retries(source, &timeouts));
        match (database, providers, retries) {
            (Some(database), Some(providers), Some(retries)) => Ok(Self { database, providers, retries }),
            _ => Err(errors),
        }
    }
}
