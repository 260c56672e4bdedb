//! The way of one call to a provider: faults around it, its idempotency key, its effect, its answer.

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
    answer::Answer,
    faults::{Failure, Strike},
    provider::{Operation, Provider},
    requests_log::Received,
    server::Connection,
    world::{Shared, World},
};

/// A call that was understood and whose caller is known.
pub(crate) trait Call: Send + Sync + 'static {
    const PROVIDER: Provider;

    fn operation(&self, world: &World) -> Operation;
    fn idempotency_key(&self) -> Option<&str>;

    /// Claims the call's key. `Some` is the answer that the key already decides: the earlier result, or a conflict.
    fn claim(&self, shared: &Shared, world: &mut World, now: Timestamp) -> Option<Answer>;
    /// Does what is asked and remembers the result under the claimed key.
    fn execute(&self, shared: &Shared, world: &mut World, now: Timestamp) -> Answer;
    fn forget_key(&self, world: &mut World);
    /// Remembers a failed answer under the key, where the provider keeps such.
    fn freeze(&self, world: &mut World, answer: &Answer);

    fn rate_limited(&self) -> Answer;
    fn internal_error(&self) -> Answer;
}

/// The request as it arrived, for the log.
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
    Whole(Answer),
    Truncated(Answer),
    Cut,
}

impl Ending {
    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Whole(answer) | Self::Truncated(answer) => Some(answer.status),
            Self::Cut => None,
        }
    }

    async fn show(self, connection: &Connection) -> Response {
        match self {
            Self::Whole(answer) => answer.into_response(),
            Self::Truncated(answer) => truncated(answer),
            Self::Cut => connection.cut().await,
        }
    }
}

/// Runs a call to its end.
pub(crate) async fn run<C: Call>(
    shared: Arc<Shared>,
    line: RequestLine,
    connection: Connection,
    call: C,
) -> Response {
    let strike = match unhindered(&shared, &line, &call) {
        Ok(answer) => return answer.into_response(),
        Err(strike) => strike,
    };
    // In a task of its own: a provider goes on working when its caller hangs up.
    let struck = tokio::spawn(async move { suffer(&shared, &line, &call, strike).await });
    match struck.await {
        Ok(ending) => ending.show(&connection).await,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The way of a call that no fault strikes, under one lock.
fn unhindered<C: Call>(shared: &Shared, line: &RequestLine, call: &C) -> Result<Answer, Strike> {
    let mut world = shared.world();
    let world = &mut *world;
    let operation = call.operation(world);
    let strike = world.faults.strike(C::PROVIDER, operation);
    if !strike.spares() {
        return Err(strike);
    }
    let now = shared.now();
    let answer = call.claim(shared, world, now).unwrap_or_else(|| call.execute(shared, world, now));
    log(world, line, call, operation, Some(answer.status), strike, now);
    Ok(answer)
}

async fn suffer<C: Call>(shared: &Shared, line: &RequestLine, call: &C, strike: Strike) -> Ending {
    let ending = match strike.failure {
        Some(Failure::RateLimited { retry_after }) => {
            sleep(strike.delay_before).await;
            let answer = call.rate_limited();
            Ending::Whole(match retry_after {
                Some(seconds) => answer.with("retry-after", &seconds.to_string()),
                None => answer,
            })
        }
        Some(Failure::Refused) => {
            sleep(strike.delay_before).await;
            Ending::Whole(strike.refusal.as_deref().cloned().unwrap_or_else(|| call.internal_error()))
        }
        Some(Failure::HtmlError) => {
            sleep(strike.delay_before).await;
            Ending::Whole(bad_gateway_page())
        }
        Some(Failure::DropBefore) => {
            sleep(strike.delay_before).await;
            Ending::Cut
        }
        Some(Failure::ErrorBefore { frozen }) => {
            sleep(strike.delay_before).await;
            Ending::Whole(fail_before(shared, call, frozen))
        }
        None => Ending::Whole(perform(shared, call, &strike).await),
        Some(Failure::DropAfter) => {
            perform(shared, call, &strike).await;
            sleep(strike.delay_after).await;
            Ending::Cut
        }
        Some(Failure::Truncated) => {
            let answer = perform(shared, call, &strike).await;
            sleep(strike.delay_after).await;
            Ending::Truncated(answer)
        }
        Some(Failure::ErrorAfter { frozen }) => {
            perform(shared, call, &strike).await;
            let answer = call.internal_error();
            if frozen {
                call.freeze(&mut shared.world(), &answer);
            }
            sleep(strike.delay_after).await;
            Ending::Whole(answer)
        }
    };
    let mut world = shared.world();
    let operation = call.operation(&world);
    log(&mut world, line, call, operation, ending.status(), strike, shared.now());
    ending
}

/// Handles the call, slowly: the key is claimed before the delay, so that a repeat meanwhile finds it taken.
async fn perform<C: Call>(shared: &Shared, call: &C, strike: &Strike) -> Answer {
    let claimed = {
        let mut world = shared.world();
        if strike.forget_key {
            call.forget_key(&mut world);
        }
        call.claim(shared, &mut world, shared.now())
    };
    sleep(strike.delay_before).await;
    claimed.unwrap_or_else(|| {
        let now = shared.now();
        let mut world = shared.world();
        if strike.stale.is_zero() {
            return call.execute(shared, &mut world, now);
        }
        world.show(now.checked_sub(strike.stale).ok());
        let answer = call.execute(shared, &mut world, now);
        world.show(None);
        answer
    })
}

fn fail_before<C: Call>(shared: &Shared, call: &C, frozen: bool) -> Answer {
    let answer = call.internal_error();
    if !frozen {
        return answer;
    }
    let mut world = shared.world();
    call.claim(shared, &mut world, shared.now()).unwrap_or_else(|| {
        call.freeze(&mut world, &answer);
        answer
    })
}

fn bad_gateway_page() -> Answer {
    Answer::html(StatusCode::BAD_GATEWAY, "<html><body><h1>502 Bad Gateway</h1></body></html>\n".to_owned())
}

fn log<C: Call>(
    world: &mut World,
    line: &RequestLine,
    call: &C,
    operation: Operation,
    status: Option<StatusCode>,
    strike: Strike,
    now: Timestamp,
) {
    world.requests.record(Received {
        idempotency_key: call.idempotency_key().map(str::to_owned),
        status: status.map(|status| status.as_u16()),
        faults: strike.faults,
        ..line.received(C::PROVIDER, operation, now)
    });
}

/// The answer with its full length promised and only half of its body sent.
fn truncated(answer: Answer) -> Response {
    let whole = answer.body.clone();
    let half = whole.slice(..whole.len() / 2);
    let mut response = answer.into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    *response.body_mut() = Body::new(BrokenBody::Half(half));
    response
}

/// Yields its half, lets the server flush it, then breaks.
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
