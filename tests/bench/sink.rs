//! The cheapest upstream: an HTTP/2 server that reads requests and answers 200.

use std::net::SocketAddr;
use std::thread;

use http::Response;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

/// Runs until this program ends, in its own thread.
pub(crate) fn start() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a socket for tokio");
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a socket for tokio");
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection));
            }
        });
    });
    address
}

async fn serve(connection: TcpStream) {
    let _ = connection.set_nodelay(true);
    // Wide enough that no body waits for flow control.
    let mut server = h2::server::Builder::new();
    server.initial_window_size(1 << 20).initial_connection_window_size(1 << 24).max_concurrent_streams(1_000);
    let Ok(mut streams) = server.handshake::<_, bytes::Bytes>(connection).await else { return };
    while let Some(Ok((request, mut respond))) = streams.accept().await {
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(Ok(piece)) = body.data().await {
                let _ = body.flow_control().release_capacity(piece.len());
            }
            let _ = respond.send_response(Response::new(()), true);
        });
    }
}
