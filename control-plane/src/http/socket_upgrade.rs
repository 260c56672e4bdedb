//! What all WebSockets have in common (RFC 6455; over HTTP/2, RFC 8441).

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Larger buffers would cost each idle socket as much.
const BUFFER_BYTES: usize = 4 * 1024;

/// A protocol and its limits.
pub(super) struct SocketProtocol {
    pub(super) name: &'static str,
    /// Of a client's message.
    pub(super) message_bytes_max: usize,
    /// What may wait to be sent.
    pub(super) unsent_bytes_max: usize,
}

impl SocketProtocol {
    /// Answers the upgrade, and serves the socket once it is open.
    pub(super) fn open<F>(
        &self,
        upgrade: WebSocketUpgrade,
        headers: &HeaderMap,
        serve: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut response = upgrade
            .protocols([self.name])
            .max_message_size(self.message_bytes_max)
            .max_frame_size(self.message_bytes_max)
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(self.unsent_bytes_max)
            .on_upgrade(serve);
        // Over HTTP/2 there is no such header, but Envoy passes on what its HTTP/1.1 client asks, and the client wants
        // the answer to it.
        if let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) {
            let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
            response.headers_mut().extend(accept.ok().map(|accept| (header::SEC_WEBSOCKET_ACCEPT, accept)));
        }
        response
    }
}
