//! The server of every listener, against peers that are impolite.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use control_plane::server::{CONNECTIONS_MAX, serve};
use test_services::http2::{cancel, get as http2_get, hello};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// `/held` is answered when the test says so.
struct Served {
    address: SocketAddr,
    release: Arc<Semaphore>,
    asked: Arc<Notify>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        let (release, asked) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
        let (held, asking) = (release.clone(), asked.clone());
        let router = Router::new()
            .route("/", get(|| async { "ok" }))
            .route("/body", post(|body: String| async move { body }))
            .route(
                "/held",
                get(move || async move {
                    asking.notify_one();
                    held.acquire().await.unwrap().forget();
                    "held"
                }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, None, router, stop.clone()));
        Self { address, release, asked, stop, server }
    }

    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(bytes).await.unwrap();
        connection
    }

    /// How long the end takes.
    async fn end(self) -> Duration {
        let begun = Instant::now();
        self.stop.cancel();
        timeout(PATIENCE, self.server).await.unwrap().unwrap();
        begun.elapsed()
    }
}

/// All that comes until the peer closes.
async fn rest(connection: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, connection.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn the_end_does_not_wait_for_clients_that_send_half_of_something() {
    let served = Served::start().await;
    let mut open = Vec::new();
    for half in [
        &b""[..],
        b"GE",
        b"GET / HTTP/1.1\r\nhost: a\r\n",
        b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n",
        b"PRI * HTT",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[hello(), http2_get(1, "a", "/", &[])[..12].to_vec()].concat(),
    ] {
        open.push(served.send(half).await);
    }
    // An idle connection that was answered once.
    let mut idle = served.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let took = served.end().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    let served = Served::start().await;
    let mut first = served.send(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n").await;
    served.asked.notified().await;
    let mut second = served.send(&[hello(), http2_get(1, "a", "/held", &[])].concat()).await;
    served.asked.notified().await;
    served.stop.cancel();
    sleep(Duration::from_millis(1_500)).await;
    served.release.add_permits(2);
    assert!(rest(&mut first).await.ends_with("held"));
    assert_eq!(http2::status(&mut second, 1).await, Ok(http2::OK));
    served.end().await;
}

#[tokio::test]
async fn a_burst_of_cancelled_requests_costs_the_others_on_the_connection_nothing() {
    let served = Served::start().await;
    let mut connection = served.send(&[hello(), http2_get(1, "a", "/held", &[])].concat()).await;
    served.asked.notified().await;
    for burst in 0..20 {
        let streams = (0..200).map(|n| 3 + 2 * (burst * 200 + n));
        let frames: Vec<u8> =
            streams.flat_map(|id| [http2_get(id, "a", "/", &[]), cancel(id)].concat()).collect();
        connection.write_all(&frames).await.unwrap();
    }
    served.release.add_permits(2);
    assert_eq!(http2::status(&mut connection, 1).await, Ok(http2::OK));
}

#[tokio::test]
async fn requests_that_are_not_http_cost_the_others_on_the_connection_nothing() {
    let served = Served::start().await;
    let mut connection = served.send(&[hello(), http2_get(1, "a", "/held", &[])].concat()).await;
    served.asked.notified().await;
    // More than hyper takes from one connection in its life.
    for id in 0..1_100 {
        connection.write_all(&http2_get(3 + 2 * id, "[", "/", &[])).await.unwrap();
    }
    served.release.add_permits(2);
    assert_eq!(http2::status(&mut connection, 1).await, Ok(http2::OK));
}

/// Envoy takes 16 KiB and 100 lines; in HTTP/2 each line counts 32 bytes more.
#[tokio::test]
async fn the_largest_head_that_envoy_lets_through_is_taken() {
    let served = Served::start().await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let mut request = client.get(format!("http://{}/", served.address));
    for line in 0..98 {
        request = request.header(format!("x-line-{line}"), "v".repeat(160));
    }
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up() {
    let served = Served::start().await;
    let mut halves = Vec::new();
    for half in [&b"GET / HTTP/1.1\r\nhost: a\r\n"[..], b"PRI * HTT", b""] {
        halves.push(served.send(half).await);
    }
    for mut half in halves {
        rest(&mut half).await;
    }
}

/// As a pool of Envoy does, one connection had requests and stays.
#[tokio::test]
async fn a_connection_that_never_had_a_request_ends_soon_and_one_that_had_stays() {
    let served = Served::start().await;
    let mut pooled = served.send(&[hello(), http2_get(1, "a", "/", &[])].concat()).await;
    assert_eq!(http2::status(&mut pooled, 1).await, Ok(http2::OK));
    let unfinished = [hello(), http2_get(1, "a", "/", &[])[..12].to_vec()].concat();
    // At the same time: after 30 seconds, a connection whose pings are not answered ends, too.
    let mut silent = Vec::new();
    for sent in [hello(), unfinished, vec![]] {
        silent.push(served.send(&sent).await);
    }
    for connection in &mut silent {
        rest(connection).await;
    }
    pooled.write_all(&http2_get(3, "a", "/", &[])).await.unwrap();
    assert_eq!(http2::status(&mut pooled, 3).await, Ok(http2::OK));
}

/// Half of them never ask, the others ask once and stay.
#[tokio::test]
async fn a_crowd_of_idle_connections_keeps_nobody_from_being_served() {
    let served = Served::start().await;
    let mut busy = served.send(&[hello(), http2_get(1, "a", "/held", &[])].concat()).await;
    served.asked.notified().await;
    let mut crowd = Vec::new();
    for n in 0..CONNECTIONS_MAX + 100 {
        let asked = if n % 2 == 0 { vec![] } else { http2_get(1, "a", "/", &[]) };
        crowd.push(served.send(&[hello(), asked].concat()).await);
    }
    for _ in 0..100 {
        let mut late = served.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let answer = timeout(Duration::from_secs(10), rest(&mut late)).await.expect("it is served soon");
        assert!(answer.ends_with("ok"));
    }
    served.release.add_permits(1);
    assert_eq!(http2::status(&mut busy, 1).await, Ok(http2::OK), "a request is never cut off");
}

#[tokio::test]
async fn more_connections_than_there_are_places_for_wait_for_one() {
    let served = Served::start().await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        open.push(served.send(&[hello(), http2_get(1, "a", "/held", &[])].concat()).await);
    }
    let mut late = served.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let mut first = [0];
    assert!(timeout(Duration::from_millis(300), late.peek(&mut first)).await.is_err(), "it has a place");
    drop(open.pop());
    assert!(rest(&mut late).await.ends_with("ok"));
}

/// What comes back on a connection of HTTP/2.
mod http2 {
    use super::*;

    /// The first byte of an answer's header block when it is 200: static entry 8 (RFC 7541, appendix A).
    pub(super) const OK: u8 = 0x88;
    const RST_STREAM: u8 = 3;
    const GOAWAY: u8 = 7;

    /// How the answer on this stream begins, or why there is none.
    pub(super) async fn status(connection: &mut TcpStream, stream: u32) -> Result<u8, String> {
        timeout(PATIENCE, async {
            loop {
                let mut head = [0; 9];
                connection
                    .read_exact(&mut head)
                    .await
                    .map_err(|error| format!("the connection ends: {error}"))?;
                let [a, b, c, kind, _, id @ ..] = head;
                let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
                connection.read_exact(&mut payload).await.map_err(|error| error.to_string())?;
                match (kind, u32::from_be_bytes(id)) {
                    (1, id) if id == stream => return Ok(payload[0]),
                    (RST_STREAM, id) if id == stream => return Err(format!("reset: {payload:?}")),
                    (GOAWAY, _) if payload[4..8] != [0, 0, 0, 0] => {
                        return Err(format!(
                            "the server gives up: {}",
                            String::from_utf8_lossy(&payload[8..])
                        ));
                    }
                    _ => {}
                }
            }
        })
        .await
        .map_err(|_| "no answer in time".to_owned())?
    }
}
