//! The only code that talks to providers over the network, and that knows whether a request can have arrived.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use edge_core::provider::Provider;
use payments::model::id::AttemptId;
use payments::usecases::retries::ASKED_MOST;
use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use super::connections::Connections;
use super::outgoing::Outgoing;
use super::settings::Timeouts;
pub use super::transport_error::TransportError;
use super::untrusted;

const BODY_MAX: usize = 1024 * 1024;
/// The longest `Retry-After` that is honored; a longer one is shortened.
const RETRY_AFTER_MAX: Duration = ASKED_MOST.unsigned_abs();

/// Shorter than providers' idle timeouts: a request on a closing connection has an unknown outcome.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// One request as data, so that its construction can be tested without sending it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProviderRequest {
    /// For logs.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// Each entry is one segment, and is escaped as one.
    pub(super) path: Vec<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Empty,
    /// Sent in the URL.
    Query(Vec<(String, String)>),
    Form(Vec<(String, String)>),
    Json(serde_json::Value),
}

/// The gateway's credential; kept apart from the request, which may be shown.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    Bearer(SecretString),
    Basic { user: String, password: SecretString },
}

#[derive(Clone, Debug)]
pub(super) struct ProviderResponse {
    pub(super) status: u16,
    pub(super) body: Bytes,
    /// `Retry-After`, where it is a number of seconds.
    pub(super) retry_after: Option<Duration>,
    /// The provider's advice on sending the same request again (`Stripe-Should-Retry`).
    pub(super) should_retry: Option<bool>,
    /// Whether the provider marks this as the saved answer to an earlier request (`Idempotent-Replayed`).
    pub(super) is_replayed: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TransportFailure {
    /// The request certainly never left: no address, no connection, no TLS, no time.
    NotSent(String),
    /// The request, or a part of it, may have arrived.
    Unknown(String),
}

pub(super) struct Transport {
    provider: Provider,
    /// The response header with the request's id for the provider's support.
    request_id_header: &'static str,
    base: Url,
    connections: Connections,
    timeouts: Timeouts,
}

impl Transport {
    pub(super) fn new(
        provider: Provider,
        base: Url,
        request_id_header: &'static str,
        timeouts: Timeouts,
        outgoing: Outgoing,
    ) -> Result<Self, TransportError> {
        let encrypted = match base.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(TransportError::BaseUrl(base)),
        };
        let make = move || builder(encrypted, timeouts, &outgoing).map_err(TransportError::Tls);
        let connections = Connections::new(make)?;
        Ok(Self { provider, request_id_header, base, connections, timeouts })
    }

    /// Begins an operation, whose requests share one deadline.
    pub(super) fn converse(&self, attempt: AttemptId) -> Conversation<'_> {
        Conversation { transport: self, attempt, deadline: Instant::now() + self.timeouts.operation }
    }

    /// Begins a look-up, which has no effect and so belongs to no attempt.
    pub(super) fn look(&self) -> Conversation<'_> {
        self.converse(AttemptId::new(jiff::Timestamp::UNIX_EPOCH, [0; 10]))
    }

    async fn exchange(
        &self,
        request: &ProviderRequest,
        credential: &Credential,
        limit: Duration,
    ) -> Result<ProviderResponse, TransportFailure> {
        let began = Instant::now();
        let lent = self.connections.lend();
        let prepared = self.prepare(&lent.client, request, credential)?.timeout(limit);
        let sent = prepared.send().await;
        // A failed connect leaves no connection to abandon.
        if !sent.as_ref().is_err_and(reqwest::Error::is_connect) {
            lent.note(!sent.as_ref().is_err_and(reqwest::Error::is_timeout));
        }
        let response = sent.map_err(|error| classify(error, limit, began.elapsed()))?;
        let status = response.status().as_u16();
        Span::current().record("http.response.status_code", status);
        if let Some(id) = response.headers().get(self.request_id_header).and_then(|id| id.to_str().ok()) {
            Span::current().record("provider.request_id", untrusted::message(id));
        }
        let (retry_after, should_retry) = advice(response.headers());
        let is_replayed = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
        let body = read(response).await.map_err(|reason| {
            TransportFailure::Unknown(format!("the answer (status {status}) was cut: {reason}"))
        })?;
        Ok(ProviderResponse { status, body, retry_after, should_retry, is_replayed })
    }

    fn prepare(
        &self,
        client: &Client,
        request: &ProviderRequest,
        credential: &Credential,
    ) -> Result<RequestBuilder, TransportFailure> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| TransportFailure::NotSent("the base URL has no path".to_owned()))?
            .pop_if_empty()
            .extend(&request.path);
        let mut builder = client.request(request.method.clone(), url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        builder = match credential {
            Credential::Bearer(token) => builder.bearer_auth(token.expose_secret()),
            Credential::Basic { user, password } => builder.basic_auth(user, Some(password.expose_secret())),
        };
        Ok(match &request.body {
            Body::Empty => builder,
            Body::Query(pairs) => builder.query(pairs),
            Body::Form(pairs) => builder.form(pairs),
            Body::Json(value) => builder.json(value),
        })
    }
}

