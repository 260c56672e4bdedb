//! PayPal's certificates: fetched once, by the root context, for every webhook of this worker that waits for one.
//!
//! A request of its own would be given up with the webhook that sent it, and the others would wait in vain.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use edge_core::config::Paypal;
use edge_core::waiting::Untold;
use edge_core::webhook::paypal::{CertificateCache, CertificateUrl, CertificateWaiters, Lookup};
use edge_core::webhook::x509::TrustedKey;
use edge_core::webhook::{CannotVerify, FetchFailure};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel, MapType, Status};

use crate::crash_point;
use crate::root::log;
use crate::rsa::HostRsa;
use crate::told::{Held, Told, ask_for_a_turn};

/// Shorter than the cache waits for the end of a fetch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One byte more than a certificate may have.
const WANTED_BYTES: usize = 64 * 1024 + 1;

/// What a worker knows of certificates, and who waits for them.
#[derive(Default)]
pub(crate) struct Certificates {
    cache: RefCell<CertificateCache>,
    /// These two are as few as the cache lets be fetched at once.
    wanted: RefCell<Vec<CertificateUrl>>,
    fetching: RefCell<HashMap<u32, CertificateUrl>>,
    waiting: RefCell<CertificateWaiters<Held>>,
}

impl Certificates {
    /// The key if it is there, or why it is not to be had; `None` if the request is told later.
    pub(crate) fn key(
        &self,
        url: &CertificateUrl,
        held: Held,
        now_s: u64,
    ) -> Result<Option<TrustedKey>, CannotVerify> {
        let mut cache = self.cache.borrow_mut();
        match cache.lookup(url, now_s) {
            Lookup::Ready(key) => return Ok(Some(key.clone())),
            Lookup::Failed(reason) => return Err(reason),
            Lookup::Waiting => {}
            Lookup::Fetch => {
                self.wanted.borrow_mut().push(url.clone());
                // What is sent in the root context's turn outlives this request.
                if ask_for_a_turn().is_err() {
                    self.wanted.borrow_mut().clear();
                    return Err(FetchFailure::Unreachable.into());
                }
            }
        }
        self.waiting.borrow_mut().join(url, held)?;
        Ok(None)
    }

    /// The root context's turn: sends what is wanted.
    pub(crate) fn on_tick(&self, paypal: &Paypal, now_s: u64, untold: &mut Untold<Told>) {
        let wanted = std::mem::take(&mut *self.wanted.borrow_mut());
        for url in wanted {
            match fetch(&url, paypal) {
                Ok(token) => drop(self.fetching.borrow_mut().insert(token, url)),
                Err(_) => self.end(&url, Err(FetchFailure::Unreachable.into()), now_s, untold),
            }
        }
    }

    /// A certificate has come, or Envoy's word that none did.
    pub(crate) fn on_answer(
        &self,
        token: u32,
        body_len: usize,
        paypal: &Paypal,
        now_s: u64,
        untold: &mut Untold<Told>,
    ) {
        let Some(url) = self.fetching.borrow_mut().remove(&token) else { return };
        crash_point::reached("certificate_answered");
        let result = read(body_len).and_then(|pem| {
            paypal.trust.key_of(&pem, paypal.environment.certificate_name(), now_s, &HostRsa)
        });
        if let Err(reason) = &result {
            log(LogLevel::Warn, &format!("the certificate {url} is not taken: {reason}"));
        }
        self.end(&url, result, now_s, untold);
    }

    fn end(
        &self,
        url: &CertificateUrl,
        result: Result<TrustedKey, CannotVerify>,
        now_s: u64,
        untold: &mut Untold<Told>,
    ) {
        self.cache.borrow_mut().fetched(url, result.clone(), now_s);
        let key = result.map(Rc::new);
        let waiters = self.waiting.borrow_mut().of(url);
        untold.add(waiters.into_iter().map(|waiter| Told::Key(waiter, key.clone())));
    }
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

/// The certificate, if what came is one of the provider's answers: Envoy makes up 503 and 504 of its own.
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
