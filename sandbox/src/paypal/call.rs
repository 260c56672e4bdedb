//! Parses an HTTP request into a PayPal call, and runs the call with its request id.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode},
};
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    command::Command,
    context::{RequestContext, Success, show},
    endpoint::{Endpoint, Purpose},
    errors::{PaypalError, Result},
    headers,
    request_ids::{CallKind, RequestIdStatus},
};
use crate::{
    exchange::{Call, RequestLine},
    http_response::HttpResponse,
    ids,
    provider::{Operation, Provider},
    state::{SandboxState, Shared},
    webhooks::Announcer,
};

/// The documentation names no limit; nothing documented comes near this.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A request as received, before anything is validated.
pub(crate) struct RawRequest {
    pub(crate) line: RequestLine,
    headers: HeaderMap,
    endpoint: Option<Endpoint>,
    /// Absent if it could not be read.
    body: Option<Bytes>,
}

impl RawRequest {
    pub(crate) async fn receive(line: RequestLine, headers: HeaderMap, body: Body) -> Self {
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok();
        Self { endpoint: Endpoint::find(&line.method, line.uri.path()), line, headers, body }
    }

    /// The operation of the request, whether or not it is valid.
    pub(crate) fn operation(&self, state: &SandboxState) -> Operation {
        let body = self.body.as_deref().unwrap_or_default();
        self.endpoint
            .as_ref()
            .map_or(Operation::Unknown, |endpoint| endpoint.purpose(body).operation(&state.paypal))
    }

    /// Validates everything that does not depend on stored objects, except the access token.
    pub(crate) fn parse(&self, shared: &Shared) -> Result<PaypalCall> {
        let for_browsers = self.endpoint.as_ref().is_some_and(Endpoint::is_for_browsers);
        shared.state().paypal.tokens.check(&self.headers, shared.now(), for_browsers)?;
        let Some(endpoint) = &self.endpoint else { return PaypalError::unknown_url().refuse() };
        let Some(body) = &self.body else {
            let description = "The request body could not be read, or is over 256 KiB.";
            return PaypalError::invalid("MALFORMED_REQUEST_JSON", "/", description).refuse();
        };
        if endpoint.schema().is_some() {
            headers::require_json(&self.headers)?;
        }
        let request_id = headers::request_id(&self.headers)?;
        let representation = headers::prefers_representation(&self.headers)?;
        let mocked = if endpoint.can_be_mocked() { headers::mocked_error(&self.headers)? } else { None };
        let command = endpoint.read(body)?;
        if let (Some(contracts), Some(schema), false) =
            (&shared.contracts, endpoint.schema(), body.is_empty())
        {
            contracts.check_paypal(schema, body)?;
        }
        if command.needs_request_id() && request_id.is_none() {
            let description =
                "A PayPal-Request-Id is required if you are trying to process payment for an Order.";
            return PaypalError::invalid_header(
                "PAYPAL_REQUEST_ID_REQUIRED",
                "PayPal-Request-Id",
                description,
            )
            .refuse();
        }
        Ok(PaypalCall {
            full: representation || command.is_retrieval(),
            purpose: endpoint.purpose(body),
            command,
            request_id,
            mocked,
        })
    }
}

/// A parsed PayPal request.
pub(crate) struct PaypalCall {
    command: Command,
    purpose: Purpose,
    request_id: Option<String>,
    mocked: Option<Box<PaypalError>>,
    /// Respond with the full object.
    full: bool,
}

impl PaypalCall {
    fn claimed(&self) -> Option<(CallKind, &str)> {
        Some((self.command.kind()?, self.request_id.as_deref()?))
    }

    fn decide(&self, shared: &Shared, state: &mut SandboxState, now: Timestamp) -> Result<Success> {
        if let Some(error) = &self.mocked {
            return Err(error.clone());
        }
        self.command.execute(&mut RequestContext {
            objects: &mut state.paypal,
            ledger: &mut state.ledger,
            now,
            request_id: self.request_id.as_deref(),
            announcer: Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now },
            base: &shared.public_url,
        })
    }

    fn response(&self, shared: &Shared, state: &SandboxState, success: &Success) -> HttpResponse {
        let is_empty = match self.command {
            Command::PatchOrder(_) => true,
            Command::VoidAuthorization(_) => !self.full,
            _ => false,
        };
        if is_empty {
            return HttpResponse::empty(StatusCode::NO_CONTENT).with("paypal-debug-id", &ids::debug_id());
        }
        match show(&state.paypal, &shared.public_url, &success.resource, self.full) {
            Ok(view) => HttpResponse::json(success.status, &view).with("paypal-debug-id", &ids::debug_id()),
            Err(error) => error.response(),
        }
    }
}

impl Call for PaypalCall {
    const PROVIDER: Provider = Provider::Paypal;

    fn operation(&self, state: &SandboxState) -> Operation {
        self.purpose.operation(&state.paypal)
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    fn claim(&self, shared: &Shared, state: &mut SandboxState, now: Timestamp) -> Option<HttpResponse> {
        let (kind, id) = self.claimed()?;
        match state.paypal.request_ids.claim(kind, id, now) {
            RequestIdStatus::Fresh => None,
            RequestIdStatus::InProgress => Some(PaypalError::in_progress().response()),
            RequestIdStatus::Made(resource) => Some(self.response(shared, state, &Success::ok(resource))),
        }
    }

    fn execute(&self, shared: &Shared, state: &mut SandboxState, now: Timestamp) -> HttpResponse {
        let decision = self.decide(shared, state, now);
        if let Some((kind, id)) = self.claimed() {
            match &decision {
                Ok(success) => state.paypal.request_ids.made(kind, id, success.resource.clone()),
                Err(_) => state.paypal.request_ids.forget(kind, id),
            }
        }
        match decision {
            Ok(success) => self.response(shared, state, &success),
            Err(error) => error.response(),
        }
    }

    fn forget_key(&self, state: &mut SandboxState) {
        if let Some((kind, id)) = self.claimed() {
            state.paypal.request_ids.forget(kind, id);
        }
    }

    fn rate_limited(&self) -> HttpResponse {
        PaypalError::rate_limited().response()
    }

    fn internal_error(&self) -> HttpResponse {
        PaypalError::internal().response()
    }
}
