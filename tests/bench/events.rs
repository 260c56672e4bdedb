//! What watchers of events cost those who charge, how soon they know, and the memory of an idle one.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_services::PostgresServer;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::bench_stack::BenchStack;
use crate::connection::{PreparedRequest, SERIAL};
use crate::load::{Load, LoadResult};
use crate::{screen, table};

const IDLE: usize = 2_000;
/// The number that one client may have.
const PER_CLIENT: usize = 500;
const BUSY: usize = 200;
/// Charges per second in all, and those of the client whom the busy sockets watch.
const RATE: f64 = 500.0;
const WATCHED_RATE: f64 = 10.0;
const SECONDS: u64 = 20;
/// Sockets that are opened at the same time.
const OPENING: usize = 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn run() {
    let Some(postgres) = PostgresServer::own().await else {
        screen::line("without a PostgreSQL there is nothing to say of events");
        return;
    };
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .expect("files may be opened");
    let database = postgres.database().await;
    let idle_clients: Vec<_> =
        (0..IDLE.div_ceil(PER_CLIENT)).map(|n| format!("idle-{n}:idle-key-{n}")).collect();
    let clients = format!("demo:demo-key,watched:watched-key,{}", idle_clients.join(","));
    let encryption_keys = format!("k1:{}", hex::encode(Sha256::digest("both gateways read one database")));
    let settings = [
        ("DB_URI", database.uri()),
        ("ENCRYPTION_KEYS", &encryption_keys),
        ("GATEWAY_CLIENTS", &clients),
        ("SANDBOX_STRIPE_WEBHOOK_URL", ""),
        ("SANDBOX_PAYPAL_WEBHOOK_URL", ""),
    ];
    let bench_stack = BenchStack::set(&settings, None).await.on(&postgres);
    let (all, watched) = (charges(&bench_stack, "demo-key"), charges(&bench_stack, "watched-key"));
    screen::progress("events: warming up");
    all.open(RATE, Duration::from_secs(3)).await;

    let mut rows = Vec::new();
    let alone = charged(&all, &watched).await;
    rows.push(row("nobody watches", &alone, &[]));
    let before = memory(&bench_stack, "control-plane");
    screen::progress("events: opening idle sockets");
    let idle = open(bench_stack.address(), IDLE, |n| format!("idle-key-{}", n / PER_CLIENT)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = memory(&bench_stack, "control-plane").saturating_sub(before) / IDLE as u64;
    rows.push(row(&format!("{IDLE} idle sockets"), &charged(&all, &watched).await, &[]));
    let (beside, delays) = watched_by(&bench_stack, &all, &watched).await;
    rows.push(row(&format!("and {BUSY} busy ones"), &beside, &delays));
    drop(idle);
    // Without Redis, the commits of one control plane do not wake the other.
    let other = BenchStack::set(&settings, None).await;
    let (elsewhere, delays) = watched_by(&other, &all, &watched).await;
    rows.push(row(
        &format!("{BUSY} busy ones at another control plane, without wake-ups"),
        &elsewhere,
        &delays,
    ));
    other.stack.stop().await;
    screen::progress("");

    let head = [
        "charges while events are watched",
        "a second",
        "p50 ms",
        "p99 ms",
        "errors",
        "event p50 ms",
        "event p99 ms",
    ];
    for line in table::lines(&head, &rows) {
        screen::line(&line);
    }
    screen::line("an event's time counts from before its commit until it is read");
    screen::line(&format!(
        "memory of the control plane for one idle socket: {:.1} KiB",
        each as f64 / 1_024.0
    ));
    let ratio = f64::from(beside.percentile(99)) / f64::from(alone.percentile(99).max(1));
    screen::line(&format!("p99 of charges beside all sockets, of that without: {ratio:.2}"));
    bench_stack.stack.stop().await;
}

fn charges(bench_stack: &BenchStack, key: &str) -> Load {
    let body = json!({
        "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
    });
    let authorization = format!("Bearer {key}");
    let name = format!("bench-events-{SERIAL}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", &name),
    ];
    let charge =
        PreparedRequest::new("POST", "/payments/charge", &headers, body.to_string().as_bytes(), (200, false));
    Load::new(bench_stack.address(), vec![charge])
}

