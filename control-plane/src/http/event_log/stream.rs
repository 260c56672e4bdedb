//! Server-sent events (WHATWG HTML, 9.2).

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use payments::model::log::Position;

use super::refused;
use super::view::LoggedEventView;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::observe::NO_STORE;
use crate::live::{Ended, Interest, Watch};

/// A comment this often shows the client, and the proxies between, that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long clients wait before they reconnect, with a random part so that they do not all return at once.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_JITTER_MS: u32 = 4_000;

pub(super) async fn stream(
    app: &App,
    interest: Interest,
    after: Option<Position>,
) -> Result<Response, ApiError> {
    let watch = app.live.watch(interest, after).await.map_err(refused)?;
    let retry = RETRY + Duration::from_millis(u64::from(app.gateway.random() % RETRY_JITTER_MS));
    let mut response = Sse::new(messages(watch, retry))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat"))
        .into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    // Some proxies buffer answers unless told not to.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

enum State {
    Opened(Box<Watch>, Duration),
    Watching(Box<Watch>),
    Ended,
}

fn messages(watch: Watch, retry: Duration) -> impl Stream<Item = Result<Event, axum::Error>> {
    stream::unfold(State::Opened(Box::new(watch), retry), |state| async {
        match state {
            State::Opened(watch, retry) => {
                let hello = Event::default().retry(retry).comment("open");
                Some((Ok(hello), State::Watching(watch)))
            }
            State::Watching(mut watch) => match watch.next().await {
                Ok(event) => Some((message(&event), State::Watching(watch))),
                Err(ended) => Some((Ok(goodbye(&ended)), State::Ended)),
            },
            State::Ended => None,
        }
    })
}

fn message(event: &payments::ports::store::LoggedEvent) -> Result<Event, axum::Error> {
    let view = LoggedEventView::from(event.clone());
    Event::default().id(event.position.id().to_string()).event(event.event.kind()).json_data(view)
}

/// The client reconnects behind its last event.
fn goodbye(ended: &Ended) -> Event {
    if let Ended::Store(error) = ended {
        tracing::warn!(%error, "the event log cannot be read; a stream ends");
    }
    Event::default().comment(match ended {
        Ended::Stopping => "this server stops; reconnect",
        Ended::TooSlow => "events came faster than they were read; reconnect",
        Ended::Store(_) => "the database cannot be read now; reconnect",
    })
}
