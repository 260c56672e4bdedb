use std::cell::RefCell;
use std::collections::HashMap;

use edge_core::outcome::Outcome;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

/// Counts requests by outcome.
///
/// Envoy's metrics for wasm have no labels, so the outcome stands in the name; `stats_tags` in the bootstrap
/// makes `gateway_edge_requests{outcome="…"}` of it.
#[derive(Default)]
pub(crate) struct Metrics {
    ids: RefCell<HashMap<Outcome, u32>>,
}

impl Metrics {
    pub(crate) fn count(&self, outcome: Outcome, name: &str) {
        let mut ids = self.ids.borrow_mut();
        let known = ids.get(&outcome).copied().or_else(|| {
            // The same name means the same counter on every worker.
            hostcalls::define_metric(MetricType::Counter, &format!("gateway_edge_requests.outcome.{name}"))
                .ok()
        });
        if let Some(id) = known {
            ids.insert(outcome, id);
            // A lost count must not end a request.
            let _ = hostcalls::increment_metric(id, 1);
        }
    }
}
