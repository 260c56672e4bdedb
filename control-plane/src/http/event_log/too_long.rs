//! A client's message that is longer than its socket takes.

use std::error::Error as _;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Error;

/// For how long a socket stays open behind its close frame. The rest of the message is never read, and a connection that
/// ends with unread data is reset, perhaps before the client has read the frame.
pub(in crate::http) const LINGER: Duration = Duration::from_millis(500);

/// Whether this is why reading from a socket failed. It can still be written to.
pub(in crate::http) fn is_too_long(error: &axum::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<Error>());
    matches!(source, Some(Error::Capacity(_)))
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::error::CapacityError;

    use super::*;

    #[test]
    fn a_message_that_is_too_long_is_told_from_a_lost_connection() {
        let too_long = CapacityError::MessageTooLong { size: 2, max_size: 1 };
        assert!(is_too_long(&axum::Error::new(Error::Capacity(too_long))));
        assert!(!is_too_long(&axum::Error::new(Error::ConnectionClosed)));
        assert!(!is_too_long(&axum::Error::new(std::io::Error::other("reset"))));
    }
}
