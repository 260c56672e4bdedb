//! Reading a body that may be too long or too slow.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};

/// How long a whole body may take. Envoy holds bodies back until they are whole and then sends them at once.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Or the peer has gone; nobody hears of that.
    TooLong,
    TooSlow,
}

/// The whole body, of at most `bytes_max` bytes.
pub(crate) async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, Unread> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, bytes_max)).await {
        Ok(read) => read.map_err(|_| Unread::TooLong),
        Err(_) => Err(Unread::TooSlow),
    }
}
