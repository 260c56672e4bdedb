//! The HTTP server of every listener: HTTP/2 for Envoy, HTTP/1.1 for probes, scrapers and people.
//!
//! Whatever one peer does, the others are served, and the end comes when it is asked for.

mod body;
mod protocol;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{ServiceExt, service_fn};

pub(crate) use body::{Unread, read_body};
use protocol::{Protocol, Protocols};

/// Connections at the same time: four Envoys with as many as each may open (256, see `envoy/bootstrap.yaml`). More wait
/// in the kernel's queue until one ends, and a connection that does not begin with a request ends soon.
pub const CONNECTIONS_MAX: usize = 1_024;

/// How long nothing is accepted after that failed: who is out of file descriptors now is so a moment later, and each
/// time is a line in the log.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// After the last answer, for its bytes to reach the peer, and for peers to end their connections by themselves.
const LINGER: Duration = Duration::from_secs(1);

/// How often requests are waited for that came in after all others were answered.
const ROUNDS_MAX: usize = 3;

/// Answers until `stop`, then lets what was asked by then be answered. Ends soon after the last answer, even if a
/// peer holds its connection open.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let server = Server {
        router,
        protocols: Arc::new(Protocols::new()),
        requests: TaskTracker::new(),
        cut: CancellationToken::new(),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = GracefulShutdown::new();
    while let Some((place, accepted)) = stop.run_until_cancelled(accept(&listener, &places)).await {
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(server.clone().connection(stream, peer, connections.watcher(), place));
            }
            // The peer has gone again before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    server.end(connections).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, io::Result<(TcpStream, SocketAddr)>) {
    // Nobody closes the semaphore.
    let place = places.clone().acquire_owned().await.ok();
    (place, listener.accept().await)
}

/// What the connections share.
#[derive(Clone)]
struct Server {
    router: Router,
    protocols: Arc<Protocols>,
    /// Those that are not answered yet.
    requests: TaskTracker,
    /// Ends connections that do not end by themselves.
    cut: CancellationToken,
}

impl Server {
    async fn connection(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
        _place: Option<OwnedSemaphorePermit>,
    ) {
        let cut = self.cut.clone();
        cut.run_until_cancelled(self.answer(stream, peer, watcher)).await;
    }

    async fn answer(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        // Answers are small and a client waits for each: none is held back for more (Nagle's algorithm).
        let _ = stream.set_nodelay(true);
        let Some(protocol) = Protocol::of(&stream).await else { return };
        let Self { router, protocols, requests, .. } = self;
        let service = service_fn(move |request: axum::http::Request<_>| {
            let under_way = requests.token();
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
        let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        if let Err(error) = watcher.watch(served).await {
            tracing::debug!(%peer, %error, "a connection ended badly");
        }
    }

    /// No connection takes another request; those that are in flight are answered.
    async fn end(self, connections: GracefulShutdown) {
        self.requests.close();
        let answered = async {
            // A request may have come in while its connection was told. A peer that goes on for longer does not listen.
            for _ in 0..ROUNDS_MAX {
                self.requests.wait().await;
                tokio::time::sleep(LINGER).await;
                if self.requests.is_empty() {
                    break;
                }
            }
        };
        tokio::select! {
            () = connections.shutdown() => {}
            () = answered => tracing::debug!("connections are cut that do not end"),
        }
        self.cut.cancel();
    }
}
