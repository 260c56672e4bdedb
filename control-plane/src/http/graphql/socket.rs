//! `GET /graphql/socket`: subscriptions over `graphql-transport-ws`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::http::{WebSocket as Protocol, WebSocketProtocols, WsMessage};
use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Request, Response as GraphqlResponse};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use edge_core::error::ErrorCode;
use edge_core::request::GraphqlDocument;
use futures_util::stream::{self, BoxStream, SplitSink, SplitStream, Stream};
use futures_util::{SinkExt, StreamExt, future};
use payments::model::event::Cause;
use payments::model::log::Position;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::caller::Caller;
use super::document;
use super::errors::{request_error, with_code};
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::event_log::tenure::{Tenure, return_after_ms};
use crate::http::event_log::too_long::{LINGER, is_too_long};
use crate::http::socket_upgrade::SocketProtocol;

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
/// How long one message may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(10);
/// Within this time a client must send `connection_init`.
const INIT_WITHIN: Duration = Duration::from_secs(5);
/// Messages of a client per second.
const MESSAGES_MAX: u32 = 20;

const TOO_LONG: (u16, &str) = (4400, "a message has at most 64 KiB");
const TOO_MANY: (u16, &str) = (4429, "at most 20 messages a second");
/// The client has ended it, so this answers its close frame, or nobody reads it.
const LEFT: (u16, &str) = (1000, "");

pub(super) async fn socket(
    State(app): State<App>,
    upgrade: WebSocketUpgrade,
    headers: HeaderMap,
    attested: Attested,
) -> Result<Response, ApiError> {
    let cause = attested.cause;
    Ok(SUBSCRIPTIONS.open(upgrade, &headers, move |socket| serve(app, cause, socket)))
}

/// Executes subscriptions only: queries and mutations have `POST /graphql`, with its limits and keys.
#[derive(Clone)]
struct Subscriptions {
    app: App,
    cause: Cause,
    begun: Begun,
}

/// The end of the log when the first subscription of the socket began: no event that a subscription without `after` is to
/// have is before it.
type Begun = Arc<Mutex<Option<Position>>>;

fn begun_at(begun: &Begun) -> Option<Position> {
    *begun.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscriptions {
    /// Notes where the log ends, if no subscription has.
    async fn note_begin(&self) {
        if begun_at(&self.begun).is_some() {
            return;
        }
        match self.app.gateway.store.log_end().await {
            Ok(end) => {
                let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                *begun = Some(begun.map_or(end, |other| other.min(end)));
            }
            Err(error) => tracing::warn!(%error, "the end of the event log cannot be read"),
        }
    }

    fn request(&self, mut request: Request) -> Result<Request, ApiError> {
        let text = std::mem::take(&mut request.query);
        request.query = self.app.graphql.documents.find(GraphqlDocument::Text(text))?;
        let document = document::read(&request.query)?;
        let is_subscription =
            document.operations.iter().all(|(_, operation)| operation.node.ty == OperationType::Subscription);
        if !is_subscription {
            let message = "this path takes subscriptions; send queries and mutations to `POST /graphql`";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message).about("query"));
        }
        // The library ends one whose field is in a fragment at once, as if it had no events.
        let has_one_field =
            document.operations.iter().all(|(_, operation)| document::has_one_root_field(&operation.node));
        if !has_one_field {
            let message = "a subscription has one root field, which is written out and not in a fragment";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message).about("query"));
        }
        request.set_parsed_query(document);
        Ok(request.data(Arc::new(Caller::new(self.app.clone(), self.cause.clone(), None))))
    }
}

impl Executor for Subscriptions {
    async fn execute(&self, request: Request) -> GraphqlResponse {
        match self.request(request) {
            Ok(request) => self.app.graphql.schema.execute(request).await,
            Err(error) => GraphqlResponse::from_errors(vec![request_error(error)]),
        }
    }

    fn execute_stream(
        &self,
        request: Request,
        session: Option<Arc<Data>>,
    ) -> BoxStream<'static, GraphqlResponse> {
        match self.request(request) {
            Ok(request) => {
                let responses = self
                    .app
                    .graphql
                    .schema
                    .execute_stream_with_session_data(request, session.unwrap_or_default());
                let with_codes = |mut response: GraphqlResponse| {
                    response.errors = response.errors.into_iter().map(with_code).collect();
                    response
                };
                let subscriptions = self.clone();
                // The schema executes nothing before its responses are asked for.
                let begin = async move {
                    subscriptions.note_begin().await;
                    responses.map(with_codes)
                };
                stream::once(begin).flatten().boxed()
            }
            Err(error) => {
                let refused = GraphqlResponse::from_errors(vec![request_error(error)]);
                stream::once(future::ready(refused)).boxed()
            }
        }
    }
}

