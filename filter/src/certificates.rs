//! PayPal's certificates. The root context fetches each one once for all webhooks of this worker that wait for it, and
//! refreshes it before it is old.
//!
//! A call in a webhook's own context would be lost with that webhook, and the others would wait in vain.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use edge_core::config::Paypal;
use edge_core::webhook::paypal::{
    CertificateCache, CertificateUrl, CertificateWaiters, Lookup, SharedCertificates,
};
use edge_core::webhook::x509::TrustedKey;
use edge_core::webhook::{CannotVerify, FetchFailure};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel, MapType, Status};

use crate::notify::{HeldRequest, Notification, request_tick};
use crate::root::{Edge, log};
use crate::rsa::HostRsa;
use crate::{crash_point, shared_certificates};

/// Shorter than the certificate cache waits for the end of a fetch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One byte more than a certificate may have.
const WANTED_BYTES: usize = 64 * 1024 + 1;

/// How often the worker checks whether a key is due for a refresh, in seconds.
const CHECK_EVERY_S: u64 = 60;

/// A worker's certificates, and the webhooks that wait for them.
pub(crate) struct Certificates {
    cache: RefCell<CertificateCache>,
    /// Both are bounded by the number of fetches that the cache allows at once.
    wanted: RefCell<Vec<CertificateUrl>>,
    fetching: RefCell<HashMap<u32, CertificateUrl>>,
    waiting: RefCell<CertificateWaiters<HeldRequest>>,
    check_every_s: u64,
    checked_at_s: Cell<u64>,
    /// The version of the shared certificates that was loaded last.
    loaded_version: Cell<Option<u32>>,
}

impl Certificates {
    /// `None`: PayPal is not configured.
    pub(crate) fn new(paypal: Option<&Paypal>) -> Self {
        let refresh_after_s = paypal.map_or(0, |paypal| paypal.refresh_after_s);
        Self {
            cache: RefCell::new(CertificateCache::new(refresh_after_s)),
            wanted: RefCell::default(),
            fetching: RefCell::default(),
            waiting: RefCell::default(),
            check_every_s: refresh_after_s.min(CHECK_EVERY_S),
            checked_at_s: Cell::new(0),
            loaded_version: Cell::new(None),
        }
    }

    /// The period of the root context's tick; zero for none.
    pub(crate) const fn tick_period(&self) -> Duration {
        Duration::from_secs(self.check_every_s)
    }

    /// The key if it is known, or why it is unavailable; `None` if the request is notified later.
    pub(crate) fn key(
        &self,
        url: &CertificateUrl,
        held: HeldRequest,
        paypal: Option<&Paypal>,
        now_s: u64,
    ) -> Result<Option<TrustedKey>, CannotVerify> {
        if let Some(paypal) = paypal.filter(|_| !self.cache.borrow().has(url, now_s)) {
            self.load_shared(paypal, now_s);
        }
        let mut cache = self.cache.borrow_mut();
        match cache.lookup(url, now_s) {
            Lookup::Ready(key) => return Ok(Some(key.clone())),
            Lookup::Failed(reason) => return Err(reason),
            Lookup::Waiting => {}
            Lookup::Fetch => {
                self.wanted.borrow_mut().push(url.clone());
                // A call from the root context's tick outlives this request.
                if request_tick().is_err() {
                    self.wanted.borrow_mut().clear();
                    return Err(FetchFailure::Unreachable.into());
                }
            }
        }
        self.waiting.borrow_mut().join(url, held)?;
        Ok(None)
    }

    /// The root context's tick: fetches wanted certificates and, periodically, those due for a refresh.
    pub(crate) fn on_tick(&self, edge: &Edge, paypal: &Paypal, now_s: u64) {
        // Also true for a clock that was set back.
        if self.checked_at_s.get().abs_diff(now_s) >= self.check_every_s {
            self.refresh(edge, paypal, now_s);
        }
        let wanted = std::mem::take(&mut *self.wanted.borrow_mut());
        for url in wanted {
            match fetch(&url, paypal) {
                Ok(token) => drop(self.fetching.borrow_mut().insert(token, url)),
                Err(_) => self.end(edge, &url, Err(FetchFailure::Unreachable.into()), now_s),
            }
        }
    }

