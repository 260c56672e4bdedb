//! Load on a gateway from many connections.
//!
//! A closed loop, in which each connection sends as soon as it has its response, finds the throughput. Its latencies
//! flatter the server, because a stalled server receives fewer requests. So latencies come from an open loop, which
//! sends at a fixed rate and measures from the scheduled time of each request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::connection::{Connection, PreparedRequest};

/// The number of connections by default.
const CONNECTIONS: usize = 64;

/// A target and the requests to send.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    to: SocketAddr,
    /// Used in rotation; no connection sends the same request twice in a row if there are several.
    requests: Arc<[PreparedRequest]>,
    connections: usize,
    serials: Arc<AtomicU64>,
}

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct LoadResult {
    pub(crate) right: u64,
    /// Another status, a missing replay header, or a broken connection.
    pub(crate) wrong: u64,
    pub(crate) took: Duration,
    /// Latencies of the expected responses in microseconds, sorted.
    latencies: Vec<u32>,
}

impl LoadResult {
    #[expect(clippy::cast_precision_loss, reason = "a rate to be printed")]
    pub(crate) fn per_second(&self) -> f64 {
        self.right as f64 / self.took.as_secs_f64()
    }

    /// The given percentile of the latencies, in microseconds.
    pub(crate) fn percentile(&self, percent: usize) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or_default()
    }

    fn note(&mut self, outcome: &io::Result<bool>, since: Instant) {
        if matches!(outcome, Ok(true)) {
            self.right += 1;
            self.latencies.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX));
        } else {
            self.wrong += 1;
        }
    }

    fn add(&mut self, mut other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.latencies.append(&mut other.latencies);
    }
}

impl Load {
    pub(crate) fn new(to: SocketAddr, requests: Vec<PreparedRequest>) -> Self {
        Self { to, requests: requests.into(), connections: CONNECTIONS, serials: Arc::default() }
    }

    /// The same load with this many connections instead of 64.
    pub(crate) fn from(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    fn serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends each request once; returns whether all responses were as expected.
    pub(crate) async fn try_once(&self) -> bool {
        let mut connection = Connection::open(self.to).await.expect("the gateway takes connections");
        for request in &*self.requests {
            if !connection.send(request, self.serial()).await.is_ok_and(|right| right) {
                return false;
            }
        }
        true
    }

    /// Sends as much as the gateway accepts in `time`.
    pub(crate) async fn closed(&self, time: Duration) -> LoadResult {
        let start = Instant::now();
        let all = self.on_every_connection(|mut connection| async move {
            while start.elapsed() < time {
                connection.send_due_at(Instant::now()).await;
            }
            connection.result
        });
        all.await.taking(start.elapsed())
    }

    /// Sends `per_second` requests for `time`, each by the first connection that is free from its scheduled time on.
    pub(crate) async fn open(&self, per_second: f64, time: Duration) -> LoadResult {
        let (trigger, moments) = mpsc::unbounded_channel();
        let moments = Arc::new(Mutex::new(moments));
        let start = Instant::now();
        // In its own thread: the runtime's timers have millisecond resolution.
        let metronome = thread::spawn(move || {
            for n in 0_u32.. {
                let due = Duration::from_secs_f64(f64::from(n) / per_second);
                if due >= time {
                    break;
                }
                let due = start + due;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let _ = trigger.send(due);
            }
        });
        let all = self.on_every_connection(|mut connection| {
            let moments = moments.clone();
            async move {
                loop {
                    let due = moments.lock().await.recv().await;
                    let Some(due) = due else { return connection.result };
                    connection.send_due_at(due).await;
                }
            }
        });
        let all = all.await.taking(start.elapsed());
        metronome.join().expect("the metronome ends");
        all
    }

    async fn on_every_connection<F>(&self, mut run: impl FnMut(LoadConnection) -> F) -> LoadResult
    where
        F: Future<Output = LoadResult> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for n in 0..self.connections {
            tasks.spawn(run(LoadConnection {
                load: self.clone(),
                connection: None,
                next: n,
                result: LoadResult::default(),
            }));
        }
        let mut all = LoadResult::default();
        while let Some(one) = tasks.join_next().await {
            all.add(one.expect("a connection's task ends"));
        }
        all.latencies.sort_unstable();
        all
    }
}

impl LoadResult {
    fn taking(self, took: Duration) -> Self {
        Self { took, ..self }
    }
}

/// A connection, reopened after it breaks, and its results.
struct LoadConnection {
    load: Load,
    connection: Option<Connection>,
    next: usize,
    result: LoadResult,
}

impl LoadConnection {
    async fn send_due_at(&mut self, since: Instant) {
        let outcome = self.send().await;
        if outcome.is_err() {
            self.connection = None;
        }
        self.result.note(&outcome, since);
    }

    async fn send(&mut self) -> io::Result<bool> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(self.load.to).await?),
        };
        let request = &self.load.requests[self.next % self.load.requests.len()];
        self.next += 1;
        connection.send(request, self.load.serial()).await
    }
}
