//! Detects the HTTP version of a connection, and sets its limits.

use std::time::Duration;

use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;

use super::cut::Answers;

/// The HTTP/2 connection preface (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a head may take to arrive, and an HTTP/1.1 connection may be idle. Envoy writes heads at once; a scraper
/// with a longer interval opens a new connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between checks for the rest of a preface. Hardly ever used: peers write the preface at once.
const PREFACE_PAUSE: Duration = Duration::from_millis(5);

/// Concurrent streams per connection. Envoy opens fewer (`max_concurrent_streams` of its clusters), so it is never
/// refused one, even before it has read this setting.
const STREAMS_MAX: u32 = 256;

/// How many cancelled requests may wait to be processed. Beyond it the connection, with everybody's requests on it,
/// would be closed; Envoy cancels whenever a client leaves, so the limit must never be reached. One poll of the
/// connection reads at most 2 MiB (128 reads of 16 KiB, tokio's budget) and then processes all requests, and a request
/// with its attestation takes 300 bytes or more: that is 7,000.
const CANCELLED_MAX: usize = 16_384;

/// Unlimited: a limit would count over the connection's whole life and then close it, with everybody's requests. It
/// protects against peers that provoke resets without reading them; the peer here is our own Envoy.
const PROTOCOL_ERRORS_MAX: Option<usize> = None;

/// Envoy accepts 16 KiB and 100 headers from a client; HTTP/2 counts 32 bytes more per header, and Envoy and the filter
/// add their own. Above this limit, a request that Envoy let through is answered 431.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// The stream window holds the largest body, a webhook's; the connection window, several of them.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// A vanished peer is detected within the sum of both.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// The protocol of a TLS connection: what both sides agreed on (RFC 7301). A client that offers none speaks
    /// HTTP/1.1.
    pub(super) fn agreed(alpn: Option<&[u8]>) -> Self {
        if alpn == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }

    /// Detects the protocol by the first bytes. `None` if they do not arrive in time, or the peer is gone.
    pub(super) async fn of(stream: &TcpStream) -> Option<Self> {
        tokio::time::timeout(HEAD_TIMEOUT, Self::spoken(stream)).await.ok()?
    }

    async fn spoken(stream: &TcpStream) -> Option<Self> {
        let mut first = [0; PREFACE.len()];
        let mut seen = 0;
        loop {
            let length = stream.peek(&mut first).await.ok()?;
            let bytes = first.get(..length)?;
            match bytes {
                // The peer closed before sending a whole preface.
                _ if length == 0 => return None,
                _ if bytes == PREFACE => return Some(Self::Http2),
                _ if !PREFACE.starts_with(bytes) => return Some(Self::Http1),
                _ if length == seen => tokio::time::sleep(PREFACE_PAUSE).await,
                _ => seen = length,
            }
        }
    }
}

/// Connection builders by protocol.
pub(super) struct Protocols {
    http1: Builder<Answers>,
    http2: Builder<Answers>,
}

impl Protocols {
    pub(super) fn new() -> Self {
        let mut http1 = Builder::new(Answers).http1_only();
        http1.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let mut http2 = Builder::new(Answers).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_concurrent_streams(STREAMS_MAX)
            .max_pending_accept_reset_streams(CANCELLED_MAX)
            .max_local_error_reset_streams(PROTOCOL_ERRORS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        Self { http1, http2 }
    }

    pub(super) const fn builder(&self, protocol: Protocol) -> &Builder<Answers> {
        match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        }
    }
}
