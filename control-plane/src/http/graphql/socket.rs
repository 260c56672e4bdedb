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
use futures_util::stream::{self, BoxStream, SplitSink, Stream};
use futures_util::{SinkExt, StreamExt, future};
use payments::model::event::Cause;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::caller::Caller;
use super::document;
use super::errors::{request_error, with_code};
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::event_log::tenure::{Tenure, return_after_ms};
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
}

impl Subscriptions {
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
                responses.map(with_codes).boxed()
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
}

impl Heard {
    fn new() -> Self {
        let now = Instant::now();
        Self { at: now, has_spoken: false, counted: (now, 0) }
    }

    /// Notes a message. `false`: there are too many.
    fn note(&mut self, is_text: bool) -> bool {
        self.at = Instant::now();
        self.has_spoken |= is_text;
        let (since, messages) = &mut self.counted;
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *messages) = (self.at, 0);
        }
        *messages += 1;
        *messages <= MESSAGES_MAX
    }
}

type Inbound = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

async fn serve(app: App, cause: Cause, socket: WebSocket) {
    let (mut sink, source) = socket.split();
    let heard = Arc::new(Mutex::new(Heard::new()));
    let noted = heard.clone();
    let texts: Inbound = source
        .take_while(move |message| {
            let is_text = matches!(message, Ok(Message::Text(_)));
            let may_go_on =
                message.is_ok() && noted.lock().unwrap_or_else(PoisonError::into_inner).note(is_text);
            future::ready(may_go_on)
        })
        .filter_map(|message| {
            future::ready(match message {
                Ok(Message::Text(text)) => Some(Bytes::from(text)),
                _ => None,
            })
        })
        .boxed();
    let executor = Subscriptions { app: app.clone(), cause };
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
                None => break Some((4429, "at most 20 messages a second".to_owned())),
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
                break Some((1012, format!("{{\"retryAfterMs\":{}}}", return_after_ms(&app))));
            }
            () = app.live.stopped() => {
                // Between 1 and 5 seconds, so that clients do not all return at once.
                let retry_after_ms = 1_000 + u64::from(app.gateway.random() % 4_000);
                break Some((1012, format!("{{\"retryAfterMs\":{retry_after_ms}}}")));
            }
        }
    };
    if let Some((code, reason)) = close {
        let frame = CloseFrame { code, reason: Utf8Bytes::from(reason) };
        let _ = put(&mut sink, Message::Close(Some(frame))).await;
    }
}

/// `false` if the client is gone, or reads nothing.
async fn put(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(timeout(SEND_MAX, sink.send(message)).await, Ok(Ok(())))
}
