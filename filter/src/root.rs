//! One worker of Envoy: configures the filter, and holds what the requests of the worker share.

use std::cell::RefCell;
use std::rc::Rc;

use edge_core::client::ClientId;
use edge_core::config::{EdgeConfig, EdgeSecrets, KEYS_VARIABLE, Paypal, STRIPE_SECRETS_VARIABLE};
use edge_core::idempotency::{CacheView, CheckedVerdict, ClaimRequest, Verdict};
use edge_core::waiting::{Notifications, REQUESTS_MAX, Slots, SlotsPer};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType, LogLevel};

use crate::certificates::Certificates;
use crate::claim_sender::ClaimSender;
use crate::crash_point;
use crate::http::{EdgeHttp, now_s};
use crate::metrics::Metrics;
use crate::notify::{Notification, notify_some};

/// The state that all requests of one worker share.
pub(crate) struct Edge {
    root_id: u32,
    pub(crate) config: EdgeConfig,
    pub(crate) metrics: Metrics,
    pub(crate) view: RefCell<CacheView>,
    pub(crate) claim_sender: ClaimSender,
    pub(crate) certificates: Certificates,
    pub(crate) notifications: RefCell<Notifications<Notification>>,
    pub(crate) requests: Slots,
    /// The requests of each client.
    pub(crate) in_flight: RefCell<SlotsPer<ClientId>>,
}

impl Edge {
    /// Checks the cache's verdict, and logs one that cannot be trusted.
    pub(crate) fn check_verdict(
        &self,
        claim: &ClaimRequest,
        verdict: Option<Verdict>,
        now_s: u64,
    ) -> CheckedVerdict {
        let mut view = self.view.borrow_mut();
        let checked = view.check(claim, verdict, &self.config.keys, now_s);
        if let Some(warning) = view.warning(&checked, now_s) {
            log(LogLevel::Warn, &warning);
        }
        checked
    }

    /// Schedules the root context's next periodic tick; a request may ask for an earlier one.
    fn schedule_tick(&self) {
        let _ = hostcalls::set_tick_period(self.certificates.tick_period());
    }

    /// Makes the root context the effective one for the host calls that follow. It lives as long as the worker.
    pub(crate) fn back_to_root(&self) {
        let _ = hostcalls::set_effective_context(self.root_id);
    }
}

/// Starts the filter on a worker and creates a context for each request.
pub(crate) struct EdgeRoot {
    context_id: u32,
    edge: Option<Rc<Edge>>,
}

impl EdgeRoot {
    pub(crate) const fn new(context_id: u32) -> Self {
        Self { context_id, edge: None }
    }

    /// Runs `run` if PayPal is configured.
    fn with_certificates(edge: &Edge, run: impl FnOnce(&Certificates, &Paypal, u64)) {
        if let (Some(paypal), Ok(now_s)) = (&edge.config.webhooks.paypal, now_s()) {
            run(&edge.certificates, paypal, now_s);
        }
    }
}

impl Context for EdgeRoot {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_len: usize, _trailers: usize) {
        let Some(edge) = &self.edge else { return };
        if !edge.claim_sender.on_answer(token, body_len, edge) {
            Self::with_certificates(edge, |certificates, paypal, now_s| {
                certificates.on_answer(token, body_len, edge, paypal, now_s);
            });
        }
        notify_some(edge);
    }
}

impl RootContext for EdgeRoot {
    /// If this returns false, Envoy does not start, or rejects the new configuration.
    fn on_configure(&mut self, settings_len: usize) -> bool {
        let settings = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, settings_len);
        // An empty variable is an unset one.
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (keys, stripe) = (variable(KEYS_VARIABLE), variable(STRIPE_SECRETS_VARIABLE));
        let secrets = EdgeSecrets { keys: keys.as_deref(), stripe: stripe.as_deref() };
        match EdgeConfig::read(&settings.ok().flatten().unwrap_or_default(), secrets) {
            Ok(config) => {
                let in_flight = RefCell::new(SlotsPer::new(config.in_flight_per_client));
                let view = RefCell::new(CacheView::new(config.claims.recent_answers));
                let edge = Edge {
                    root_id: self.context_id,
                    metrics: Metrics::default(),
                    view,
                    claim_sender: ClaimSender::default(),
                    certificates: Certificates::new(config.webhooks.paypal.as_ref()),
                    config,
                    notifications: RefCell::default(),
                    requests: Slots::new(REQUESTS_MAX),
                    in_flight,
                };
                Self::with_certificates(&edge, |certificates, paypal, now_s| {
                    certificates.refresh(&edge, paypal, now_s);
                });
                edge.schedule_tick();
                self.edge = Some(Rc::new(edge));
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("the edge filter cannot start: {error}"));
                false
            }
        }
    }

    /// A request has asked for a tick, or keys may be due for a refresh.
    fn on_tick(&mut self) {
        let Some(edge) = &self.edge else { return };
        crash_point::reached("tick");
        edge.schedule_tick();
        edge.claim_sender.on_tick(edge);
        Self::with_certificates(edge, |certificates, paypal, now_s| {
            certificates.on_tick(edge, paypal, now_s);
        });
        notify_some(edge);
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