/// The latencies of the unwatched client's charges.
async fn charged(all: &Load, watched: &Load) -> LoadResult {
    screen::progress(&format!("events: {RATE:.0} charges a second for {SECONDS} s"));
    let time = Duration::from_secs(SECONDS);
    let (all, _) = tokio::join!(all.open(RATE - WATCHED_RATE, time), watched.open(WATCHED_RATE, time));
    all
}

/// The same, and how soon busy sockets of a gateway have the watched client's events, in sorted microseconds.
async fn watched_by(bench_stack: &BenchStack, all: &Load, watched: &Load) -> (LoadResult, Vec<u32>) {
    screen::progress("events: opening busy sockets");
    let (opened, is_open) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let address = bench_stack.address();
    // In a thread of their own: otherwise an event that 200 sockets read at once would delay the clock of the charges.
    let watchers = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(watch_all(address, opened, stopped))
    });
    is_open.await.expect("the sockets are open");
    let beside = charged(all, watched).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.send(()).expect("the watchers live");
    let mut delays = watchers.join().expect("the watchers have watched");
    delays.sort_unstable();
    (beside, delays)
}

/// Watches until it is told to stop. In microseconds, how soon each event was there.
async fn watch_all(to: SocketAddr, opened: oneshot::Sender<()>, stop: oneshot::Receiver<()>) -> Vec<u32> {
    let delays = Arc::new(Mutex::new(Vec::new()));
    let mut readers = JoinSet::new();
    for socket in open(to, BUSY, |_| "watched-key".to_owned()).await {
        readers.spawn(watch(socket, delays.clone()));
    }
    let _ = opened.send(());
    let _ = stop.await;
    readers.shutdown().await;
    std::mem::take(&mut *delays.lock().await)
}

async fn open(to: SocketAddr, number: usize, key: impl Fn(usize) -> String) -> Vec<Socket> {
    let mut sockets = Vec::with_capacity(number);
    while sockets.len() < number {
        let some = (sockets.len()..number.min(sockets.len() + OPENING)).map(|n| connect(to, key(n)));
        sockets.extend(futures_util::future::join_all(some).await);
    }
    sockets
}

async fn connect(to: SocketAddr, key: String) -> Socket {
    let url = format!("ws://{to}/events/socket");
    let mut request = url.into_client_request().expect("a request");
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "gateway.events.v1".parse().expect("a header"));
    headers.insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    let (mut socket, _) = connect_async(request).await.expect("the gateway opens a socket");
    let subscribe = Message::text(json!({ "type": "subscribe" }).to_string());
    socket.send(subscribe).await.expect("the socket is open");
    // `hello` and `subscribed`.
    for _ in 0..2 {
        socket.next().await.expect("the socket is open").expect("a message");
    }
    socket
}

async fn watch(mut socket: Socket, delays: Arc<Mutex<Vec<u32>>>) {
    while let Some(Ok(message)) = socket.next().await {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text).expect("a message is JSON");
        let Some(at) = message["event"]["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok()) else {
            continue;
        };
        let at = u64::try_from(at.as_microsecond()).unwrap_or_default();
        let delay = now.saturating_sub(Duration::from_micros(at)).as_micros();
        delays.lock().await.push(u32::try_from(delay).unwrap_or(u32::MAX));
    }
}

fn row(name: &str, charges: &LoadResult, delays: &[u32]) -> Vec<String> {
    let ms = |us: u32| format!("{:.1}", f64::from(us) / 1_000.0);
    let last = delays.len().saturating_sub(1);
    let delay =
        |percent: usize| delays.get(last * percent / 100).map_or_else(|| "-".to_owned(), |us| ms(*us));
    vec![
        name.to_owned(),
        format!("{:.0}", charges.per_second()),
        ms(charges.percentile(50)),
        ms(charges.percentile(99)),
        charges.wrong.to_string(),
        delay(50),
        delay(99),
    ]
}

/// Resident bytes of a part.
fn memory(bench_stack: &BenchStack, part: &str) -> u64 {
    let pid =
        fs::read_to_string(bench_stack.stack.run_dir().path().join(format!("{part}.pid"))).expect("it runs");
    let status = fs::read_to_string(format!("/proc/{}/status", pid.trim())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
}
