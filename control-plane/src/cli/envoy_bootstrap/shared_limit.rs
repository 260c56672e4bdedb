//! A limit shared by several Envoys: Envoy's rate limit service, if the settings name one.

use serde_json::Value;

use super::values::{Endpoint, plain_transport, transport};
use crate::config::{ConfigError, Source};

const SERVICE: &str = "GATEWAY_RATE_LIMIT_SERVICE";
const AUTHORITY: &str = "GATEWAY_RATE_LIMIT_SERVICE_CA";

/// The values for the template.
pub(super) struct SharedLimit {
    /// Whether the shared limit is disabled.
    pub(super) is_off: bool,
    pub(super) address: Value,
    pub(super) transport: Value,
}

impl SharedLimit {
    pub(super) fn read(source: &Source) -> Result<Self, ConfigError> {
        let service = source.read_with(SERVICE, Endpoint::parse)?;
        Ok(Self {
            is_off: service.is_none(),
            transport: service
                .as_ref()
                .map_or_else(plain_transport, |endpoint| transport(source, AUTHORITY, endpoint)),
            address: service.unwrap_or_else(Endpoint::nowhere).to_envoy(),
        })
    }
}
