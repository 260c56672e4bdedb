//! A WebSocket of a reader: of events, or of a GraphQL subscription.

use edge_core::error::ErrorCode;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::Clients;

/// The path and the subprotocol.
pub(super) type SocketKind = (&'static str, &'static str);

pub(super) const EVENTS: SocketKind = ("/events/socket", "gateway.events.v1");
pub(super) const SUBSCRIPTIONS: SocketKind = ("/graphql/socket", "graphql-transport-ws");

/// The numbers that close a socket whose client did nothing wrong: the key is checked again or the gateway stops, the
/// database cannot be read, the first message did not arrive in time, the reader was too slow, or answered no ping.
const HARMLESS: [(SocketKind, &[u16]); 2] =
    [(EVENTS, &[1012, 1013, 4408, 4409, 4410]), (SUBSCRIPTIONS, &[1012, 4408, 4410])];

const QUERY: &str =
    "subscription($after: ID) { paymentEvents(after: $after) { id transactionId refundId version } }";

pub(super) struct ReaderSocket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    kind: SocketKind,
}

/// How a socket ends.
pub(super) enum End {
    /// Without a number, or with one that a client of its kind has to expect.
    Expected,
    /// With a number that blames the client.
    Blamed(u16),
}

impl ReaderSocket {
    /// The error is the status of a refusal; 0: no connection.
    pub(super) async fn open(
        clients: &Clients,
        gateway: usize,
        client: &str,
        kind: SocketKind,
    ) -> Result<Self, u16> {
        let (url, key) = clients.address(gateway, client);
        let url = format!("{}{}", url.replacen("http", "ws", 1), kind.0);
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", kind.1.parse().unwrap());
        headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
        // A slow reader's events wait at the gateway, not here.
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
        let (socket, _) =
            connect_async_with_config(request, Some(config), true).await.map_err(|error| match error {
                Error::Http(response) => response.status().as_u16(),
                _ => 0,
            })?;
        Ok(Self { socket, kind })
    }

    /// The error is 0: the connection is gone.
    pub(super) async fn send(&mut self, message: &Value) -> Result<(), u16> {
        self.socket.send(Message::text(message.to_string())).await.map_err(|_| 0)
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Result<Value, End> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| End::Expected);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(End::Expected, |frame| self.end(frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(End::Expected),
            }
        }
    }

    fn end(&self, number: u16) -> End {
        let is_harmless =
            HARMLESS.iter().any(|(kind, numbers)| *kind == self.kind && numbers.contains(&number));
        if is_harmless { End::Expected } else { End::Blamed(number) }
    }
}

/// The message that asks for all events after `after` by GraphQL.
pub(super) fn subscribe(after: &str) -> Value {
    json!({ "id": "1", "type": "subscribe", "payload": { "query": QUERY, "variables": { "after": after } } })
}

/// The status of the errors that end a subscription, as REST would give it.
pub(super) fn status_of(errors: &Value) -> u16 {
    let code = serde_json::from_value(errors[0]["extensions"]["code"].clone());
    code.map_or(500, ErrorCode::status)
}
