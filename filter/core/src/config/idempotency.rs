//! Where idempotency keys are claimed, and what happens without a verdict.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use crate::idempotency::Lease;
use crate::route::Route;

/// The settings of the edge's claims.
#[derive(Debug)]
pub struct ClaimSettings {
    /// The edge cache's cluster in Envoy.
    pub cluster: String,
    /// The timeout of a claim, 1 to 10,000 ms. The request waits that long.
    pub timeout: Duration,
    pub lease: Lease,
    /// How many answers each worker remembers itself, 0 to 65,536.
    pub recent_answers: usize,
    charge: KeyRule,
    refund: KeyRule,
    capture: KeyRule,
    cancel: KeyRule,
    graphql: WhenUnavailable,
}

/// An operation's rule about keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRule {
    /// Whether a request without a key is rejected.
    pub required: bool,
    pub when_unavailable: WhenUnavailable,
}

/// What happens to a request whose claim got no usable verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnavailable {
    /// It is forwarded as unchecked: the control plane's durable row still protects it.
    Pass,
    /// It is rejected with `IDEMPOTENCY_UNAVAILABLE`.
    Reject,
}

impl ClaimSettings {
    /// `None` where keys are ignored.
    #[must_use]
    pub const fn rule(&self, route: Route) -> Option<KeyRule> {
        match route {
            Route::Charge => Some(self.charge),
            Route::Refund => Some(self.refund),
            Route::Capture => Some(self.capture),
            Route::Cancel => Some(self.cancel),
            // Queries need no key, and which requests are queries is known only to who reads GraphQL: the control plane
            // refuses mutations without one.
            Route::Graphql => Some(KeyRule { required: false, when_unavailable: self.graphql }),
            Route::GetPayment
            | Route::ListPayments
            | Route::Events
            | Route::EventSocket
            | Route::GraphqlSocket
            | Route::EventTicket
            | Route::ListEvents
            | Route::ProveEvents
            | Route::GetRefund
            | Route::WalletConfig
            | Route::OpenApi
            | Route::Webhook(_) => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Settings {
    cluster: String,
    timeout_ms: u64,
    lease_ms: u32,
    recent_answers: usize,
    required: bool,
    when_unavailable: WhenUnavailable,
    routes: Routes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Routes {
    charge: Exception,
    refund: Exception,
    capture: Exception,
    cancel: Exception,
    graphql: UnrequiredException,
}

/// The differences of an operation.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Exception {
    required: Option<bool>,
    when_unavailable: Option<WhenUnavailable>,
}

/// The differences of a route that cannot require keys.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct UnrequiredException {
    when_unavailable: Option<WhenUnavailable>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster: "edge_cache".to_owned(),
            timeout_ms: 500,
            // Too short a lease executes nothing twice, because the durable row decides; too long a lease keeps a
            // client waiting whose first request died with its control plane.
            lease_ms: 15_000,
            // About half a megabyte.
            recent_answers: 1_024,
            required: true,
            when_unavailable: WhenUnavailable::Pass,
            routes: Routes::default(),
        }
    }
}

impl Settings {
    pub(super) fn check(self) -> Result<ClaimSettings, ConfigError> {
        if self.cluster.is_empty() {
            return Err(ConfigError::Cluster);
        }
        if !(1..=10_000).contains(&self.timeout_ms) {
            return Err(ConfigError::ClaimTimeout);
        }
        if self.recent_answers > 65_536 {
            return Err(ConfigError::RecentAnswers);
        }
        let rule = |exception: &Exception| KeyRule {
            required: exception.required.unwrap_or(self.required),
            when_unavailable: exception.when_unavailable.unwrap_or(self.when_unavailable),
        };
        Ok(ClaimSettings {
            timeout: Duration::from_millis(self.timeout_ms),
            lease: Lease::from_ms(self.lease_ms).ok_or(ConfigError::Lease)?,
            recent_answers: self.recent_answers,
            charge: rule(&self.routes.charge),
            refund: rule(&self.routes.refund),
            capture: rule(&self.routes.capture),
            cancel: rule(&self.routes.cancel),
            graphql: self.routes.graphql.when_unavailable.unwrap_or(self.when_unavailable),
            cluster: self.cluster,
        })
    }
}
