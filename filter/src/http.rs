use std::rc::Rc;
use std::time::UNIX_EPOCH;

use edge_core::client::ClientId;
use edge_core::exchange::{Exchange, HeadEdits, Step};
use edge_core::head::Head;
use edge_core::outcome::Outcome;
use edge_core::refusal::Reply;
use edge_core::route::Route;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, LogLevel, MapType, Status};

use crate::cache;
use crate::metrics::Counted;
use crate::root::{Edge, log};

/// One request. It calls the host by `hostcalls`: the wrappers in `HttpContext` turn every failure into a panic.
pub(crate) struct EdgeHttp {
    edge: Rc<Edge>,
    exchange: Exchange,
}

impl EdgeHttp {
    pub(crate) fn new(edge: Rc<Edge>) -> Self {
        Self { edge, exchange: Exchange::default() }
    }

    fn advance(&mut self, advance: impl FnOnce(&mut Exchange, &Edge) -> Result<Step, Status>) -> Action {
        let undecided = self.exchange.outcome().is_none();
        let step = advance(&mut self.exchange, &self.edge).and_then(|step| self.ask(step));
        if let Some(outcome) = self.exchange.outcome().filter(|_| undecided) {
            self.report(outcome);
        }
        carry_out(step)
    }

    /// Asks about a key if the step says so: this worker's own memory first. A cache that cannot be asked has given
    /// no answer.
    fn ask(&mut self, step: Step) -> Result<Step, Status> {
        let Step::Claim(claim) = step else { return Ok(step) };
        let (config, now_s) = (&self.edge.config, now_s()?);
        let known = self.edge.recent.borrow().verdict(&claim);
        if known.is_none() {
            let call = self.exchange.claim_call(config, now_s);
            if call.is_some_and(|call| cache::ask(&call, &config.claiming).is_ok()) {
                return Ok(Step::Wait);
            }
        }
        Ok(self.exchange.on_claim_answered(known, config, now_s))
    }

    /// Tells metrics and the access log how the request ended here. The log finds the texts in Envoy's filter
    /// state, as `wasm.edge_outcome` and so on; one that is lost must not end a request.
    fn report(&self, outcome: Outcome) {
        let name = outcome.name();
        self.edge.metrics.count(Counted::Requests(outcome), &name);
        let verdict = self.exchange.verdict();
        if let Some(verdict) = verdict {
            self.edge.metrics.count(Counted::Claims(verdict), verdict);
        }
        let operation = self.exchange.route().map(Route::name);
        let client = self.exchange.client().map(ClientId::as_str);
        let fields = [
            ("edge_outcome", Some(name.as_str())),
            ("edge_operation", operation),
            ("edge_client", client),
            ("edge_idempotency", verdict),
        ];
        for (field, text) in fields {
            if let Some(text) = text {
                let _ = hostcalls::set_property(vec![field], Some(text.as_bytes()));
            }
        }
    }
}

impl Context for EdgeHttp {
    /// The cache has answered, or Envoy in its place.
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, body_len: usize, _trailers: usize) {
        let verdict = cache::verdict(body_len);
        let action = self.advance(|exchange, edge| {
            let now_s = now_s()?;
            if let (Some(claim), Some(verdict)) = (exchange.claim(), &verdict) {
                edge.recent.borrow_mut().note(&claim, verdict, now_s);
            }
            Ok(exchange.on_claim_answered(verdict, &edge.config, now_s))
        });
        // Last of all: the head cannot be changed any more once the request goes on.
        if action == Action::Continue {
            let _ = hostcalls::resume_http_request();
        }
    }
}

impl HttpContext for EdgeHttp {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.advance(|exchange, edge| {
            let lines = hostcalls::get_map_bytes(MapType::HttpRequestHeaders)?;
            match exchange.on_request_head(Head::new(&lines), &edge.config) {
                Step::Wait if end_of_stream => Ok(exchange.on_request_end(&[], &edge.config, now_s()?)),
                step => Ok(step),
            }
        })
    }

    fn on_http_request_body(&mut self, length: usize, end_of_stream: bool) -> Action {
        self.advance(|exchange, edge| match end_of_stream {
            true => end_request(exchange, edge),
            false => Ok(exchange.on_request_body(length, &edge.config)),
        })
    }

    /// Before trailers, no part of the body is called its end: here it is.
    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.advance(|exchange, edge| {
            // No operation has trailers, so none get further.
            hostcalls::set_map_bytes(MapType::HttpRequestTrailers, Vec::new())?;
            end_request(exchange, edge)
        })
    }
}

fn end_request(exchange: &mut Exchange, edge: &Edge) -> Result<Step, Status> {
    // One byte more than is allowed is enough to see that it is too long.
    let most = edge.config.body_bytes_max + 1;
    let body = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, most)?.unwrap_or_default();
    Ok(exchange.on_request_end(&body, &edge.config, now_s()?))
}

/// Carries out a step. Whatever goes wrong on the way, the request is held rather than let through.
fn carry_out(step: Result<Step, Status>) -> Action {
    let done = step.and_then(|step| match step {
        Step::Wait | Step::Claim(_) => Ok(Action::Pause),
        Step::Forward(edits) => edit_head(&edits).map(|()| Action::Continue),
        Step::Reply(reply) => send(&reply).map(|()| Action::Pause),
    });
    done.unwrap_or_else(|status| {
        log(LogLevel::Error, &format!("a request is held: the host refused a call with {status:?}"));
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
fn now_s() -> Result<u64, Status> {
    let now = hostcalls::get_current_time()?;
    // A clock before 1970 makes attestations stale, which is refused where they are checked.
    Ok(now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
