//! The connections to one provider. An HTTP/2 client sends all requests on one connection, so there are two clients: a
//! connection that dies takes half of the calls with it, not all.
//!
//! A connection can go silent without ever closing: a load balancer that still acknowledges, a firewall that dropped
//! its state. Pings detect that, in use and idle. Where something in between answers the pings, a client with two
//! unanswered calls in a row is replaced, together with its connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Client, ClientBuilder};

use super::transport_error::TransportError;

/// Number of clients, each with separate connections.
const CLIENTS: usize = 2;

/// Unanswered calls in a row after which a client's connection is abandoned. A single one may be the provider's fault.
const UNANSWERED_MAX: u32 = 2;

/// The provider is pinged after `PING_AFTER` without a frame, and the connection is closed after `PING_MAX` without a
/// reply: together less than the 10 s that a call waits.
const PING_AFTER: Duration = Duration::from_secs(4);
const PING_MAX: Duration = Duration::from_secs(4);

type Make = Box<dyn Fn() -> Result<Client, TransportError> + Send + Sync>;

pub(super) struct Connections {
    make: Make,
    clients: [Mutex<Kept>; CLIENTS],
    next: AtomicUsize,
}

struct Kept {
    client: Client,
    /// The client's generation: results from its predecessor say nothing about it.
    number: u64,
    /// Unanswered calls in a row.
    unanswered: u32,
}

/// A client for one call.
pub(super) struct BorrowedClient<'a> {
    pub(super) client: Client,
    of: &'a Connections,
    place: &'a Mutex<Kept>,
    number: u64,
}

impl Connections {
    /// `builder` configures everything but the detection of dead connections.
    ///
    /// # Errors
    /// Returns an error if TLS cannot be set up.
    pub(super) fn new(
        builder: impl Fn() -> Result<ClientBuilder, TransportError> + Send + Sync + 'static,
    ) -> Result<Self, TransportError> {
        Self::made_by(Box::new(move || watched(builder()?).build().map_err(TransportError::Client)))
    }

    fn made_by(make: Make) -> Result<Self, TransportError> {
        let kept = || Ok(Mutex::new(Kept { client: make()?, number: 0, unanswered: 0 }));
        Ok(Self { clients: [kept()?, kept()?], make, next: AtomicUsize::new(0) })
    }

    /// Lends the clients in turn.
    pub(super) fn lend(&self) -> BorrowedClient<'_> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % CLIENTS;
        let [first, second] = &self.clients;
        let place = if turn == 0 { first } else { second };
        let kept = place.lock().unwrap_or_else(PoisonError::into_inner);
        BorrowedClient { client: kept.client.clone(), of: self, place, number: kept.number }
    }
}

impl BorrowedClient<'_> {
    /// Records whether the peer answered the call at all.
    pub(super) fn note(self, is_answered: bool) {
        if !self.is_to_be_replaced(is_answered) {
            return;
        }
        // Without the lock, because making a client reads certificates.
        match (self.of.make)() {
            Ok(client) => {
                tracing::warn!("two calls in a row got no answer; abandoning their connection");
                let mut kept = self.place.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Kept { client, number: self.number + 1, unanswered: 0 };
            }
            Err(error) => tracing::error!(%error, "a silent connection cannot be replaced"),
        }
    }

    /// Whether to replace the client. Only one call gets `true`, because the count restarts. A new client is used for
    /// at least the time limit of a call before it can be replaced.
    fn is_to_be_replaced(&self, is_answered: bool) -> bool {
        let mut kept = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.number != self.number {
            return false;
        }
        kept.unanswered = if is_answered { 0 } else { kept.unanswered + 1 };
        let is_silent = kept.unanswered >= UNANSWERED_MAX;
        if is_silent {
            kept.unanswered = 0;
        }
        is_silent
    }
}

/// Detects dead connections and closes them.
fn watched(builder: ClientBuilder) -> ClientBuilder {
    builder
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_MAX)
        .http2_keep_alive_while_idle(true)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::Router;
    use axum::routing::get;
    use test_services::proxy::{Mode, Proxy};

    use super::*;

    /// A provider that speaks HTTP/2, behind a load balancer.
    async fn provider() -> (Proxy, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().route("/", get(async || "ok"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let way = Proxy::to_port(port).await;
        let url = format!("http://{}/", way.address());
        (way, url)
    }

    fn builder() -> ClientBuilder {
        Client::builder().no_proxy().http2_prior_knowledge()
    }

    async fn call(connections: &Connections, url: &str, limit: Duration) -> bool {
        let lent = connections.lend();
        let answer = lent.client.get(url).timeout(limit).send().await;
        let is_answered = answer.is_ok();
        lent.note(is_answered);
        is_answered
    }

    #[tokio::test]
    async fn a_connection_that_goes_silent_in_use_is_given_up_within_ten_seconds() {
        let (way, url) = provider().await;
        let connections = Connections::new(|| Ok(builder())).unwrap();
        for _ in 0..2 {
            assert!(call(&connections, &url, Duration::from_secs(5)).await);
        }
        assert_eq!(way.opened(), 2, "the clients have connections of their own");
        way.set(Mode::Silence);
        let begun = Instant::now();
        // The calls would wait much longer; the pings end them first.
        let (first, second) = tokio::join!(
            call(&connections, &url, Duration::from_secs(60)),
            call(&connections, &url, Duration::from_secs(60))
        );
        assert!(!first && !second);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(call(&connections, &url, Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_connection_of_which_two_calls_got_no_answer_is_abandoned() {
        let (way, url) = provider().await;
        // Without pings, as if something on the way answered them.
        let connections =
            Connections::made_by(Box::new(|| builder().build().map_err(TransportError::Client))).unwrap();
        for _ in 0..2 {
            assert!(call(&connections, &url, Duration::from_secs(5)).await);
        }
        way.set(Mode::Silence);
        for _ in 0..4 {
            assert!(!call(&connections, &url, Duration::from_millis(100)).await);
        }
        for _ in 0..4 {
            assert!(call(&connections, &url, Duration::from_secs(5)).await);
        }
        assert_eq!(way.opened(), 4);
    }
}
