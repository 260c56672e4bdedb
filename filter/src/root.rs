use std::cell::RefCell;
use std::rc::Rc;

use edge_core::client::ClientId;
use edge_core::config::{EdgeConfig, EdgeSecrets, KEYS_VARIABLE, Paypal, STRIPE_SECRETS_VARIABLE};
use edge_core::idempotency::{CacheView, ClaimRequest, Verdict, Word};
use edge_core::waiting::{Places, PlacesPer, REQUESTS_MAX, Untold};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType, LogLevel};

use crate::certificates::Certificates;
use crate::claims::Claims;
use crate::http::{EdgeHttp, now_s};
use crate::metrics::Metrics;
use crate::told::{Told, tell_some};

/// What all requests of one worker share.
pub(crate) struct Edge {
    root_id: u32,
    pub(crate) config: EdgeConfig,
    pub(crate) metrics: Metrics,
    pub(crate) view: RefCell<CacheView>,
    pub(crate) claims: Claims,
    pub(crate) certificates: Certificates,
    pub(crate) untold: RefCell<Untold<Told>>,
    pub(crate) requests: Places,
    /// The requests of each client. As many clients are known as have requests, or some more.
    pub(crate) in_flight: RefCell<PlacesPer<ClientId>>,
}

impl Edge {
    /// What is to be believed of the cache's verdict, or of its silence. The log is told what is not.
    pub(crate) fn hear(&self, claim: &ClaimRequest, verdict: Option<Verdict>, now_s: u64) -> Word {
        let mut view = self.view.borrow_mut();
        let word = view.hear(claim, verdict, &self.config.keys, now_s);
        if let Some(complaint) = view.complaint(&word, now_s) {
            log(LogLevel::Warn, &complaint);
        }
        word
    }

    /// When the root context's turn comes next, unless a request asks for it.
    fn next_turn(&self) {
        let _ = hostcalls::set_tick_period(self.certificates.turns());
    }

    /// What the host is asked for from now on is the root context's, which is there as long as the worker: it has acted
    /// for requests, or a request acts for it.
    pub(crate) fn back_to_root(&self) {
        let _ = hostcalls::set_effective_context(self.root_id);
    }
}

/// Starts the filter on a worker and makes a context for each request.
pub(crate) struct EdgeRoot {
    context_id: u32,
    edge: Option<Rc<Edge>>,
}

impl EdgeRoot {
    pub(crate) const fn new(context_id: u32) -> Self {
        Self { context_id, edge: None }
    }

    /// Runs what is about PayPal's certificates, if PayPal is set up.
    fn with_certificates(edge: &Edge, run: impl FnOnce(&Certificates, &Paypal, u64)) {
        if let (Some(paypal), Ok(now_s)) = (&edge.config.webhooks.paypal, now_s()) {
            run(&edge.certificates, paypal, now_s);
        }
    }
}

impl Context for EdgeRoot {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_len: usize, _trailers: usize) {
        let Some(edge) = &self.edge else { return };
        if !edge.claims.on_answer(token, body_len, edge) {
            Self::with_certificates(edge, |certificates, paypal, now_s| {
                certificates.on_answer(token, body_len, edge, paypal, now_s);
            });
        }
        tell_some(edge);
    }
}

impl RootContext for EdgeRoot {
    /// Envoy does not start, or refuses the new configuration, if this says no.
    fn on_configure(&mut self, settings_len: usize) -> bool {
        let settings = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, settings_len);
        // An empty variable is an unset one.
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (keys, stripe) = (variable(KEYS_VARIABLE), variable(STRIPE_SECRETS_VARIABLE));
        let secrets = EdgeSecrets { keys: keys.as_deref(), stripe: stripe.as_deref() };
        match EdgeConfig::read(&settings.ok().flatten().unwrap_or_default(), secrets) {
            Ok(config) => {
                let in_flight = RefCell::new(PlacesPer::new(config.in_flight_per_client));
                let view = RefCell::new(CacheView::new(config.claiming.recent_answers));
                let edge = Edge {
                    root_id: self.context_id,
                    metrics: Metrics::default(),
                    view,
                    claims: Claims::default(),
                    certificates: Certificates::new(config.webhooks.paypal.as_ref()),
                    config,
                    untold: RefCell::default(),
                    requests: Places::new(REQUESTS_MAX),
                    in_flight,
                };
                Self::with_certificates(&edge, |certificates, paypal, now_s| {
                    certificates.look(&edge, paypal, now_s);
                });
                edge.next_turn();
                self.edge = Some(Rc::new(edge));
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("the edge filter cannot start: {error}"));
                false
            }
        }
    }

    /// A request has asked for the root context's turn, or it is time to look after keys.
    fn on_tick(&mut self) {
        let Some(edge) = &self.edge else { return };
        edge.next_turn();
        edge.claims.on_tick(edge);
        Self::with_certificates(edge, |certificates, paypal, now_s| {
            certificates.on_tick(edge, paypal, now_s);
        });
        tell_some(edge);
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        self.edge.clone().map(|edge| Box::new(EdgeHttp::new(context_id, edge)) as Box<dyn HttpContext>)
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A log line that cannot be written must not end a request.
pub(crate) fn log(level: LogLevel, message: &str) {
    let _ = hostcalls::log(level, message);
}
