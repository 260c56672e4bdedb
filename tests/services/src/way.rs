use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A way to a server, as by a load balancer or a virtual address: what is open stays where it is when the way leads
/// elsewhere, and can go silent, which no end of it notices by TCP alone.
#[derive(Debug)]
pub struct Way {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    opened: AtomicU64,
    /// Connections with a number up to this are silent.
    silent: AtomicU64,
}

impl Way {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            opened: AtomicU64::new(0),
            silent: AtomicU64::new(0),
        });
        let of_connections = shared.clone();
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, of_connections.clone()));
            }
        });
        Self { address, shared, acceptor }
    }

    /// To a port of this machine.
    pub async fn to_port(port: u16) -> Self {
        Self::to(([127, 0, 0, 1], port).into()).await
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where new connections go.
    pub fn lead_to_port(&self, port: u16) {
        *self.shared.target.lock().unwrap() = ([127, 0, 0, 1], port).into();
    }

    /// What comes on the connections that are open now is acknowledged and passed on to nobody.
    pub fn silence(&self) {
        self.shared.silent.store(self.opened(), Ordering::SeqCst);
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::SeqCst)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let number = shared.opened.fetch_add(1, Ordering::SeqCst) + 1;
    let target = *shared.target.lock().unwrap();
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pump(from_client, to_server, number, &shared),
        pump(from_server, to_client, number, &shared)
    );
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: u64, shared: &Shared) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if number <= shared.silent.load(Ordering::SeqCst) {
            continue;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
    if number <= shared.silent.load(Ordering::SeqCst) {
        // Not even the end is told.
        std::future::pending::<()>().await;
    }
}
