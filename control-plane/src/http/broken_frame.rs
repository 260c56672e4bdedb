//! What a client sends over a WebSocket that cannot be read, and how the socket is closed then.

use std::error::Error as _;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;

/// How long a socket stays open after its close frame. The rest of what the client sends is never read, and a
/// connection that ends with unread data is reset, perhaps before the client has read the frame.
pub(super) const LINGER: Duration = Duration::from_millis(500);

/// Why reading from a socket failed that can still be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenFrame {
    /// The message is longer than its socket takes.
    TooLong,
    /// It is framed in another way than RFC 6455 asks: with reserved bits, without a mask, in fragments that do not
    /// fit.
    Framing,
    /// A text, or the reason of a close frame, is not UTF-8.
    Encoding,
}

impl BrokenFrame {
    /// `None`: the connection is lost.
    pub(super) fn of(error: &axum::Error) -> Option<Self> {
        match error.source().and_then(|source| source.downcast_ref::<Error>())? {
            Error::Capacity(_) => Some(Self::TooLong),
            Error::Utf8(_) => Some(Self::Encoding),
            Error::Protocol(problem) if !is_end(problem) => Some(Self::Framing),
            _ => None,
        }
    }

    /// The code and the reason of the close frame (RFC 6455, section 7.4.1). `message_max` says how long a message of
    /// this socket may be.
    pub(super) fn close(self, message_max: &str) -> (u16, String) {
        match self {
            Self::TooLong => (4400, format!("a message has at most {message_max}")),
            Self::Framing => (1002, "frames must be as in RFC 6455, section 5".to_owned()),
            Self::Encoding => (1007, "texts must be UTF-8".to_owned()),
        }
    }
}

/// Whether the library means the end of the connection, and no frame.
const fn is_end(problem: &ProtocolError) -> bool {
    matches!(
        problem,
        ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::ReceivedAfterClosing
            | ProtocolError::SendAfterClosing
    )
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::error::CapacityError;

    use super::*;

    #[test]
    fn a_frame_that_cannot_be_read_is_told_from_a_lost_connection() {
        let of = |error: Error| BrokenFrame::of(&axum::Error::new(error));
        let too_long = CapacityError::MessageTooLong { size: 2, max_size: 1 };
        assert_eq!(of(Error::Capacity(too_long)), Some(BrokenFrame::TooLong));
        assert_eq!(of(Error::Utf8(String::new())), Some(BrokenFrame::Encoding));
        assert_eq!(of(Error::Protocol(ProtocolError::NonZeroReservedBits)), Some(BrokenFrame::Framing));
        assert_eq!(of(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)), None);
        assert_eq!(of(Error::ConnectionClosed), None);
        assert_eq!(BrokenFrame::of(&axum::Error::new(std::io::Error::other("reset"))), None);
    }
}
