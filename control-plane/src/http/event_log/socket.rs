//! `GET /events/socket`: the event log over a WebSocket (RFC 6455; over HTTP/2, RFC 8441).

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use futures_util::SinkExt as _;
use payments::model::log::{EventId, Position};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use super::audience::Audience;
use super::protocol::{Between, Close, PROTOCOL, Reply, Request};
use super::tenure::{CUT_MS_MAX, CUT_MS_MIN, Over, Tenure, return_after_cut_ms, return_after_ms};
use super::watcher::Watcher;
use super::{named, refused};
use crate::http::App;
use crate::http::broken_frame::{BrokenFrame, LINGER};
use crate::http::error::ApiError;
use crate::http::sending::{self, Sent};
use crate::http::socket_upgrade::{Handshake, Offer, SocketProtocol};
use crate::live::{Ended, Interest, Watch};

/// Messages of clients are short; the largest is a subscription of 100 payments. The queue of events bounds what is
/// written.
const EVENTS: SocketProtocol =
    SocketProtocol { name: PROTOCOL, message_bytes_max: 6 * 1024, unsent_bytes_max: 64 * 1024 };
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Three heartbeats: a client that answers none of them is gone.
const SILENT_MAX: Duration = Duration::from_secs(45);
/// Messages of a client per second.
const MESSAGES_MAX: u32 = 20;

/// Why a client is to read its payments again.
const CURSOR_UNKNOWN: &str = "cursor_unknown";
const ONE_PAYMENT: &str = "the ticket is for one payment: leave `payments` out";

pub(super) async fn socket(
    State(app): State<App>,
    handshake: Handshake,
    watcher: Watcher,
) -> Result<Response, ApiError> {
    // A client that offers none expects none; one that would speak another protocol must not be left to guess.
    if EVENTS.offer(&handshake) == Offer::Others {
        let right = format!("must name `{PROTOCOL}`, also beside a ticket, or be left out");
        return Err(named("Sec-WebSocket-Protocol", &right).into());
    }
    let audience = watcher.audience(&app).await?;
    // The watcher is counted before the answer, so that a refusal is an HTTP answer.
    let watch = app.live.watch(watcher.nothing(), None).await.map_err(refused)?;
    Ok(EVENTS.open(handshake, move |socket| async move {
        let mut session = Session::new(app, watcher, audience, socket, watch);
        let close = session.run().await;
        session.close(close).await;
    }))
}

struct Session {
    app: App,
    watcher: Watcher,
    audience: Audience,
    tenure: Tenure,
    socket: WebSocket,
    watch: Watch,
    is_subscribed: bool,
    heard_at: Instant,
    /// The second that is counted, and the messages in it.
    counted: (Instant, u32),
}

impl Session {
    fn new(app: App, watcher: Watcher, audience: Audience, socket: WebSocket, watch: Watch) -> Self {
        let (now, tenure) = (Instant::now(), Tenure::begin(&app, watcher.pass.map(|pass| pass.expires_s)));
        Self {
            app,
            watcher,
            audience,
            tenure,
            socket,
            watch,
            is_subscribed: false,
            heard_at: now,
            counted: (now, 0),
        }
    }

