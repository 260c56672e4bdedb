//! Sends messages over a WebSocket whose client may read slowly, or not at all.

use std::time::Duration;

use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::event_log::tenure::{Over, Tenure};
use crate::live;

/// For how long a client may read nothing. Its events wait meanwhile, and once they are many, the newest of each
/// payment.
const STALLED_MAX: Duration = Duration::from_secs(30);
/// The reason of the close frame after it.
pub(super) const STALLED: &str = "nothing was read for 30 seconds";
/// A message that takes longer waits for its client to read, so that it goes out is a sign of life.
const WAITS: Duration = Duration::from_millis(500);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way. `has_read`: the client has read something meanwhile.
    Gone { has_read: bool },
    /// The connection is lost.
    Lost,
    /// The client reads nothing.
    Stalled,
    /// The connection's time is up first.
    Over(Over),
}

pub(super) async fn send<S>(sink: &mut S, message: Message, tenure: Tenure) -> Sent
where
    S: Sink<Message> + Unpin,
{
    send_within(STALLED_MAX, sink, message, tenure).await
}

async fn send_within<S>(stalled_max: Duration, sink: &mut S, message: Message, tenure: Tenure) -> Sent
where
    S: Sink<Message> + Unpin,
{
    let begun = Instant::now();
    tokio::select! {
        biased;
        sent = timeout(stalled_max, sink.send(message)) => match sent {
            Ok(Ok(())) => Sent::Gone { has_read: begun.elapsed() > WAITS },
            Ok(Err(_)) => Sent::Lost,
            Err(_) => {
                live::count_stalled();
                Sent::Stalled
            }
        },
        over = tenure.over() => Sent::Over(over),
    }
}

/// Sends the close frame, which nobody may read.
pub(super) async fn send_last<S>(sink: &mut S, message: Message, tenure: Tenure)
where
    S: Sink<Message> + Unpin,
{
    let _ = timeout_at(tenure.last_words(), sink.send(message)).await;
}

#[cfg(test)]
mod tests {
    use futures_util::sink;
    use tokio::time::sleep;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    /// Sends to a client that reads a message in this time.
    async fn sent(reads_in: Duration, stalled_max: Duration, tenure: Duration) -> Sent {
        let sink = sink::unfold((), |(), _: Message| async move {
            sleep(reads_in).await;
            Ok::<_, std::convert::Infallible>(())
        });
        tokio::pin!(sink);
        send_within(stalled_max, &mut sink, Message::text("{}"), Tenure::lasting(tenure)).await
    }

    #[tokio::test]
    async fn a_client_that_reads_late_is_waited_for_and_alive() {
        assert_eq!(sent(Duration::ZERO, LONG, LONG).await, Sent::Gone { has_read: false });
        assert_eq!(sent(WAITS + SHORT, LONG, LONG).await, Sent::Gone { has_read: true });
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_given_up_but_its_time_is_no_longer_than_others() {
        assert_eq!(sent(LONG, SHORT, LONG).await, Sent::Stalled);
        assert_eq!(sent(LONG, LONG, SHORT).await, Sent::Over(Over::Renew));
    }
}
