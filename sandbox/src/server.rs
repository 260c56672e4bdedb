//! Listens, serves HTTP/1.1 and h2c, cuts connections, and stops.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request, response::Response};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};
use tracing::debug;

/// Open requests get this long to finish when the sandbox stops.
const GRACE: Duration = Duration::from_secs(2);

/// The TCP connection of a request, which a fault may cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<Notify>);

impl Connection {
    /// Cuts the connection: its peer sees it close without a response, and this never returns. On HTTP/2 all streams of
    /// the connection end with it, as in a real cut.
    pub(crate) async fn cut(&self) -> Response {
        self.0.notify_one();
        std::future::pending().await
    }
}

/// Accepts connections until `stop`, then lets open requests finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => spawn_connection(stream, router.clone(), &graceful),
            // For example out of file descriptors: the next accept would fail as fast.
            Err(error) => {
                debug!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        debug!("stopped with requests still open");
    }
}

fn spawn_connection(stream: TcpStream, router: Router, graceful: &GracefulShutdown) {
    // Responses are small and written at once; waiting to fill a packet only adds delay.
    let _ = stream.set_nodelay(true);
    let connection = Connection::default();
    let cut = connection.clone();
    let service = service_fn(move |mut request: Request<_>| {
        request.extensions_mut().insert(connection.clone());
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        let builder = auto::Builder::new(TokioExecutor::new());
        let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::select! {
            _ = watcher.watch(served) => {}
            () = cut.0.notified() => {}
        }
    });
}

/// Binds and returns the address.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
