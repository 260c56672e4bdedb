//! The processing of one provider call: injected faults, idempotency key, effect, response.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, Uri, header::CONTENT_LENGTH},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body::Frame;
use jiff::Timestamp;
use tokio::time::sleep;

use crate::{
    faults::{Failure, Injection},
    http_response::HttpResponse,
    provider::{Operation, Provider},
    requests_log::Received,
    server::Connection,
    state::{SandboxState, Shared},
};

/// A valid call from an authenticated caller.
pub(crate) trait Call: Send + Sync + 'static {
    const PROVIDER: Provider;

    fn operation(&self, state: &SandboxState) -> Operation;
    fn idempotency_key(&self) -> Option<&str>;

    /// Claims the call's key. `Some` is the response that the key already determines: the earlier result, or a
    /// conflict.
    fn claim(&self, shared: &Shared, state: &mut SandboxState, now: Timestamp) -> Option<HttpResponse>;
    /// Executes the call and stores the result under the claimed key.
    fn execute(&self, shared: &Shared, state: &mut SandboxState, now: Timestamp) -> HttpResponse;
    /// Gives a claimed key back. Without a key there is nothing to do, here and below.
    fn forget_key(&self, _state: &mut SandboxState) {}
    /// Stores an error response under the key. PayPal stores none: it answers a retry with the current state.
    fn freeze(&self, _state: &mut SandboxState, _response: &HttpResponse) {}

    fn rate_limited(&self) -> HttpResponse;
    fn internal_error(&self) -> HttpResponse;
}

/// The request line, for the log.
#[derive(Debug, Clone)]
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
}

impl RequestLine {
    pub(crate) fn received(&self, provider: Provider, operation: Operation, now: Timestamp) -> Received {
        Received {
            provider,
            operation,
            method: self.method.to_string(),
            path: self.uri.path().to_owned(),
            idempotency_key: None,
            status: None,
            faults: Vec::new(),
            at: now,
        }
    }
}

/// How a call ends for its caller.
enum Ending {
    Whole(HttpResponse),
    Truncated(HttpResponse),
    Cut,
}

impl Ending {
    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Whole(response) | Self::Truncated(response) => Some(response.status),
            Self::Cut => None,
        }
    }

    async fn show(self, connection: &Connection) -> Response {
        match self {
            Self::Whole(response) => response.into_response(),
            Self::Truncated(response) => truncated(response),
            Self::Cut => connection.cut().await,
        }
    }
}