/// The HTTP client for a provider.
fn builder(encrypted: bool, timeouts: Timeouts, outgoing: &Outgoing) -> Result<ClientBuilder, rustls::Error> {
    // The client's own retries stay on: they cover only HTTP/2 refusals, by which the server guarantees that it did
    // nothing.
    let client = Client::builder()
        .user_agent(concat!("payment-gateway/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .pool_idle_timeout(IDLE_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false);
    if encrypted {
        outgoing.apply(client.https_only(true))
    } else {
        // Only a sandbox uses plain text; do not require CA certificates that the machine may lack.
        Ok(client.no_proxy().tls_certs_only([]))
    }
}

/// The requests of one operation.
pub(super) struct Conversation<'a> {
    transport: &'a Transport,
    pub(super) attempt: AttemptId,
    deadline: Instant,
}

impl Conversation<'_> {
    /// Sends one request and reads its whole answer, whatever its status.
    pub(super) async fn send(
        &self,
        request: &ProviderRequest,
        credential: &Credential,
    ) -> Result<ProviderResponse, TransportFailure> {
        let began = Instant::now();
        let left = self.deadline.saturating_duration_since(began);
        if left.is_zero() {
            return Err(TransportFailure::NotSent("the operation's time was used up before".to_owned()));
        }
        let limit = left.min(self.transport.timeouts.call);
        let span = tracing::info_span!(
            "provider.call",
            provider = self.transport.provider.name(),
            operation = request.operation,
            attempt.id = %self.attempt,
            http.response.status_code = field::Empty,
            provider.request_id = field::Empty,
            duration_ms = field::Empty,
        );
        async {
            let answer = self.transport.exchange(request, credential, limit).await;
            Span::current()
                .record("duration_ms", u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
            log(self.transport.provider, request.operation, &answer);
            answer
        }
        .instrument(span)
        .await
    }
}

fn log(provider: Provider, operation: &str, answer: &Result<ProviderResponse, TransportFailure>) {
    match answer {
        Ok(ProviderResponse { status: status @ (429 | 500..), .. }) => {
            tracing::warn!(%provider, operation, status, "the provider reports that it is failing or overloaded");
        }
        Ok(ProviderResponse { status, .. }) => {
            tracing::debug!(%provider, operation, status, "the provider answered");
        }
        Err(TransportFailure::NotSent(reason)) => {
            tracing::warn!(%provider, operation, reason, "a call was not sent to the provider");
        }
        Err(TransportFailure::Unknown(reason)) => {
            tracing::warn!(%provider, operation, reason, "the outcome of a call to the provider is unknown");
        }
    }
}

fn advice(headers: &HeaderMap) -> (Option<Duration>, Option<bool>) {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let seconds = text("retry-after").and_then(|text| text.parse::<u64>().ok());
    let retry_after = seconds.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    (retry_after, text("stripe-should-retry").and_then(|text| text.parse().ok()))
}

async fn read(mut response: Response) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + chunk.len() > BODY_MAX {
            return Err(format!("it is larger than {BODY_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn classify(error: reqwest::Error, limit: Duration, took: Duration) -> TransportFailure {
    let error = error.without_url();
    if error.is_builder() {
        TransportFailure::NotSent(format!("the request could not be made: {}", cause(&error)))
    } else if error.is_connect() {
        TransportFailure::NotSent(format!("no connection: {}", cause(&error)))
    } else if error.is_timeout() && took < limit {
        TransportFailure::Unknown(format!("the connection went silent, after {} ms", took.as_millis()))
    } else if error.is_timeout() {
        TransportFailure::Unknown(format!("no answer within {} ms", limit.as_millis()))
    } else {
        TransportFailure::Unknown(format!("the connection failed before an answer: {}", cause(&error)))
    }
}

/// The innermost reason, e.g. `Connection refused (os error 111)`.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    untrusted::message(&cause.to_string())
}

impl ProviderResponse {
    #[cfg(test)]
    pub(super) fn of(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, body: body.into(), retry_after: None, should_retry: None, is_replayed: false }
    }

    /// Whether the provider processes requests: it neither fails nor rejects them unread.
    pub(super) const fn is_of_a_working_provider(&self) -> bool {
        self.status < 500 && self.status != 429
    }

    pub(super) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// # Errors
    /// Returns what is wrong with the body, without quoting it.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            format!(
                "the answer (status {}) is not the expected JSON at line {} column {}",
                self.status,
                error.line(),
                error.column()
            )
        })
    }
}
