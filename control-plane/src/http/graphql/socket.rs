//! `GET /graphql/socket`: subscriptions over `graphql-transport-ws`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_graphql::http::{ClientMessage, WebSocket as Protocol, WebSocketProtocols, WsMessage};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream, Stream};
use futures_util::{SinkExt, StreamExt, future};
use payments::model::event::Cause;
use payments::model::log::Position;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::conversation::{Conversation, Refused};
use super::socket_subscriptions::SocketSubscriptions;
use super::subscriptions::Subscriptions;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::broken_frame::LINGER;
use crate::http::error::ApiError;
use crate::http::event_log;
use crate::http::event_log::tenure::{Tenure, return_after_cut_ms, return_after_ms};
use crate::http::sending::{self, STALLED, Sent};
use crate::http::socket_upgrade::{Handshake, Offer, SocketProtocol};
use crate::live::Interest;

/// A message may be as long as a request over HTTP.
const SUBSCRIPTIONS: SocketProtocol = SocketProtocol {
    name: "graphql-transport-ws",
    message_bytes_max: 64 * 1024,
    unsent_bytes_max: 128 * 1024,
};
/// A ping this often shows the client, and the proxies between, that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Three heartbeats: a client that answers none of them is gone.
const SILENT_MAX: Duration = Duration::from_secs(45);
/// The code of a socket whose client is gone or reads nothing: to connect again is right. By the protocol, 4409 is for
/// something else that libraries take for a fault of the client.
const UNHEARD: u16 = 4410;
/// How long the refusal of a socket may take to be sent.
const REFUSAL_MAX: Duration = Duration::from_secs(10);
/// Within this time a client must send `connection_init`.
const INIT_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn socket(
    State(app): State<App>,
    handshake: Handshake,
    attested: Attested,
) -> Result<Response, ApiError> {
    let cause = attested.cause;
    if SUBSCRIPTIONS.offer(&handshake) != Offer::Own {
        return Ok(SUBSCRIPTIONS.open(handshake, refuse));
    }
    // The connection is one of the client's streams even while it has no subscription. It is counted before the
    // answer, so that a refusal is an HTTP answer.
    let nothing = Interest::nothing(cause.client.clone());
    let watch = app.live.watch(nothing, None).await.map_err(event_log::refused)?;
    Ok(SUBSCRIPTIONS.open(handshake, move |socket| async move {
        serve(app, cause, socket).await;
        drop(watch);
    }))
}

/// Closes a socket whose client did not offer the subprotocol: this protocol says so on the open socket.
async fn refuse(socket: WebSocket) {
    let (mut sink, mut source) = socket.split();
    let refusal = sink.send(close_frame(Refused::Subprotocol.frame()));
    if matches!(timeout(REFUSAL_MAX, refusal).await, Ok(Ok(()))) {
        // What it has sent meanwhile is read, so that the connection is not reset before it has read the frame.
        let answered = async { while let Some(Ok(_)) = source.next().await {} };
        let _ = timeout(LINGER, answered).await;
    }
}

fn close_frame((code, reason): (u16, String)) -> Message {
    Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from(reason) }))
}

/// The client's side, known from its messages and those to it.
#[derive(Clone)]
struct Client(Arc<Mutex<Conversation>>);

impl Client {
    fn lock(&self) -> MutexGuard<'_, Conversation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the socket is closed once no more is read. If the client has ended it, this answers its close frame, or
    /// nobody reads it.
    fn farewell(&self) -> (u16, String) {
        self.lock().refused().map_or((1000, String::new()), Refused::frame)
    }
}

type Inbound = Pin<Box<dyn Stream<Item = serde_json::Result<ClientMessage>> + Send>>;

/// The client's messages, until one must be ignored.
fn inbound(source: SplitStream<WebSocket>, client: Client) -> Inbound {
    source
        .scan(client, |client, frame| future::ready(client.lock().hear(frame).continue_value()))
        .filter_map(|message| future::ready(message.map(Ok)))
        .boxed()
}

