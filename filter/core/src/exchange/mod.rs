//! The life of one request at the edge.
//!
//! The host reports what arrives and carries out the returned [`HostAction`]. The request is held from its head on, so
//! nothing of it reaches the control plane before all of it has been validated. A request ends with its head, its body
//! or its trailers; validation is the same for each.
//!
//! A valid request with an idempotency key then waits for the cache's verdict, and a webhook for the certificate that
//! verifies its signature.

mod head_checks;
mod request_key;
mod ticket;
mod webhook;

use crate::attestation::{self, Statement};
use crate::client::ClientId;
use crate::config::EdgeConfig;
use crate::content::Content;
use crate::error::ErrorCode;
use crate::head::Head;
use crate::idempotency::{CheckedVerdict, ClaimRequest};
use crate::outcome::Outcome;
use crate::rejection::{Rejection, Reply};
use crate::route::Route;
use crate::ticket::Ticket;
use crate::webhook::paypal::CertificateUrl;
use head_checks::{
    Request, check_headers, check_host, check_query, check_target, check_upgrade, client, no_route,
    request_id,
};
use request_key::{KeyDecision, OpenClaim, RequestKey};
use webhook::{Awaiting, Webhook};

/// How long a client should wait before it retries after an overload.
const CROWDED_RETRY_S: u32 = 1;

/// What the host does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAction {
    /// Hold the request and report what arrives next.
    Wait,
    /// Keep holding the request, and claim its key: from the worker's memory, else from the cache. The verdict goes to
    /// [`Exchange::on_claim_answered`].
    Claim(ClaimRequest),
    /// Keep holding the request, and get this certificate's key, which goes to [`Exchange::on_certificate`].
    Certificate(CertificateUrl),
    /// Edit the head, then forward the request.
    Forward(HeadEdits),
    /// Send this reply; the request ends here.
    Reply(Reply),
}

/// Edits of the head of a forwarded request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadEdits {
    /// Headers to remove, with all of their values.
    pub remove: Vec<String>,
    /// Headers to set, after the removals.
    pub set: Vec<(&'static str, String)>,
}

/// The state of one request at the edge.
#[derive(Debug, Default)]
pub struct Exchange {
    stage: Stage,
    route: Option<Route>,
    client: Option<ClientId>,
    verdict: Option<&'static str>,
    signature: Option<&'static str>,
    is_for_any_origin: bool,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    New,
    /// The head is valid; the rest has not arrived.
    Receiving(Box<Request>),
    /// The request is complete and valid; its key is being claimed.
    Claiming(OpenClaim),
    /// A webhook is complete; its certificate is being fetched.
    Awaiting(Box<Awaiting>),
    Decided(Outcome),
}