    /// Serves until either side ends it. `None` if the client has closed the socket.
    async fn run(&mut self) -> Option<Close> {
        let opened = Instant::now();
        if let Err(ended) = self.greet().await {
            return ended;
        }
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        loop {
            let step = tokio::select! {
                over = self.tenure.over() => Err(Some(self.over(over))),
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.on_message(message).await,
                    Some(Err(error)) => Err(BrokenFrame::of(&error).map(Close::Broken)),
                    None => Err(None),
                },
                event = self.watch.next() => match event {
                    Ok(event) => {
                        let event = self.audience.show(&event);
                        self.send(&Reply::Event { event }).await
                    }
                    Err(Ended::Gone) => self.reset().await,
                    Err(ended) => Err(Some(self.ended(&ended))),
                },
                _ = heartbeat.tick() => self.on_heartbeat().await,
                () = unsubscribed(opened, self.is_subscribed) => Err(Some(Close::NotSubscribed)),
            };
            if let Err(close) = step {
                return close;
            }
        }
    }

    /// Nothing waits for a socket that has not subscribed, so its cursor is the end of what this process has read.
    async fn greet(&mut self) -> Result<(), Option<Close>> {
        self.send(&Reply::Hello {
            heartbeat_seconds: HEARTBEAT.as_secs(),
            cursor: self.watch.cursor().id().into(),
            retained_hours: self.app.events_days.map(|days| days.saturating_mul(24)),
            reconnect_after_ms: Between { min: CUT_MS_MIN, max: CUT_MS_MAX },
        })
        .await
    }

    async fn on_message(&mut self, message: Message) -> Result<(), Option<Close>> {
        self.heard_at = Instant::now();
        self.count()?;
        match message {
            Message::Text(text) => match Request::parse(&text).map_err(|why| Some(Close::BadMessage(why)))? {
                Request::Subscribe { payments, types, after } => {
                    let interest = self.watcher.interest(payments, types);
                    let interest = interest.map_err(|_| Some(Close::BadMessage(ONE_PAYMENT.to_owned())))?;
                    self.subscribe(interest, after).await
                }
                Request::Unsubscribe => {
                    self.watch.change(self.watcher.nothing(), None);
                    self.send(&Reply::Unsubscribed).await
                }
                Request::Ping => self.send(&Reply::Pong).await,
            },
            Message::Binary(_) => Err(Some(Close::BadMessage("send text".to_owned()))),
            // Pings are answered by the library.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(None),
        }
    }

    async fn subscribe(&mut self, interest: Interest, after: Option<EventId>) -> Result<(), Option<Close>> {
        let position: Option<Position> = match after {
            Some(id) => match self.app.gateway.store.log_position(id).await {
                Ok(Some(position)) => Some(position),
                Ok(None) => {
                    self.send(&Reply::Reset { reason: CURSOR_UNKNOWN }).await?;
                    None
                }
                Err(error) => return Err(Some(self.ended(&Ended::Store(error)))),
            },
            None => None,
        };
        self.is_subscribed = true;
        self.watch.change(interest, position);
        self.send(&Reply::Subscribed { cursor: self.watch.cursor().id().into() }).await
    }

    /// The log has moved past what the client was still to read: it continues from now, as with an unknown `after`.
    async fn reset(&mut self) -> Result<(), Option<Close>> {
        self.watch.go_on_from_now();
        self.send(&Reply::Reset { reason: CURSOR_UNKNOWN }).await?;
        self.send(&Reply::Subscribed { cursor: self.watch.cursor().id().into() }).await
    }

    async fn on_heartbeat(&mut self) -> Result<(), Option<Close>> {
        if self.heard_at.elapsed() > SILENT_MAX {
            return Err(Some(Close::Silent));
        }
        self.put(Message::Ping(axum::body::Bytes::new())).await?;
        // What was given to the client so far was sent, so others' events count, too.
        self.send(&Reply::Heartbeat { cursor: self.watch.cursor().id().into() }).await
    }

    fn count(&mut self) -> Result<(), Option<Close>> {
        let (since, messages) = &mut self.counted;
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *messages) = (Instant::now(), 0);
        }
        *messages += 1;
        if *messages > MESSAGES_MAX { Err(Some(Close::TooMany)) } else { Ok(()) }
    }

    fn ended(&self, ended: &Ended) -> Close {
        let retry_after_ms = return_after_cut_ms(&self.app);
        match ended {
            Ended::Stopping => Close::GoingAway { retry_after_ms, after: self.watch.cursor().id() },
            Ended::TooSlow => Close::TooSlow,
            // The next subscription gets the reset.
            Ended::Gone => Close::TryAgain { retry_after_ms },
            Ended::Store(error) => {
                tracing::warn!(%error, "the event log cannot be read; a socket is closed");
                Close::TryAgain { retry_after_ms }
            }
        }
    }

    fn over(&self, over: Over) -> Close {
        match over {
            Over::Renew => {
                let retry_after_ms = return_after_ms(&self.app);
                Close::GoingAway { retry_after_ms, after: self.watch.cursor().id() }
            }
            Over::Expired => Close::Expired,
        }
    }

    async fn send(&mut self, reply: &Reply) -> Result<(), Option<Close>> {
        self.put(reply.message()).await
    }

    async fn put(&mut self, message: Message) -> Result<(), Option<Close>> {
        match sending::send(&mut self.socket, message, self.tenure).await {
            Sent::Gone { has_read } => {
                // Messages of the client that arrived meanwhile are still unread.
                if has_read {
                    self.heard_at = Instant::now();
                }
                Ok(())
            }
            Sent::Lost => Err(None),
            Sent::Stalled => Err(Some(Close::Stalled)),
            Sent::Over(over) => Err(Some(self.over(over))),
        }
    }

    async fn close(&mut self, close: Option<Close>) {
        let Some(close) = close else {
            // Sends the library's answer to the client's close frame.
            let _ = timeout_at(self.tenure.last_words(), self.socket.flush()).await;
            return;
        };
        sending::send_last(&mut self.socket, close.message(), self.tenure).await;
        if matches!(close, Close::Broken(_)) {
            sleep(LINGER).await;
        }
    }
}

/// Ends when a client should have subscribed and has not.
async fn unsubscribed(opened: Instant, is_subscribed: bool) {
    if is_subscribed {
        std::future::pending::<()>().await;
    }
    let _ = timeout_at(opened + SUBSCRIBE_WITHIN, std::future::pending::<()>()).await;
}
