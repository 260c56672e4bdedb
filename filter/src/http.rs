//! One request as Envoy hands it to the filter: reads it from the host, and carries out what the core decides.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use edge_core::client::ClientId;
use edge_core::exchange::{Exchange, HeadEdits, HostAction};
use edge_core::head::Head;
use edge_core::idempotency::{CheckedVerdict, ClaimRequest, SingleCall, Verdict};
use edge_core::outcome::Outcome;
use edge_core::rejection::Reply;
use edge_core::route::Route;
use edge_core::waiting::Slot;
use edge_core::webhook::CannotVerify;
use edge_core::webhook::x509::TrustedKey;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, LogLevel, MapType, Status};

use crate::cache;
use crate::claim_sender::Submission;
use crate::crash_point;
use crate::metrics::EdgeCounter;
use crate::notify::{ClaimWaiter, HeldRequest};
use crate::root::{Edge, log};
use crate::rsa::HostRsa;

/// One request. It calls the host by `hostcalls`: the wrappers in `HttpContext` turn every failure into a panic.
pub(crate) struct EdgeHttp(Rc<RefCell<Stream>>);

/// The state of a request. Shared with the root context while it waits for a certificate or a verdict.
pub(crate) struct Stream {
    context_id: u32,
    edge: Rc<Edge>,
    exchange: Exchange,
    /// Set while its claim is in flight in its own call.
    single: Option<SingleCall>,
    /// Its slot among the worker's requests; `None` if there are too many.
    slot: Option<Slot>,
    /// Its slot among the client's requests.
    client_slot: Option<Slot>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({})", self.context_id)
    }
}

impl EdgeHttp {
    pub(crate) fn new(context_id: u32, edge: Rc<Edge>) -> Self {
        let (exchange, slot) = (Exchange::default(), edge.requests.take());
        let stream = Stream { context_id, edge, exchange, single: None, slot, client_slot: None };
        Self(Rc::new(RefCell::new(stream)))
    }

    fn advance(&self, advance: impl FnOnce(&mut Exchange, &Edge) -> Result<HostAction, Status>) -> Action {
        Stream::advance(&self.0, advance)
    }
}

impl Stream {
    fn advance(
        stream: &Rc<RefCell<Self>>,
        advance: impl FnOnce(&mut Exchange, &Edge) -> Result<HostAction, Status>,
    ) -> Action {
        let mut this = stream.borrow_mut();
        let undecided = this.exchange.outcome().is_none();
        let edge = this.edge.clone();
        let action = advance(&mut this.exchange, &edge).and_then(|action| this.look_up(action, stream));
        if let Some(outcome) = this.exchange.outcome().filter(|_| undecided) {
            this.report(outcome);
        }
        carry_out(action)
    }

    /// The certificate that a webhook waits for was fetched, or cannot be. Must run in this stream's context.
    pub(crate) fn on_certificate(stream: &Rc<RefCell<Self>>, key: Result<&TrustedKey, CannotVerify>) {
        let action = Self::advance(stream, |exchange, edge| {
            Ok(exchange.on_certificate(key, &HostRsa, &edge.config, now_s()?))
        });
        resume(action);
    }

    /// The cache's verdict on the request's key; `None` if there is none. Must run in this stream's context.
    pub(crate) fn on_verdict(stream: &Rc<RefCell<Self>>, verdict: Option<Verdict>) {
        crash_point::reached("verdict");
        stream.borrow_mut().single = None;
        let action = Self::advance(stream, |exchange, edge| {
            let now_s = now_s()?;
            let Some((claim, _)) = exchange.claim() else { return Ok(HostAction::Wait) };
            let checked = edge.check_verdict(&claim, verdict, now_s);
            Ok(exchange.on_claim_answered(checked, &edge.config, now_s))
        });
        resume(action);
    }