/// Runs a call to completion.
pub(crate) async fn run<C: Call>(
    shared: Arc<Shared>,
    line: RequestLine,
    connection: Connection,
    call: C,
) -> Response {
    let injection = match run_without_faults(&shared, &line, &call) {
        Ok(response) => return response.into_response(),
        Err(injection) => injection,
    };
    // In its own task: a provider continues when its caller disconnects.
    let outcome = tokio::spawn(async move { run_with_faults(&shared, &line, &call, injection).await });
    match outcome.await {
        Ok(ending) => ending.show(&connection).await,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Handles a call without faults, under one lock.
fn run_without_faults<C: Call>(
    shared: &Shared,
    line: &RequestLine,
    call: &C,
) -> Result<HttpResponse, Injection> {
    let mut state = shared.state();
    let state = &mut *state;
    let operation = call.operation(state);
    let injection = state.faults.inject(C::PROVIDER, operation);
    if !injection.is_empty() {
        return Err(injection);
    }
    let now = shared.now();
    let response = call.claim(shared, state, now).unwrap_or_else(|| call.execute(shared, state, now));
    log(state, line, call, operation, Some(response.status), injection, now);
    Ok(response)
}

async fn run_with_faults<C: Call>(
    shared: &Shared,
    line: &RequestLine,
    call: &C,
    injection: Injection,
) -> Ending {
    let ending = match injection.failure {
        Some(Failure::RateLimited { retry_after }) => {
            sleep(injection.delay_before).await;
            let response = call.rate_limited();
            Ending::Whole(match retry_after {
                Some(seconds) => response.with("retry-after", &seconds.to_string()),
                None => response,
            })
        }
        Some(Failure::Refused) => {
            sleep(injection.delay_before).await;
            Ending::Whole(injection.refusal.as_deref().cloned().unwrap_or_else(|| call.internal_error()))
        }
        Some(Failure::HtmlError) => {
            sleep(injection.delay_before).await;
            Ending::Whole(bad_gateway_page())
        }
        Some(Failure::DropBefore) => {
            sleep(injection.delay_before).await;
            Ending::Cut
        }
        Some(Failure::ErrorBefore { frozen }) => {
            sleep(injection.delay_before).await;
            Ending::Whole(fail_before(shared, call, frozen))
        }
        None => Ending::Whole(perform(shared, call, &injection).await),
        Some(Failure::DropAfter) => {
            perform(shared, call, &injection).await;
            sleep(injection.delay_after).await;
            Ending::Cut
        }
        Some(Failure::Truncated) => {
            let response = perform(shared, call, &injection).await;
            sleep(injection.delay_after).await;
            Ending::Truncated(response)
        }
        Some(Failure::ErrorAfter { frozen }) => {
            perform(shared, call, &injection).await;
            let response = call.internal_error();
            if frozen {
                call.freeze(&mut shared.state(), &response);
            }
            sleep(injection.delay_after).await;
            Ending::Whole(response)
        }
    };
    let mut state = shared.state();
    let operation = call.operation(&state);
    log(&mut state, line, call, operation, ending.status(), injection, shared.now());
    ending
}

/// Handles the call with its delays. The key is claimed before the delay, so that a retry meanwhile finds it taken.
async fn perform<C: Call>(shared: &Shared, call: &C, injection: &Injection) -> HttpResponse {
    let claimed = {
        let mut state = shared.state();
        if injection.forget_key {
            call.forget_key(&mut state);
        }
        call.claim(shared, &mut state, shared.now())
    };
    sleep(injection.delay_before).await;
    claimed.unwrap_or_else(|| {
        let now = shared.now();
        let mut state = shared.state();
        if injection.stale.is_zero() {
            return call.execute(shared, &mut state, now);
        }
        state.show(now.checked_sub(injection.stale).ok());
        let response = call.execute(shared, &mut state, now);
        state.show(None);
        response
    })
}

fn fail_before<C: Call>(shared: &Shared, call: &C, frozen: bool) -> HttpResponse {
    let response = call.internal_error();
    if !frozen {
        return response;
    }
    let mut state = shared.state();
    call.claim(shared, &mut state, shared.now()).unwrap_or_else(|| {
        call.freeze(&mut state, &response);
        response
    })
}

fn bad_gateway_page() -> HttpResponse {
    HttpResponse::html(
        StatusCode::BAD_GATEWAY,
        "<html><body><h1>502 Bad Gateway</h1></body></html>\n".to_owned(),
    )
}

fn log<C: Call>(
    state: &mut SandboxState,
    line: &RequestLine,
    call: &C,
    operation: Operation,
    status: Option<StatusCode>,
    injection: Injection,
    now: Timestamp,
) {
    state.requests.record(Received {
        idempotency_key: call.idempotency_key().map(str::to_owned),
        status: status.map(|status| status.as_u16()),
        faults: injection.faults,
        ..line.received(C::PROVIDER, operation, now)
    });
}

/// A response that announces its full length and sends half of its body.
fn truncated(whole_response: HttpResponse) -> Response {
    let whole = whole_response.body.clone();
    let half = whole.slice(..whole.len() / 2);
    let mut response = whole_response.into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    *response.body_mut() = Body::new(BrokenBody::Half(half));
    response
}

/// Yields one half, lets the server flush it, then fails.
enum BrokenBody {
    Half(Bytes),
    Flushing,
    Broken,
}

impl http_body::Body for BrokenBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match std::mem::replace(&mut *self, Self::Broken) {
            Self::Half(half) => {
                *self = Self::Flushing;
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Self::Flushing => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Broken => Poll::Ready(Some(Err(io::Error::other("answer truncated by a fault")))),
        }
    }
}
