//! A WebSocket of a reader.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::Clients;

pub(super) struct ReaderSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl ReaderSocket {
    /// Subscribes to all events behind `after`. The error is the status of a refusal; 0: no connection.
    pub(super) async fn open(
        clients: &Clients,
        gateway: usize,
        client: &str,
        after: &str,
    ) -> Result<Self, u16> {
        let (url, key) = clients.address(gateway, client);
        let url = format!("{}/events/socket", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", "gateway.events.v1".parse().unwrap());
        headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
        // A slow reader's events wait at the gateway, not here.
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
        let (mut socket, _) =
            connect_async_with_config(request, Some(config), true).await.map_err(|error| match error {
                Error::Http(response) => response.status().as_u16(),
                _ => 0,
            })?;
        let subscribe = Message::text(json!({ "type": "subscribe", "after": after }).to_string());
        socket.send(subscribe).await.map_err(|_| 0_u16)?;
        Ok(Self(socket))
    }

    /// The next message; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) => return serde_json::from_str(&text).ok(),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }
}