    /// Looks up the verdict or certificate that the action asks for.
    fn look_up(&mut self, action: HostAction, stream: &Rc<RefCell<Self>>) -> Result<HostAction, Status> {
        match action {
            HostAction::Claim(claim) => {
                let now_s = now_s()?;
                // From this worker's memory first.
                let known = self.edge.view.borrow().known_verdict(&claim);
                let submission = match known {
                    Some(_) => Submission::NotSent,
                    None => self.ask_cache(claim, stream, now_s)?,
                };
                match submission {
                    Submission::Single(single) => self.single = Some(single),
                    Submission::Batched => {}
                    Submission::NotSent => {
                        let checked = known.unwrap_or(CheckedVerdict::Unavailable);
                        return Ok(self.exchange.on_claim_answered(checked, &self.edge.config, now_s));
                    }
                    Submission::Full => return Ok(self.exchange.on_claim_crowded()),
                }
                Ok(HostAction::Wait)
            }
            HostAction::Certificate(url) => {
                let now_s = now_s()?;
                let config = &self.edge.config;
                let (held, paypal) = (self.held(stream), config.webhooks.paypal.as_ref());
                Ok(match self.edge.certificates.key(&url, held, paypal, now_s) {
                    Ok(None) => HostAction::Wait,
                    Ok(Some(key)) => self.exchange.on_certificate(Ok(&key), &HostRsa, config, now_s),
                    Err(reason) => self.exchange.on_certificate(Err(reason), &HostRsa, config, now_s),
                })
            }
            action => Ok(action),
        }
    }

    fn held(&self, stream: &Rc<RefCell<Self>>) -> HeldRequest {
        HeldRequest { context_id: self.context_id, stream: Rc::downgrade(stream) }
    }

    fn ask_cache(
        &self,
        claim: ClaimRequest,
        stream: &Rc<RefCell<Self>>,
        now_s: u64,
    ) -> Result<Submission, Status> {
        let request_id = self.exchange.claim().map_or_else(String::new, |(_, id)| id.to_owned());
        let waiter = ClaimWaiter { held: self.held(stream), claim, request_id };
        let submission = self.edge.claim_sender.submit(waiter, &self.edge, now_s);
        crash_point::reached("claim_sent");
        submission
    }

    /// Reports to metrics and the access log how the request ended here. The log reads the values from Envoy's filter
    /// state, as `wasm.edge_outcome` and so on; a lost value must not end a request.
    fn report(&self, outcome: Outcome) {
        let name = outcome.name();
        self.edge.metrics.count(EdgeCounter::Requests(outcome), &name);
        let (verdict, signature) = (self.exchange.verdict(), self.exchange.signature());
        if let Some(verdict) = verdict {
            self.edge.metrics.count(EdgeCounter::Claims(verdict), verdict);
        }
        if let Some(signature) = signature {
            self.edge.metrics.count(EdgeCounter::Webhooks(signature), signature);
        }
        let operation = self.exchange.route().map(Route::name);
        let client = self.exchange.client().map(ClientId::as_str);
        let fields = [
            ("edge_outcome", Some(name.as_str())),
            ("edge_operation", operation),
            ("edge_client", client),
            ("edge_idempotency", verdict),
            ("edge_signature", signature),
        ];
        for (field, text) in fields {
            if let Some(text) = text {
                let _ = hostcalls::set_property(vec![field], Some(text.as_bytes()));
            }
        }
    }
}

impl Context for EdgeHttp {
    /// The cache has answered the request's own call, or Envoy on its behalf.
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, body_len: usize, _trailers: usize) {
        let verdict = cache::verdicts(body_len, 1).and_then(|mut verdicts| verdicts.pop()).flatten();
        Stream::on_verdict(&self.0, verdict);
    }

    /// The request has ended.
    fn on_done(&mut self) -> bool {
        let mut stream = self.0.borrow_mut();
        if let Some(single) = stream.single.take() {
            stream.edge.claim_sender.abandon(single, &stream.edge);
        }
        true
    }
}

