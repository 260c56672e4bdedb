//! Reading a body that may be too long or too slow.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};

/// How long a whole body may take. Envoy buffers bodies until they are complete and then sends them at once.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Also if the peer is gone, which then never sees the answer.
    TooLong,
    TooSlow,
}

/// Reads the whole body, of at most `bytes_max` bytes.
pub(crate) async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, Unread> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, bytes_max)).await {
        Ok(read) => read.map_err(|_| Unread::TooLong),
        Err(_) => Err(Unread::TooSlow),
    }
}
