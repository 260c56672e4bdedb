//! Server-sent events (WHATWG HTML, 9.2).

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use payments::model::log::Position;
use payments::ports::store::LoggedEvent;

use super::audience::Audience;
use super::refused;
use super::tenure::{Over, Tenure, return_after_ms};
use super::watcher::Watcher;
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
    watcher: &Watcher,
    interest: Interest,
    after: Option<Position>,
) -> Result<Response, ApiError> {
    let audience = watcher.audience(app).await?;
    let watch = app.live.watch(interest, after).await.map_err(refused)?;
    let open = Open {
        watch,
        audience,
        tenure: Tenure::begin(app, watcher.pass.map(|pass| pass.expires_s)),
        retry: RETRY + Duration::from_millis(u64::from(app.gateway.random() % RETRY_JITTER_MS)),
        return_after: Duration::from_millis(return_after_ms(app)),
    };
    let mut response = Sse::new(messages(open))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat"))
        .into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    // Some proxies buffer answers unless told not to.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// An open stream.
struct Open {
    watch: Watch,
    audience: Audience,
    tenure: Tenure,
    /// How long the client waits if the connection is lost.
    retry: Duration,
    /// And after its tenure.
    return_after: Duration,
}

enum State {
    Opened(Box<Open>),
    Watching(Box<Open>),
    Ended,
}

fn messages(open: Open) -> impl Stream<Item = Result<Event, axum::Error>> {
    stream::unfold(State::Opened(Box::new(open)), |state| async {
        match state {
            State::Opened(open) => {
                let hello = open.place().retry(open.retry).comment("open");
                Some((Ok(hello), State::Watching(open)))
            }
            State::Watching(mut open) => {
                let next = tokio::select! {
                    // First, so that no flood of events puts off the end.
                    biased;
                    over = open.tenure.over() => Err(open.over(over)),
                    next = open.watch.next() => next.map_err(|ended| goodbye(&ended)),
                };
                Some(match next {
                    Ok(event) => (open.message(&event), State::Watching(open)),
                    Err(goodbye) => (Ok(goodbye), State::Ended),
                })
            }
            State::Ended => None,
        }
    })
}

impl Open {
    fn message(&mut self, event: &LoggedEvent) -> Result<Event, axum::Error> {
        let message = Event::default().id(event.position.id().to_string()).event(event.event.kind());
        message.json_data(self.audience.show(event))
    }

    /// A message without data is no event to a client, but its id is where the client continues. Without it, a client
    /// that has received no event would miss those that come while it reconnects.
    fn place(&self) -> Event {
        Event::default().id(self.watch.cursor().id().to_string())
    }

    fn over(&self, over: Over) -> Event {
        match over {
            Over::Renew => {
                self.place().retry(self.return_after).comment("reconnect: your key is checked again")
            }
            // The client reconnects and is refused, and then stops.
            Over::Expired => Event::default().comment("the ticket has expired; get a new one"),
        }
    }
}

/// The client reconnects behind its last event.
fn goodbye(ended: &Ended) -> Event {
    if let Ended::Store(error) = ended {
        tracing::warn!(%error, "the event log cannot be read; a stream ends");
    }
    Event::default().comment(match ended {
        Ended::Stopping => "this server stops; reconnect",
        Ended::TooSlow => "events came faster than they were read; reconnect",
        // A client that reconnects behind its last event is refused with 410.
        Ended::Gone => "the log does not have the next events any more; reconnect",
        Ended::Store(_) => "the database cannot be read now; reconnect",
    })
}