impl HttpContext for EdgeHttp {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let has_slot = self.0.borrow().slot.is_some();
        let mut client_slot = None;
        let action = self.advance(|exchange, edge| {
            let (lines, now_s) = (hostcalls::get_map_bytes(MapType::HttpRequestHeaders)?, now_s()?);
            crash_point::arm(&lines);
            crash_point::reached("head");
            if !has_slot {
                return Ok(exchange.on_request_crowded(Head::new(&lines)));
            }
            let action = exchange.on_request_head(Head::new(&lines), &edge.config, now_s);
            if action != HostAction::Wait {
                return Ok(action);
            }
            if let Some(client) = exchange.client() {
                client_slot = edge.in_flight.borrow_mut().take(client);
                if client_slot.is_none() {
                    return Ok(exchange.on_client_crowded());
                }
            }
            let is_complete = end_of_stream || exchange.route().is_some_and(Route::is_upgrade);
            Ok(match is_complete {
                true => exchange.on_request_end(&[], &edge.config, now_s),
                false => action,
            })
        });
        let mut stream = self.0.borrow_mut();
        if stream.exchange.route().is_some_and(Route::may_stream) && action == Action::Continue {
            // A stream of events may stay open for days, and Envoy and the control plane bound them. The slots are for
            // requests that are worked on.
            stream.slot = None;
        } else {
            stream.client_slot = client_slot;
        }
        action
    }

    fn on_http_request_body(&mut self, length: usize, end_of_stream: bool) -> Action {
        self.advance(|exchange, edge| match end_of_stream {
            true => end_request(exchange, edge),
            false => Ok(exchange.on_request_body(length)),
        })
    }

    /// With trailers, no body callback has `end_of_stream` set: the request ends here.
    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.advance(|exchange, edge| {
            crash_point::reached("trailers");
            // No operation uses trailers, so they are removed.
            hostcalls::set_map_bytes(MapType::HttpRequestTrailers, Vec::new())?;
            end_request(exchange, edge)
        })
    }
}

fn end_request(exchange: &mut Exchange, edge: &Edge) -> Result<HostAction, Status> {
    crash_point::reached("body");
    let wanted = exchange.body_bytes_wanted();
    let body = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, wanted)?.unwrap_or_default();
    Ok(exchange.on_request_end(&body, &edge.config, now_s()?))
}

/// Resumes a request that was waiting. Must come last: the head cannot be edited afterwards.
fn resume(action: Action) {
    if action == Action::Continue {
        let _ = hostcalls::resume_http_request();
    }
}

/// Carries out an action. If a host call fails, the request is held rather than forwarded.
fn carry_out(action: Result<HostAction, Status>) -> Action {
    let done = action.and_then(|action| match action {
        HostAction::Wait | HostAction::Claim(_) | HostAction::Certificate(_) => Ok(Action::Pause),
        HostAction::Forward(edits) => edit_head(&edits).map(|()| Action::Continue),
        HostAction::Reply(reply) => send(&reply).map(|()| Action::Pause),
    });
    done.unwrap_or_else(|status| {
        log(LogLevel::Error, &format!("a request is held because a host call failed: {status:?}"));
        Action::Pause
    })
}

fn edit_head(edits: &HeadEdits) -> Result<(), Status> {
    for name in &edits.remove {
        hostcalls::remove_map_value(MapType::HttpRequestHeaders, name)?;
    }
    for (name, value) in &edits.set {
        hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value.as_bytes()))?;
    }
    Ok(())
}

fn send(reply: &Reply) -> Result<(), Status> {
    let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    hostcalls::send_http_response(u32::from(reply.status), headers, Some(&reply.body))
}

/// Unix seconds by Envoy's clock.
pub(crate) fn now_s() -> Result<u64, Status> {
    let now = hostcalls::get_current_time()?;
    // A clock before 1970 makes attestations stale, and the control plane rejects those.
    Ok(now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
