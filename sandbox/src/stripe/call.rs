//! Parses an HTTP request into a Stripe call, and runs the call with its idempotency key.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
};
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    auth,
    command::Command,
    context::RequestContext,
    endpoint::{Endpoint, Purpose},
    errors::{Result, StripeError},
    form::Form,
    idempotency::{Fingerprint, KEY_CHARS_MAX},
    version::{self, NEWEST},
};
use crate::{
    exchange::{Call, RequestLine},
    http_response::HttpResponse,
    ids,
    provider::{Operation, Provider},
    state::{SandboxState, Shared},
    webhooks::Announcer,
};

/// Stripe's documentation names no limit; nothing documented comes near this.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A request as received, before anything is validated.
pub(crate) struct RawRequest {
    pub(crate) line: RequestLine,
    headers: HeaderMap,
    endpoint: Option<Endpoint>,
    form: Result<Form>,
    envelope: Envelope,
}

/// Headers of every response.
#[derive(Debug, Clone)]
struct Envelope {
    request_id: String,
    version: String,
}

impl Envelope {
    fn seal(&self, response: HttpResponse) -> HttpResponse {
        response.with("request-id", &self.request_id).with("stripe-version", &self.version)
    }
}

impl RawRequest {
    pub(crate) async fn receive(line: RequestLine, headers: HeaderMap, body: Body) -> Self {
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
        let form = match body {
            Ok(body) => parse_form(&line, &headers, &body),
            Err(_) => {
                StripeError::invalid("The request body could not be read, or is over 256 KiB.").refuse()
            }
        };
        let version =
            headers.get("stripe-version").map_or(NEWEST, |value| value.to_str().unwrap_or("not text"));
        Self {
            endpoint: Endpoint::find(&line.method, line.uri.path()),
            envelope: Envelope { request_id: ids::stripe("req"), version: version.to_owned() },
            line,
            headers,
            form,
        }
    }

    /// The operation of the request, whether or not it is valid.
    pub(crate) fn operation(&self, state: &SandboxState) -> Operation {
        let empty = Form::default();
        let form = self.form.as_ref().unwrap_or(&empty);
        self.endpoint
            .as_ref()
            .map_or(Operation::Unknown, |endpoint| endpoint.purpose(form).operation(&state.stripe))
    }

    /// The response to a request that is rejected before it is handled.
    pub(crate) fn refusal(&self, error: &StripeError) -> HttpResponse {
        self.envelope.seal(error.response())
    }

    /// Validates everything that does not depend on stored objects. A failure here is not stored under the key.
    pub(crate) fn parse(&self, shared: &Shared) -> Result<StripeCall> {
        let empty = Form::default();
        let form = self.form.as_ref().unwrap_or(&empty);
        let for_browsers = self.endpoint.as_ref().is_some_and(|endpoint| endpoint.is_for_browsers(form));
        auth::check(&self.headers, shared.config.stripe_secret_key.as_deref(), for_browsers)?;
        version::check(&self.envelope.version)?;
        let Some(endpoint) = &self.endpoint else {
            let message =
                format!("Unrecognized request URL ({}: {}).", self.line.method, self.line.uri.path());
            return StripeError::invalid(message).not_found().refuse();
        };
        let key = if self.line.method == Method::POST { read_key(&self.headers)? } else { None };
        let form = self.form.clone()?;
        let purpose = endpoint.purpose(&form);
        let fingerprint = Fingerprint::of(self.line.uri.path(), &form.fields);
        if let Some(key) = &key {
            shared.state().stripe.keys.check(key, fingerprint, shared.now())?;
        }
        let command = endpoint.read(form.clone())?;
        if let (Some(contracts), Some(path)) = (&shared.contracts, endpoint.contract_path()) {
            contracts.check_stripe(path, &form)?;
        }
        Ok(StripeCall { command, purpose, key, fingerprint, envelope: self.envelope.clone() })
    }
}

fn parse_form(line: &RequestLine, headers: &HeaderMap, body: &Bytes) -> Result<Form> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let is_form = content_type.is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
    if !body.is_empty() && !is_form {
        let message =
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded).";
        return StripeError::invalid(message).refuse();
    }
    match line.uri.query() {
        None => Form::parse(body),
        Some(query) => Form::parse([query.as_bytes(), b"&", body].concat().as_slice()),
    }
}

fn read_key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > KEY_CHARS_MAX || values.next().is_some() {
        let message =
            format!("Idempotency-Key must be one header of 1 to {KEY_CHARS_MAX} printable ASCII characters.");
        return StripeError::invalid(message).refuse();
    }
    Ok(Some(key.to_owned()))
}

/// A parsed Stripe request.
pub(crate) struct StripeCall {
    command: Command,
    purpose: Purpose,
    key: Option<String>,
    fingerprint: Fingerprint,
    envelope: Envelope,
}

impl Call for StripeCall {
    const PROVIDER: Provider = Provider::Stripe;

    fn operation(&self, state: &SandboxState) -> Operation {
        self.purpose.operation(&state.stripe)
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    fn claim(&self, _: &Shared, state: &mut SandboxState, now: Timestamp) -> Option<HttpResponse> {
        let key = self.key.as_deref()?;
        let response = state.stripe.keys.claim(key, self.fingerprint, &self.envelope.request_id, now)?;
        Some(self.envelope.seal(response))
    }

    fn execute(&self, shared: &Shared, state: &mut SandboxState, now: Timestamp) -> HttpResponse {
        let mut context = RequestContext {
            objects: &mut state.stripe,
            ledger: &mut state.ledger,
            now,
            idempotency_key: self.key.as_deref(),
            request_id: Some(&self.envelope.request_id),
            announcer: Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now },
            pages: &shared.public_url,
        };
        let response = match self.command.execute(&mut context) {
            Ok(view) => HttpResponse::json(StatusCode::OK, &view),
            Err(error) => error.response(),
        };
        if let Some(key) = &self.key {
            state.stripe.keys.save(key, &response);
        }
        self.envelope.seal(response)
    }

    fn forget_key(&self, state: &mut SandboxState) {
        if let Some(key) = &self.key {
            state.stripe.keys.forget(key);
        }
    }

    fn freeze(&self, state: &mut SandboxState, response: &HttpResponse) {
        if let Some(key) = &self.key {
            state.stripe.keys.save(key, response);
        }
    }

    fn rate_limited(&self) -> HttpResponse {
        let response =
            StripeError::rate_limited().response().with("stripe-rate-limited-reason", "endpoint-rate");
        self.envelope.seal(response)
    }

    fn internal_error(&self) -> HttpResponse {
        self.envelope.seal(StripeError::internal().response())
    }
}
