//! A proxy between two parts that can cut, slow down, garble and redirect connections.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What happens to the bytes. Byte counts are per connection, from the moment the mode is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Resets every connection, including open ones.
    Refuse,
    /// Connections stay open, and nothing passes.
    BlackHole,
    /// Acknowledges and drops everything on the currently open connections, permanently. New ones pass.
    Silence,
    /// Resets after this many bytes of requests.
    CutRequest(usize),
    /// Resets after this many bytes of responses.
    CutAnswer(usize),
    /// One byte at a time.
    Slice,
    /// Every piece is delayed.
    Latency(Duration),
}

/// Forwards connections from its own port, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// The target port of new connections.
    target: Mutex<SocketAddr>,
    opened: AtomicU64,
    /// Connections with a number up to this one are silenced.
    silent: AtomicU64,
}

impl Proxy {
    /// # Panics
    /// If there is no free port.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, seen) = watch::channel(Mode::Pass);
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            opened: AtomicU64::new(0),
            silent: AtomicU64::new(0),
        });
        let of_connections = shared.clone();
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, of_connections.clone(), seen.clone()));
            }
        });
        Self { address, mode, shared, acceptor }
    }

    /// To a port of this machine.
    ///
    /// # Panics
    /// As [`Self::to`].
    pub async fn to_port(port: u16) -> Self {
        Self::to(SocketAddr::from(([127, 0, 0, 1], port))).await
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, mode: Mode) {
        if mode == Mode::Silence {
            self.shared.silent.store(self.opened(), Ordering::SeqCst);
        }
        self.mode.send_replace(mode);
    }

    /// Redirects new connections to this port of this machine; open ones stay.
    pub fn lead_to_port(&self, port: u16) {
        *self.shared.target.lock().unwrap() = SocketAddr::from(([127, 0, 0, 1], port));
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Ends with a reset, unless both sides closed cleanly.
async fn connection(mut client: TcpStream, shared: Arc<Shared>, mut mode: watch::Receiver<Mode>) {
    let number = shared.opened.fetch_add(1, Ordering::SeqCst) + 1;
    let target = *shared.target.lock().unwrap();
    let _ = client.set_nodelay(true);
    if *mode.borrow() == Mode::Refuse {
        return reset(&client);
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return reset(&client) };
    let _ = server.set_nodelay(true);
    let pipe = |direction| Pipe { direction, mode: mode.clone(), passed: 0, number, shared: shared.clone() };
    let (mut up, mut down) = (pipe(Direction::Request), pipe(Direction::Answer));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let carried =
        async { tokio::try_join!(up.carry(from_client, to_server), down.carry(from_server, to_client)) };
    let ended = tokio::select! {
        ended = carried => ended.is_ok(),
        // The proxy was dropped, or refuses everything.
        _ = mode.wait_for(|mode| *mode == Mode::Refuse) => false,
    };
    if !ended {
        reset(&client);
        reset(&server);
    }
}

/// Resets when it is dropped.
fn reset(connection: &TcpStream) {
    let _ = connection.set_zero_linger();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

struct Pipe {
    direction: Direction,
    mode: watch::Receiver<Mode>,
    /// Bytes since the mode was set.
    passed: usize,
    number: u64,
    shared: Arc<Shared>,
}

impl Pipe {
    fn is_silent(&self) -> bool {
        self.number <= self.shared.silent.load(Ordering::SeqCst)
    }

    async fn carry(&mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<()> {
        let mut piece = vec![0; 16 * 1024];
        loop {
            let length = from.read(&mut piece).await?;
            if self.is_silent() {
                if length == 0 {
                    // Even the end is not forwarded, until everything is refused.
                    return std::future::pending().await;
                }
                continue;
            }
            if length == 0 {
                return to.shutdown().await;
            }
            self.pass(&piece[..length], &mut to).await?;
        }
    }

    async fn pass(&mut self, piece: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        if self.mode.has_changed().unwrap_or(false) {
            self.passed = 0;
        }
        let mut mode = *self.mode.borrow_and_update();
        if mode == Mode::BlackHole {
            let changed = self.mode.wait_for(|mode| *mode != Mode::BlackHole).await;
            mode = *changed.map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.passed = 0;
            if self.is_silent() {
                // What vanished in the hole does not come out of it.
                return Ok(());
            }
        }
        match (mode, self.direction) {
            (Mode::CutRequest(limit), Direction::Request) | (Mode::CutAnswer(limit), Direction::Answer) => {
                let left = limit.saturating_sub(self.passed).min(piece.len());
                to.write_all(&piece[..left]).await?;
                if left < piece.len() {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
            }
            (Mode::Slice, _) => {
                for byte in piece {
                    to.write_all(&[*byte]).await?;
                    tokio::task::yield_now().await;
                }
            }
            (Mode::Latency(time), _) => {
                sleep(time).await;
                to.write_all(piece).await?;
            }
            _ => to.write_all(piece).await?,
        }
        self.passed += piece.len();
        Ok(())
    }
}
