//! Server-sent events (WHATWG HTML, 9.2).

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use payments::model::log::Position;
use payments::ports::store::LoggedEvent;
use tokio::time::sleep;

use super::audience::Audience;
use super::refused;
use super::tenure::{Over, Tenure, return_after_cut_ms, return_after_ms};
use super::watcher::Watcher;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::observe::NO_STORE;
use crate::live::{Ended, Interest, Watch};
use crate::server::cut_answer_at;

/// A message this often shows the client, and the proxies between, that the connection lives, and where to continue.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) async fn stream(
    app: &App,
    watcher: &Watcher,
    interest: Interest,
    after: Option<Position>,
) -> Result<Response, ApiError> {
    let audience = watcher.audience(app).await?;
    let watch = app.live.watch(interest, after).await.map_err(refused)?;
    let tenure = Tenure::begin(app, watcher.pass.map(|pass| pass.expires_s));
    // A stream that is not read is not polled: it would neither end with its tenure nor stop being counted.
    cut_answer_at(tenure.cut_at());
    let open = Open {
        watch,
        audience,
        tenure,
        retry: Duration::from_millis(return_after_cut_ms(app)),
        return_after: Duration::from_millis(return_after_ms(app)),
    };
    let mut response = Sse::new(messages(open)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    // Some proxies buffer answers without this header.
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
                let hello = open.cursor_event().retry(open.retry).comment("open");
                Some((Ok(hello), State::Watching(open)))
            }
            State::Watching(mut open) => {
                let next = tokio::select! {
                    // First, so that no flood of events puts off the end.
                    biased;
                    over = open.tenure.over() => Err(open.over(over)),
                    next = open.watch.next() => match next {
                        Ok(event) => Ok(open.message(&event)),
                        Err(ended) => Err(goodbye(&ended)),
                    },
                    () = sleep(HEARTBEAT) => Ok(Ok(open.cursor_event().comment("heartbeat"))),
                };
                Some(match next {
                    Ok(message) => (message, State::Watching(open)),
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

    /// A message without data is no event to a client, but its id is where the client continues (WHATWG HTML, 9.2.6).
    /// Without it, a client that has received no event would miss those that come while it reconnects, and one that has
    /// had none for long could be overtaken by the end of the log.
    fn cursor_event(&self) -> Event {
        Event::default().id(self.watch.cursor().id().to_string())
    }

    fn over(&self, over: Over) -> Event {
        match over {
            Over::Renew => {
                self.cursor_event().retry(self.return_after).comment("reconnect: your key is checked again")
            }
            // The client reconnects and is refused, and then stops.
            Over::Expired => Event::default().comment("the ticket has expired; get a new one"),
        }
    }
}

/// The client reconnects after its last event.
fn goodbye(ended: &Ended) -> Event {
    if let Ended::Store(error) = ended {
        tracing::warn!(%error, "the event log cannot be read; a stream ends");
    }
    Event::default().comment(match ended {
        Ended::Stopping => "this server stops; reconnect",
        Ended::TooSlow => "events came faster than they were read; reconnect",
        // A client that reconnects after its last event is refused with 410.
        Ended::Gone => "the log does not have the next events any more; reconnect",
        Ended::Store(_) => "the database cannot be read now; reconnect",
    })
}
