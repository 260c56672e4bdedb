//! A limit shared by several Envoys: Envoy's rate limit service, if the settings name one.

use serde_json::Value;

use super::transports::{Endpoint, Secured, plain_transport, transport};
use super::values::Rules;
use crate::config::{ConfigError, Wire};

const SERVICE: &str = "GATEWAY_RATE_LIMIT_SERVICE";
const SECURED: Secured = Secured {
    address: SERVICE,
    authority: "GATEWAY_RATE_LIMIT_SERVICE_CA",
    wire: Wire::RateLimits,
    name: "rate_limit_service",
};

/// The values for the template.
pub(super) struct SharedLimit {
    /// Whether the shared limit is disabled.
    pub(super) is_off: bool,
    pub(super) address: Value,
    pub(super) transport: Value,
}

impl SharedLimit {
    pub(super) fn read(rules: &mut Rules<'_>) -> Result<Self, ConfigError> {
        let service = rules.source.read_with(SERVICE, Endpoint::parse)?;
        let transport = service
            .as_ref()
            .map_or_else(|| Ok(plain_transport()), |endpoint| transport(rules, &SECURED, endpoint));
        Ok(Self {
            is_off: service.is_none(),
            transport: transport?,
            address: service.unwrap_or_else(Endpoint::nowhere).to_envoy(),
        })
    }
}