impl Exchange {
    /// How the request ended at the edge, once that is decided.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        match self.stage {
            Stage::Decided(outcome) => Some(outcome),
            Stage::New | Stage::Receiving(_) | Stage::Claiming(_) | Stage::Awaiting(_) => None,
        }
    }

    /// The operation, once it is known.
    #[must_use]
    pub const fn route(&self) -> Option<Route> {
        self.route
    }

    /// The client, once it is known.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientId> {
        self.client.as_ref()
    }

    /// The verdict on the request's key, once there is one: [`CheckedVerdict::name`], or `crowded` if the claim was not
    /// sent because too many wait.
    #[must_use]
    pub const fn verdict(&self) -> Option<&'static str> {
        self.verdict
    }

    /// The result of checking a webhook's signature, once there is one: `verified`, or the reason against it.
    #[must_use]
    pub const fn signature(&self) -> Option<&'static str> {
        self.signature
    }

    /// How many bytes of the body to read: one more than the limit shows that it is too long.
    #[must_use]
    pub fn body_bytes_wanted(&self) -> usize {
        match &self.stage {
            Stage::Receiving(request) => request.content.bytes_max() + 1,
            Stage::New | Stage::Claiming(_) | Stage::Awaiting(_) | Stage::Decided(_) => 0,
        }
    }

    /// The head has arrived at `now_s` (Unix seconds).
    pub fn on_request_head(&mut self, head: Head<'_>, config: &EdgeConfig, now_s: u64) -> HostAction {
        if !matches!(self.stage, Stage::New) {
            return self.after_decision();
        }
        let request_id = match request_id(head) {
            Ok(id) => id,
            Err(rejection) => return self.reject(rejection, None),
        };
        match self.read_head(head, request_id.clone(), config, now_s) {
            Ok(request) => {
                self.stage = Stage::Receiving(Box::new(request));
                HostAction::Wait
            }
            Err(rejection) => self.reject(rejection, Some(request_id)),
        }
    }

    /// The head has arrived, and the worker has no slot for the request.
    pub fn on_request_crowded(&mut self, head: Head<'_>) -> HostAction {
        let message = "too many requests at once; nothing was executed, send this again";
        let rejection = Rejection::new(ErrorCode::GatewayUnavailable, message).retry_after(CROWDED_RETRY_S);
        self.reject(rejection, request_id(head).ok())
    }

    /// The head is valid, and its client has reached its limit of requests in flight.
    pub fn on_client_crowded(&mut self) -> HostAction {
        let Stage::Receiving(request) = &self.stage else { return self.after_decision() };
        let message = "this client has too many requests in flight; nothing was executed, send this again when one has ended";
        let rejection = Rejection::new(ErrorCode::RateLimited, message).retry_after(CROWDED_RETRY_S);
        let request_id = request.statement.request_id.clone();
        self.reject(rejection, Some(request_id))
    }

    /// `length` bytes of the body have arrived so far, and more may follow.
    pub fn on_request_body(&mut self, length: usize) -> HostAction {
        let Stage::Receiving(request) = &self.stage else { return self.after_decision() };
        match request.content.within_limit(length) {
            Ok(()) => HostAction::Wait,
            Err(rejection) => {
                let request_id = request.statement.request_id.clone();
                self.reject(rejection, Some(request_id))
            }
        }
    }

    /// The request is complete at `now_s` (Unix seconds); `body` is its whole body, or empty.
    pub fn on_request_end(&mut self, body: &[u8], config: &EdgeConfig, now_s: u64) -> HostAction {
        let request = match std::mem::take(&mut self.stage) {
            Stage::Receiving(request) => request,
            other => {
                self.stage = other;
                return self.after_decision();
            }
        };
        match request.validate(body, config) {
            Ok(()) => self.proceed(request, body, config, now_s),
            Err(rejection) => self.reject(rejection, Some(request.statement.request_id)),
        }
    }

    /// The open claim, and the id of its request.
    #[must_use]
    pub fn claim(&self) -> Option<(ClaimRequest, &str)> {
        match &self.stage {
            Stage::Claiming(open) => Some((open.claim, &open.request.statement.request_id)),
            Stage::New | Stage::Receiving(_) | Stage::Awaiting(_) | Stage::Decided(_) => None,
        }
    }

    /// The claim has its verdict at `now_s` (Unix seconds).
    pub fn on_claim_answered(
        &mut self,
        checked: CheckedVerdict,
        config: &EdgeConfig,
        now_s: u64,
    ) -> HostAction {
        let OpenClaim { mut request, key, claim, body_sha256 } = match std::mem::take(&mut self.stage) {
            Stage::Claiming(open) => open,
            other => {
                self.stage = other;
                return self.after_decision();
            }
        };
        self.verdict = Some(checked.name());
        match key.decide(&claim, checked) {
            KeyDecision::Proceed(key) => {
                request.statement.key = Some(key);
                self.forward(&request, body_sha256, config, now_s)
            }
            KeyDecision::Replay(answer) => {
                self.stage = Stage::Decided(Outcome::Replayed);
                HostAction::Reply(request_key::replay(answer))
            }
            KeyDecision::Reject(rejection) => self.reject(rejection, Some(request.statement.request_id)),
        }
    }

    /// Too many claims wait, so this one is not sent. The request is rejected even where an unavailable cache lets it
    /// pass: unchecked requests cost the control plane more, and a flood must not cause that.
    pub fn on_claim_crowded(&mut self) -> HostAction {
        let request = match std::mem::take(&mut self.stage) {
            Stage::Claiming(open) => open.request,
            other => {
                self.stage = other;
                return self.after_decision();
            }
        };
        self.verdict = Some(request_key::CROWDED);
        self.reject(request_key::unavailable(), Some(request.statement.request_id))
    }

    fn proceed(
        &mut self,
        mut request: Box<Request>,
        body: &[u8],
        config: &EdgeConfig,
        now_s: u64,
    ) -> HostAction {
        if let Some(webhook) = request.webhook.take() {
            return self.on_webhook(request, webhook, body, config, now_s);
        }
        let body_sha256 = attestation::Request::new(&request.method, &request.path, body).body_sha256;
        let Some(key) = request.key.take() else {
            return self.forward(&request, body_sha256, config, now_s);
        };
        let claim = key.claim(&request.method, &request.path, body, config);
        self.stage = Stage::Claiming(OpenClaim { request, key, claim, body_sha256 });
        HostAction::Claim(claim)
    }

    fn forward(
        &mut self,
        request: &Request,
        body_sha256: [u8; 32],
        config: &EdgeConfig,
        now_s: u64,
    ) -> HostAction {
        self.stage = Stage::Decided(Outcome::Forwarded);
        HostAction::Forward(request.edits(body_sha256, config, now_s))
    }

    fn read_head(
        &mut self,
        head: Head<'_>,
        request_id: String,
        config: &EdgeConfig,
        now_s: u64,
    ) -> Result<Request, Rejection> {
        check_host(head)?;
        let method = head.one(":method")?.unwrap_or_default();
        let target = head.one(":path")?.unwrap_or_default();
        check_target(target)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let route = Route::find(method, path).map_err(no_route)?;
        self.route = Some(route);
        let ticket = self.read_ticket(head, route, query, config, now_s)?;
        if route.needs_client() {
            let of_ticket = ticket.as_ref().map(|ticket| ticket.client.clone());
            self.client = Some(of_ticket.map_or_else(|| client(head), Ok)?);
        }
        check_query(route, query)?;
        if let Some(ticket) = &ticket {
            ticket::check(ticket, head, route, query)?;
        }
        check_upgrade(head, route)?;
        check_headers(head, route)?;
        let content = Content::announced(head, route.body(), config)?;
        let webhook = match route {
            Route::Webhook(provider) => {
                let read = Webhook::read(provider, head, config, now_s);
                Some(read.map_err(|rejection| self.note_rejection(rejection))?)
            }
            _ => None,
        };
        let key = RequestKey::read(head, route, self.client.as_ref(), (method, path), config)?;
        Ok(Request {
            route,
            method: method.to_owned(),
            path: target.to_owned(),
            statement: Statement { client: self.client.clone(), ticket, ..Statement::anonymous(request_id) },
            content,
            key,
            webhook,
            strip: head.to_strip(),
        })
    }

    fn read_ticket(
        &mut self,
        head: Head<'_>,
        route: Route,
        query: &str,
        config: &EdgeConfig,
        now_s: u64,
    ) -> Result<Option<Ticket>, Rejection> {
        let carried = ticket::carried(head, route, query);
        self.is_for_any_origin = ticket::is_for_any_origin(route, &carried);
        let Some(text) = carried? else { return Ok(None) };
        Ok(Some(ticket::verify(&text, config, now_s)?))
    }

    fn reject(&mut self, rejection: Rejection, request_id: Option<String>) -> HostAction {
        let rejection = if self.is_for_any_origin { rejection.for_any_origin() } else { rejection };
        self.stage = Stage::Decided(Outcome::Rejected(rejection.code()));
        HostAction::Reply(rejection.into_reply(request_id))
    }

    /// The action for anything that the host reports after the decision.
    fn after_decision(&self) -> HostAction {
        match self.outcome() {
            Some(Outcome::Forwarded) => HostAction::Forward(HeadEdits::default()),
            _ => HostAction::Wait,
        }
    }
}

#[cfg(test)]
mod tests;
