//! The filter's counters and gauges in Envoy's statistics.

use std::cell::RefCell;
use std::collections::HashMap;

use edge_core::outcome::Outcome;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

/// The counters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum EdgeCounter {
    /// Requests by outcome.
    Requests(Outcome),
    /// Claims by verdict.
    Claims(&'static str),
    /// Webhooks by the result of checking their signature.
    Webhooks(&'static str),
}

/// The filter's metrics, by name.
///
/// Envoy's metrics for wasm have no labels, so the label's value is part of the name; `stats_tags` in the bootstrap
/// turns it into `gateway_edge_requests{outcome="…"}`, `gateway_edge_claims{verdict="…"}`,
/// `gateway_edge_webhooks{signature="…"}` and `gateway_edge_paypal_days_left{of="…"}`.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Bounded: no name comes from a caller.
    ids: RefCell<HashMap<EdgeCounter, u32>>,
    gauges: RefCell<HashMap<&'static str, u32>>,
}

impl Metrics {
    pub(crate) fn count(&self, counted: EdgeCounter, name: &str) {
        let known = self.ids.borrow().get(&counted).copied();
        if let Some(id) = known.or_else(|| self.define(counted, name)) {
            // A lost count must not end a request.
            let _ = hostcalls::increment_metric(id, 1);
        }
    }

    fn define(&self, counted: EdgeCounter, name: &str) -> Option<u32> {
        let metric = match counted {
            EdgeCounter::Requests(_) => "gateway_edge_requests.outcome",
            EdgeCounter::Claims(_) => "gateway_edge_claims.verdict",
            EdgeCounter::Webhooks(_) => "gateway_edge_webhooks.signature",
        };
        // The same name is the same counter on every worker.
        let id = hostcalls::define_metric(MetricType::Counter, &format!("{metric}.{name}")).ok()?;
        self.ids.borrow_mut().insert(counted, id);
        Some(id)
    }

    /// Whether this worker has set the gauge.
    pub(crate) fn has_days_left(&self, of: &'static str) -> bool {
        self.gauges.borrow().contains_key(of)
    }

    /// Sets for how many days a trust anchor or key of PayPal's webhooks remains valid.
    pub(crate) fn days_left(&self, of: &'static str, days: u64) {
        let mut gauges = self.gauges.borrow_mut();
        let known = gauges.get(of).copied().or_else(|| {
            let name = format!("gateway_edge_paypal_days_left.of.{of}");
            hostcalls::define_metric(MetricType::Gauge, &name).ok()
        });
        if let Some(id) = known {
            gauges.insert(of, id);
            let _ = hostcalls::record_metric(id, days);
        }
    }
}