/// What is known of the client's side.
struct Heard {
    at: Instant,
    has_spoken: bool,
    /// The second that is counted, and the messages in it.
    counted: (Instant, u32),
    /// Why nothing more is heard of it.
    refused: Option<(u16, &'static str)>,
}

impl Heard {
    fn new() -> Self {
        let now = Instant::now();
        Self { at: now, has_spoken: false, counted: (now, 0), refused: None }
    }

    /// Notes a message. `false`: nothing more is to be heard.
    fn note(&mut self, message: &Result<Message, axum::Error>) -> bool {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                self.refused = is_too_long(error).then_some(TOO_LONG);
                return false;
            }
        };
        self.at = Instant::now();
        self.has_spoken |= matches!(message, Message::Text(_));
        let (since, messages) = &mut self.counted;
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *messages) = (self.at, 0);
        }
        *messages += 1;
        self.refused = (*messages > MESSAGES_MAX).then_some(TOO_MANY);
        self.refused.is_none()
    }
}

type Inbound = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// The client's texts, until one must not be heard.
fn inbound(source: SplitStream<WebSocket>, heard: Arc<Mutex<Heard>>) -> Inbound {
    source
        .take_while(move |message| {
            future::ready(heard.lock().unwrap_or_else(PoisonError::into_inner).note(message))
        })
        .filter_map(|message| {
            future::ready(match message {
                Ok(Message::Text(text)) => Some(Bytes::from(text)),
                _ => None,
            })
        })
        .boxed()
}

/// Connect again after this time; subscriptions that have had no event go on behind `after`.
fn going_away(retry_after_ms: u64, begun: Option<Position>) -> (u16, String) {
    let after = begun.map(|position| format!(",\"after\":\"{}\"", position.id())).unwrap_or_default();
    (1012, format!("{{\"retryAfterMs\":{retry_after_ms}{after}}}"))
}

async fn serve(app: App, cause: Cause, socket: WebSocket) {
    let (mut sink, source) = socket.split();
    let heard = Arc::new(Mutex::new(Heard::new()));
    let texts = inbound(source, heard.clone());
    let begun = Begun::default();
    let executor = Subscriptions { app: app.clone(), cause, begun: begun.clone() };
    let mut protocol = Protocol::new(executor, texts, WebSocketProtocols::GraphQLWS);
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let tenure = Tenure::begin(&app, None);
    let init = tokio::time::sleep(INIT_WITHIN);
    tokio::pin!(init);
    let close = loop {
        tokio::select! {
            message = protocol.next() => match message {
                Some(WsMessage::Text(text)) => {
                    if !put(&mut sink, Message::Text(text.into())).await {
                        break None;
                    }
                }
                Some(WsMessage::Close(code, reason)) => break Some((code, reason)),
                None => {
                    let refused = heard.lock().unwrap_or_else(PoisonError::into_inner).refused;
                    let (code, reason) = refused.unwrap_or(LEFT);
                    break Some((code, reason.to_owned()));
                }
            },
            _ = heartbeat.tick() => {
                let silent = heard.lock().unwrap_or_else(PoisonError::into_inner).at.elapsed();
                if silent > SILENT_MAX || !put(&mut sink, Message::Ping(Bytes::new())).await {
                    break None;
                }
            }
            () = &mut init, if !init.is_elapsed() => {
                if !heard.lock().unwrap_or_else(PoisonError::into_inner).has_spoken {
                    break Some((4408, "Connection initialisation timeout".to_owned()));
                }
            }
            _ = tenure.over() => {
                break Some(going_away(return_after_ms(&app), begun_at(&begun)));
            }
            () = app.live.stopped() => {
                // Between 1 and 5 seconds, so that clients do not all return at once.
                let retry_after_ms = 1_000 + u64::from(app.gateway.random() % 4_000);
                break Some(going_away(retry_after_ms, begun_at(&begun)));
            }
        }
    };
    if let Some((code, reason)) = close {
        let frame = CloseFrame { code, reason: Utf8Bytes::from(reason) };
        let _ = put(&mut sink, Message::Close(Some(frame))).await;
        if code == TOO_LONG.0 {
            sleep(LINGER).await;
        }
    }
}

/// `false` if the client is gone, or reads nothing.
async fn put(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(timeout(SEND_MAX, sink.send(message)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::error::{CapacityError, Error};

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

    #[test]
    fn the_end_of_what_is_heard_has_its_own_reason() {
        let mut heard = Heard::new();
        for _ in 0..MESSAGES_MAX {
            assert!(heard.note(&Ok(Message::Ping(Bytes::new()))));
        }
        assert!(!heard.note(&Ok(Message::Ping(Bytes::new()))));
        assert_eq!(heard.refused, Some(TOO_MANY));
        let mut heard = Heard::new();
        assert!(!heard.note(&Err(axum::Error::new(std::io::Error::other("reset")))));
        assert_eq!(heard.refused, None);
        let too_long = Error::Capacity(CapacityError::MessageTooLong { size: 2, max_size: 1 });
        assert!(!heard.note(&Err(axum::Error::new(too_long))));
        assert_eq!(heard.refused, Some(TOO_LONG));
    }
}
