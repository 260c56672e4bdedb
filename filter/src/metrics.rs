use std::cell::RefCell;
use std::collections::HashMap;

use edge_core::outcome::Outcome;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// Requests by how they ended here.
    Requests(Outcome),
    /// Idempotency keys by what was believed of the cache's word.
    Claims(&'static str),
    /// Webhooks by what their signatures were worth.
    Webhooks(&'static str),
}

/// Counts by name.
///
/// Envoy's metrics for wasm have no labels, so the label's value stands in the name; `stats_tags` in the
/// bootstrap makes `gateway_edge_requests{outcome="…"}`, `gateway_edge_claims{verdict="…"}`,
/// `gateway_edge_webhooks{signature="…"}` and `gateway_edge_paypal_days_left{of="…"}` of them.
#[derive(Default)]
pub(crate) struct Metrics {
    /// As many as there are names, none of which a caller makes up.
    ids: RefCell<HashMap<Counted, u32>>,
    gauges: RefCell<HashMap<&'static str, u32>>,
}

impl Metrics {
    pub(crate) fn count(&self, counted: Counted, name: &str) {
        let mut ids = self.ids.borrow_mut();
        let known = ids.get(&counted).copied().or_else(|| {
            let metric = match counted {
                Counted::Requests(_) => "gateway_edge_requests.outcome",
                Counted::Claims(_) => "gateway_edge_claims.verdict",
                Counted::Webhooks(_) => "gateway_edge_webhooks.signature",
            };
            // The same name means the same counter on every worker.
            hostcalls::define_metric(MetricType::Counter, &format!("{metric}.{name}")).ok()
        });
        if let Some(id) = known {
            ids.insert(counted, id);
            // A lost count must not end a request.
            let _ = hostcalls::increment_metric(id, 1);
        }
    }

    /// For how many days what PayPal's webhooks are checked with is good.
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
