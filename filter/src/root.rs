use std::cell::RefCell;
use std::rc::Rc;

use edge_core::config::{EdgeConfig, KEYS_VARIABLE};
use edge_core::idempotency::Recent;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType, LogLevel};

use crate::http::EdgeHttp;
use crate::metrics::Metrics;

/// What all requests of one worker share.
pub(crate) struct Edge {
    pub(crate) config: EdgeConfig,
    pub(crate) metrics: Metrics,
    pub(crate) recent: RefCell<Recent>,
}

/// Starts the filter on a worker and makes a context for each request.
#[derive(Default)]
pub(crate) struct EdgeRoot {
    edge: Option<Rc<Edge>>,
}

impl Context for EdgeRoot {}

impl RootContext for EdgeRoot {
    /// Envoy does not start, or refuses the new configuration, if this says no.
    fn on_configure(&mut self, settings_len: usize) -> bool {
        let settings = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, settings_len);
        let keys = std::env::var(KEYS_VARIABLE).ok();
        match EdgeConfig::read(&settings.ok().flatten().unwrap_or_default(), keys.as_deref()) {
            Ok(config) => {
                let recent = RefCell::new(Recent::new(config.claiming.recent_answers));
                self.edge = Some(Rc::new(Edge { config, metrics: Metrics::default(), recent }));
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("the edge filter cannot start: {error}"));
                false
            }
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        self.edge.clone().map(|edge| Box::new(EdgeHttp::new(edge)) as Box<dyn HttpContext>)
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A log line that cannot be written must not end a request.
pub(crate) fn log(level: LogLevel, message: &str) {
    let _ = hostcalls::log(level, message);
}
