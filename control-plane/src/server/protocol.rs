//! Which HTTP a connection speaks, and within which limits.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;

/// How an HTTP/2 connection begins (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a head may take, and a connection of HTTP/1.1 be idle. Envoy writes heads whole; scrapers that come less
/// often open a new connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the rest of a preface is looked for. Hardly ever: peers write it whole.
const PREFACE_PAUSE: Duration = Duration::from_millis(5);

/// Streams at the same time on a connection. Envoy opens fewer on each (`max_concurrent_streams` of its clusters), so
/// that it is never refused one, not even before it has read this.
const STREAMS_MAX: u32 = 256;

/// How many requests may be cancelled while they wait to be looked at. Past it the connection would be ended, with the
/// requests of everybody else on it: Envoy cancels whenever a client leaves, so it must never be reached. A turn of the
/// connection reads 2 MiB at most (128 reads of 16 KiB, tokio's budget) and then looks at all of them, and a request
/// with its attestation takes 300 bytes or more: that is 7,000.
const CANCELLED_MAX: usize = 16_384;

/// Without a limit: one would be for the connection's whole life, and end it with everybody's requests. It is there
/// against peers that provoke resets and do not read them; the peer is our own Envoy.
const PROTOCOL_ERRORS_MAX: Option<usize> = None;

/// Envoy takes 16 KiB and 100 lines from a client; HTTP/2 counts 32 bytes more for each line, and Envoy and the filter
/// add their own. What is over it is answered 431 after Envoy has let it through.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// As much as the largest body, a webhook's, and so many of them at once.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// A peer that has vanished is noticed within both.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// By the first bytes. `None`: they did not come in time, or the peer is gone.
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
                // Half of a preface, and no more will come.
                _ if length == 0 => return None,
                _ if bytes == PREFACE => return Some(Self::Http2),
                _ if !PREFACE.starts_with(bytes) => return Some(Self::Http1),
                _ if length == seen => tokio::time::sleep(PREFACE_PAUSE).await,
                _ => seen = length,
            }
        }
    }
}

/// How connections are served, by what they speak.
pub(super) struct Protocols {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new() -> Self {
        let mut http1 = Builder::new(TokioExecutor::new()).http1_only();
        http1.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let mut http2 = Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
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

    pub(super) const fn builder(&self, protocol: Protocol) -> &Builder<TokioExecutor> {
        match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        }
    }
}