    /// Loads what other workers have fetched, schedules refreshes, and reports how long the keys remain valid.
    pub(crate) fn refresh(&self, edge: &Edge, paypal: &Paypal, now_s: u64) {
        self.checked_at_s.set(now_s);
        self.load_shared(paypal, now_s);
        self.wanted.borrow_mut().extend(self.cache.borrow_mut().refresh(now_s));
        edge.metrics.days_left("bundle", days(paypal.trust.until_s(), now_s));
        let cache = self.cache.borrow();
        // Before the first webhook, what the bundle allows at most: no key outlives its issuers.
        let (issuers_until_s, key_until_s) = match cache.in_use() {
            Some(key) => (key.issuers_until_s(), key.not_after_s()),
            None if edge.metrics.has_days_left("key") => return,
            None => (paypal.trust.last_until_s(), paypal.trust.last_until_s()),
        };
        edge.metrics.days_left("issuers", days(issuers_until_s, now_s));
        edge.metrics.days_left("key", days(key_until_s, now_s));
    }

    /// A fetch has ended, with a certificate or with Envoy's own error response.
    pub(crate) fn on_answer(&self, token: u32, body_len: usize, edge: &Edge, paypal: &Paypal, now_s: u64) {
        let Some(url) = self.fetching.borrow_mut().remove(&token) else { return };
        crash_point::reached("certificate_answered");
        let result = read(body_len).and_then(|pem| {
            let name = paypal.environment.certificate_name();
            let key = paypal.trust.key_of(&pem, name, now_s, &HostRsa)?;
            shared_certificates::publish(&url, &pem, now_s);
            Ok(key)
        });
        if let Err(reason) = &result {
            log(LogLevel::Warn, &format!("the certificate {url} was rejected: {reason}"));
        }
        self.end(edge, &url, result, now_s);
    }

    fn end(&self, edge: &Edge, url: &CertificateUrl, result: Result<TrustedKey, CannotVerify>, now_s: u64) {
        self.cache.borrow_mut().fetched(url, result.clone(), now_s);
        let key = result.map(Rc::new);
        let waiters = self.waiting.borrow_mut().take(url);
        let notifications = waiters.into_iter().map(|waiter| Notification::Key(waiter, key.clone()));
        edge.notifications.borrow_mut().add(notifications);
    }

    fn load_shared(&self, paypal: &Paypal, now_s: u64) {
        let (bytes, version) = shared_certificates::read();
        if self.loaded_version.replace(version) == version {
            return;
        }
        let shared = SharedCertificates::read(&bytes);
        let Paypal { environment, trust, .. } = paypal;
        self.cache.borrow_mut().load_shared(&shared, environment, trust, &HostRsa, now_s);
    }
}

/// Whole days from now until `until_s`; 0 if it has passed.
const fn days(until_s: u64, now_s: u64) -> u64 {
    until_s.saturating_sub(now_s) / 86_400
}

fn fetch(url: &CertificateUrl, paypal: &Paypal) -> Result<u32, Status> {
    let cluster = paypal.clusters.get(url.authority()).ok_or(Status::NotFound)?;
    let headers = vec![
        (":method", "GET"),
        (":path", url.path()),
        (":authority", url.authority()),
        (":scheme", if url.encrypted() { "https" } else { "http" }),
        ("accept", "application/x-pem-file, */*"),
        ("user-agent", "payment-gateway-edge"),
    ];
    hostcalls::dispatch_http_call(cluster, headers, None, Vec::new(), TIMEOUT)
}

/// The certificate, if the response is the provider's: Envoy synthesizes 503 and 504 itself.
fn read(body_len: usize) -> Result<Vec<u8>, CannotVerify> {
    let head = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default();
    let status = head.iter().find(|(name, _)| name == ":status").map(|(_, value)| value.as_slice());
    let status = status.and_then(|value| std::str::from_utf8(value).ok()?.parse::<u16>().ok());
    match status {
        Some(200) => {
            let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_len.min(WANTED_BYTES));
            Ok(body.ok().flatten().unwrap_or_default())
        }
        Some(504) => Err(FetchFailure::TimedOut.into()),
        Some(503) | None => Err(FetchFailure::Unreachable.into()),
        Some(status) => Err(FetchFailure::Status(status).into()),
    }
}
