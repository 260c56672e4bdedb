//! The HTTP server of every listener: HTTP/2 for Envoy, HTTP/1.1 for probes, scrapers and operators.
//!
//! No peer can keep others from being served, or delay a shutdown.

mod body;
mod connection_slots;
mod cut;
mod protocol;
pub(crate) mod tls;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{ServiceExt, service_fn};

pub(crate) use body::{Unread, read_body};
pub use connection_slots::CONNECTIONS_MAX;
use connection_slots::{ConnectionSlot, ConnectionSlots, Usage};
pub(crate) use cut::cut_answer_at;
use protocol::{Protocol, Protocols};
pub use tls::{OwnPeer, PeerNames, Tls, TlsError, TlsFile, TlsSettings};

/// The pause after a failed accept: a lack of file descriptors does not pass at once, and each failure is a log line.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The time after the last answer for its bytes to reach the peer, and for peers to close their connections.
const LINGER: Duration = Duration::from_secs(1);

/// How often a shutdown waits again for requests that arrived after all others were answered.
const ROUNDS_MAX: usize = 3;

/// Serves until `stop`, over TLS if there is a `tls`, then completes the requests received by then. Returns soon after
/// the last answer, even if a peer keeps its connection open.
pub async fn serve(listener: TcpListener, tls: Option<Tls>, router: Router, stop: CancellationToken) {
    let server = Server {
        router,
        tls,
        protocols: Arc::new(Protocols::new()),
        requests: TaskTracker::new(),
        connections: TaskTracker::new(),
        closing: CancellationToken::new(),
        cut: CancellationToken::new(),
    };
    let slots = ConnectionSlots::new(server.closing.clone());
    while let Some((permit, accepted)) =
        stop.run_until_cancelled(async { (slots.free().await, listener.accept().await) }).await
    {
        match accepted {
            Ok((stream, peer)) => {
                let connection = server.clone().connection(stream, peer, slots.take(permit));
                server.connections.spawn(connection);
            }
            // The peer disconnected before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    server.end().await;
}

/// State shared by all connections.
#[derive(Clone)]
struct Server {
    router: Router,
    tls: Option<Tls>,
    protocols: Arc<Protocols>,
    /// Requests in flight.
    requests: TaskTracker,
    connections: TaskTracker,
    /// Asks all connections to end.
    closing: CancellationToken,
    /// Ends the connections that outlast the shutdown.
    cut: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, peer: SocketAddr, slot: ConnectionSlot) {
        let cut = self.cut.clone();
        tokio::select! {
            () = self.answer(stream, peer, slot.usage.clone()) => {}
            () = slot.lost() => tracing::debug!(%peer, "a connection without requests was closed"),
            () = cut.cancelled() => {}
        }
    }

    async fn answer(self, stream: TcpStream, peer: SocketAddr, usage: Arc<Usage>) {
        // Answers are small and a client waits for each, so Nagle's algorithm must not delay them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else {
            let Some(protocol) = Protocol::of(&stream).await else { return };
            return self.converse(stream, protocol, peer, usage).await;
        };
        let Some(accepted) = tls.accept(stream, peer).await else { return };
        let protocol = Protocol::agreed(accepted.stream.get_ref().1.alpn_protocol());
        let closing = usage.closing.clone();
        let conversation = self.converse(accepted.stream, protocol, peer, usage);
        let mut conversation = pin!(conversation);
        tokio::select! {
            () = conversation.as_mut() => {}
            () = accepted.replaced.cancelled() => {
                closing.cancel();
                conversation.await;
            }
        }
    }

    async fn converse<S>(self, stream: S, protocol: Protocol, peer: SocketAddr, usage: Arc<Usage>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { router, protocols, requests, .. } = self;
        let closing = usage.closing.clone();
        let service = service_fn(move |request: axum::http::Request<_>| {
            let under_way = (requests.token(), usage.begin());
            let router = router.clone();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            async move {
                let answer = router.oneshot(request).await;
                drop(under_way);
                answer as Result<_, Infallible>
            }
        });
        let builder = protocols.builder(protocol);
        let mut served =
            pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = closing.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended with an error");
        }
    }

    /// Shuts the connections down: they take no more requests, and those in flight are answered.
    async fn end(self) {
        self.closing.cancel();
        self.connections.close();
        self.requests.close();
        let answered = async {
            // A request may arrive while its connection is being shut down. A peer that still sends more ignores it.
            for _ in 0..ROUNDS_MAX {
                self.requests.wait().await;
                tokio::time::sleep(LINGER).await;
                if self.requests.is_empty() {
                    break;
                }
            }
        };
        tokio::select! {
            () = self.connections.wait() => {}
            () = answered => tracing::debug!("cutting connections that did not end"),
        }
        self.cut.cancel();
    }
}
