//! What all WebSockets have in common (RFC 6455; over HTTP/2, RFC 8441).

use axum::extract::FromRequestParts;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge_core::error::ErrorCode;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::error::ApiError;

/// Larger buffers would cost each idle socket as much.
const BUFFER_BYTES: usize = 4 * 1024;

/// A protocol and its limits.
pub(super) struct SocketProtocol {
    pub(super) name: &'static str,
    /// The largest message of a client.
    pub(super) message_bytes_max: usize,
    /// What may wait to be sent.
    pub(super) unsent_bytes_max: usize,
}

/// What a client offers as subprotocols (RFC 6455, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Nothing,
    /// The socket's own, perhaps beside others.
    Own,
    Others,
}

/// A client's side of the handshake, as RFC 6455 asks (section 4.1).
pub(super) struct Handshake {
    upgrade: WebSocketUpgrade,
    key: Option<HeaderValue>,
}

/// Which header of a handshake is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoHandshake {
    Upgrade,
    Version,
    Key,
}

impl<S: Send + Sync> FromRequestParts<S> for Handshake {
    type Rejection = NoHandshake;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NoHandshake> {
        let upgrade = <WebSocketUpgrade>::from_request_parts(parts, state).await?;
        // The library reads the first line only.
        if parts.headers.get_all(header::SEC_WEBSOCKET_VERSION).iter().count() > 1 {
            return Err(NoHandshake::Version);
        }
        Ok(Self { upgrade, key: key(&parts.headers)? })
    }
}

/// Over HTTP/2 no key is needed, but Envoy passes on that of its HTTP/1.1 client.
fn key(headers: &HeaderMap) -> Result<Option<HeaderValue>, NoHandshake> {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if is_key(key.as_bytes()) => Ok(Some(key.clone())),
        _ => Err(NoHandshake::Key),
    }
}

/// 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    key.strip_suffix(b"==").is_some_and(|digits| {
        digits.len() == 22 && digits.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
    })
}

impl From<WebSocketUpgradeRejection> for NoHandshake {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        match rejection {
            WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => Self::Version,
            WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_) => Self::Key,
            _ => Self::Upgrade,
        }
    }
}

impl IntoResponse for NoHandshake {
    fn into_response(self) -> Response {
        let (param, message) = match self {
            Self::Upgrade => {
                ("Upgrade", "this path takes a WebSocket: `Connection: Upgrade` and `Upgrade: websocket`")
            }
            Self::Version => ("Sec-WebSocket-Version", "`Sec-WebSocket-Version` must be given once, as 13"),
            Self::Key => ("Sec-WebSocket-Key", "`Sec-WebSocket-Key` must be given once, 16 bytes in base64"),
        };
        let error = ApiError::new(ErrorCode::InvalidRequest, message).param(Some(param.to_owned()));
        let mut response = error.into_response();
        if self == Self::Version {
            // The answer names the version that is spoken here (RFC 6455, section 4.4).
            *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
            response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}

impl SocketProtocol {
    pub(super) fn offer(&self, handshake: &Handshake) -> Offer {
        let mut offered = handshake.upgrade.requested_protocols().filter(|name| !name.is_empty()).peekable();
        if offered.peek().is_none() {
            Offer::Nothing
        } else if offered.any(|name| name == self.name) {
            Offer::Own
        } else {
            Offer::Others
        }
    }

    /// Answers the upgrade, and serves the socket once it is open.
    pub(super) fn open<F>(
        &self,
        Handshake { upgrade, key }: Handshake,
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
        // Over HTTP/2 the library answers no key, but Envoy's HTTP/1.1 client wants the answer to its own.
        if let Some(key) = key {
            let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
            response.headers_mut().extend(accept.ok().map(|accept| (header::SEC_WEBSOCKET_ACCEPT, accept)));
        }
        response
    }
}