/// Connect again after this time; a subscription that has had no event continues after `after`.
fn going_away(retry_after_ms: u64, after: Option<Position>) -> (u16, String) {
    let after = after.map(|position| format!(",\"after\":\"{}\"", position.id())).unwrap_or_default();
    (1012, format!("{{\"retryAfterMs\":{retry_after_ms}{after}}}"))
}

async fn serve(app: App, cause: Cause, socket: WebSocket) {
    let (mut sink, source) = socket.split();
    let client = Client(Arc::new(Mutex::new(Conversation::new())));
    let subscriptions = SocketSubscriptions::default();
    let executor = Subscriptions::new(app.clone(), cause, subscriptions.clone());
    let messages = inbound(source, client.clone());
    let mut protocol = Protocol::from_message_stream(executor, messages, WebSocketProtocols::GraphQLWS);
    let tenure = Tenure::begin(&app, None);
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let init = sleep(INIT_WITHIN);
    tokio::pin!(init);
    let close = loop {
        let sent = tokio::select! {
            message = protocol.next() => match message {
                Some(WsMessage::Text(text)) => {
                    let told = client.lock().tell(text);
                    let Some(text) = told else { continue };
                    sending::send(&mut sink, Message::Text(text.into()), tenure).await
                }
                Some(WsMessage::Close(code, reason)) => break Some((code, reason)),
                None => break Some(client.farewell()),
            },
            _ = heartbeat.tick() => {
                let silent = client.lock().silent();
                if silent > SILENT_MAX {
                    break Some((UNHEARD, "no pong within 45 seconds".to_owned()));
                }
                beat(&mut sink, &subscriptions, tenure).await
            }
            () = &mut init, if !init.is_elapsed() => {
                if !client.lock().has_begun() {
                    break Some(Refused::InitTimeout.frame());
                }
                continue;
            }
            _ = tenure.over() => {
                break Some(going_away(return_after_ms(&app), subscriptions.lowest()));
            }
            () = app.live.stopped() => {
                break Some(going_away(return_after_cut_ms(&app), subscriptions.lowest()));
            }
        };
        match sent {
            Sent::Gone { has_read: true } => client.lock().has_read(),
            Sent::Gone { has_read: false } => {}
            Sent::Lost => break None,
            Sent::Stalled => break Some((UNHEARD, STALLED.to_owned())),
            Sent::Over(_) => break Some(going_away(return_after_ms(&app), subscriptions.lowest())),
        }
    };
    if let Some(close) = close {
        sending::send_last(&mut sink, close_frame(close), tenure).await;
        let is_broken = matches!(client.lock().refused(), Some(Refused::Broken(_)));
        if is_broken {
            sleep(LINGER).await;
        }
    }
}

/// Shows that the connection lives, and where its subscriptions continue if it is cut.
async fn beat(
    sink: &mut SplitSink<WebSocket, Message>,
    subscriptions: &SocketSubscriptions,
    tenure: Tenure,
) -> Sent {
    let sent = sending::send(sink, Message::Ping(Bytes::new()), tenure).await;
    match (sent, subscriptions.lowest()) {
        (Sent::Gone { .. }, Some(position)) => sending::send(sink, cursor_ping(position), tenure).await,
        (sent, _) => sent,
    }
}

/// The protocol's own ping, whose payload is free.
fn cursor_ping(position: Position) -> Message {
    let cursor = position.id().to_string();
    Message::Text(serde_json::json!({ "type": "ping", "payload": { "cursor": cursor } }).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_an_event_is_told_where_to_go_on() {
        let end = Position { epoch: u32::MAX, transaction: u64::MAX, sequence: u64::MAX };
        let (code, reason) = going_away(u64::MAX, Some(end));
        // What a close frame holds (RFC 6455, section 5.5).
        assert!(code == 1012 && reason.len() <= 123, "{reason}");
        let reason: serde_json::Value = serde_json::from_str(&reason).unwrap();
        assert_eq!(reason["after"], format!("evt_{}", "p".repeat(32)));
        assert_eq!(going_away(118, None), (1012, r#"{"retryAfterMs":118}"#.to_owned()));
    }
}
