//! From an HTTP request to a Stripe call, and the call's way through key and books.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
};
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    auth,
    command::Command,
    desk::Desk,
    endpoint::{Endpoint, Purpose},
    errors::{Result, StripeError},
    form::Form,
    idempotency::{Fingerprint, KEY_CHARS_MAX},
    version::{self, NEWEST},
};
use crate::{
    answer::Answer,
    exchange::{Call, RequestLine},
    ids,
    provider::{Operation, Provider},
    webhooks::Announcer,
    world::{Shared, World},
};

/// Stripe's documentation names no limit; nothing it documents comes near this.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A request as received, before anything about it is believed.
pub(crate) struct Arrival {
    pub(crate) line: RequestLine,
    headers: HeaderMap,
    endpoint: Option<Endpoint>,
    form: Result<Form>,
    envelope: Envelope,
}

/// What every answer to a request carries.
#[derive(Debug, Clone)]
struct Envelope {
    request_id: String,
    version: String,
}

impl Envelope {
    fn seal(&self, answer: Answer) -> Answer {
        answer.with("request-id", &self.request_id).with("stripe-version", &self.version)
    }
}

impl Arrival {
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

    /// What the request is for, refused or not.
    pub(crate) fn operation(&self, world: &World) -> Operation {
        let empty = Form::default();
        let form = self.form.as_ref().unwrap_or(&empty);
        self.endpoint
            .as_ref()
            .map_or(Operation::Unknown, |endpoint| endpoint.purpose(form).operation(&world.stripe))
    }

    /// The answer to a request that is refused before it is handled.
    pub(crate) fn refusal(&self, error: &StripeError) -> Answer {
        self.envelope.seal(error.answer())
    }

    /// Checks everything that can be checked without the books. What fails here is not kept under any key.
    pub(crate) fn understand(&self, shared: &Shared) -> Result<StripeCall> {
        auth::check(&self.headers, shared.config.stripe_secret_key.as_deref())?;
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
            shared.world().stripe.keys.check(key, fingerprint, shared.now())?;
        }
        let command = endpoint.read(form.clone())?;
        if let (Some(contracts), Some(path)) = (&shared.contracts, endpoint.contract_path()) {
            contracts.stripe.check_request(path, &form)?;
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

/// A Stripe request that was understood.
pub(crate) struct StripeCall {
    command: Command,
    purpose: Purpose,
    key: Option<String>,
    fingerprint: Fingerprint,
    envelope: Envelope,
}

impl Call for StripeCall {
    const PROVIDER: Provider = Provider::Stripe;

    fn operation(&self, world: &World) -> Operation {
        self.purpose.operation(&world.stripe)
    }

    fn idempotency_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    fn claim(&self, _: &Shared, world: &mut World, now: Timestamp) -> Option<Answer> {
        let key = self.key.as_deref()?;
        let answer = world.stripe.keys.claim(key, self.fingerprint, &self.envelope.request_id, now)?;
        Some(self.envelope.seal(answer))
    }

    fn execute(&self, shared: &Shared, world: &mut World, now: Timestamp) -> Answer {
        let mut desk = Desk {
            books: &mut world.stripe,
            ledger: &mut world.ledger,
            now,
            idempotency_key: self.key.as_deref(),
            request_id: Some(&self.envelope.request_id),
            announcer: Announcer { outbox: &mut world.webhooks, faults: &mut world.faults, now },
            pages: &shared.public_url,
        };
        let answer = match self.command.execute(&mut desk) {
            Ok(view) => Answer::json(StatusCode::OK, &view),
            Err(error) => error.answer(),
        };
        if let Some(key) = &self.key {
            world.stripe.keys.save(key, &answer);
        }
        self.envelope.seal(answer)
    }

    fn forget_key(&self, world: &mut World) {
        if let Some(key) = &self.key {
            world.stripe.keys.forget(key);
        }
    }

    fn freeze(&self, world: &mut World, answer: &Answer) {
        if let Some(key) = &self.key {
            world.stripe.keys.save(key, answer);
        }
    }

    fn rate_limited(&self) -> Answer {
        let answer = StripeError::rate_limited().answer().with("stripe-rate-limited-reason", "endpoint-rate");
        self.envelope.seal(answer)
    }

    fn internal_error(&self) -> Answer {
        self.envelope.seal(StripeError::internal().answer())
    }
}
