//! The slots for connections. When they run out, connections without requests give theirs up to new ones: otherwise
//! anyone who reaches the port could close it to everyone else by opening connections and answering their pings.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::LINGER;

/// Concurrent connections: four Envoys with as many as each may open (256, see `envoy/bootstrap.yaml`). Further ones
/// wait in the kernel's queue until one ends.
pub const CONNECTIONS_MAX: usize = 1_024;

/// Slots that connections without requests may not fill. Those that give up their slot keep it until they have
/// ended, a second later if they do not react, so this is also how many new connections a second a hostile crowd
/// cannot prevent.
const SPARE: usize = 64;

/// How long a connection may exist without a request. Envoy opens connections for requests that wait for them; so do
/// probes and scrapers.
const UNUSED_MAX: Duration = Duration::from_secs(10);

/// How long a connection must have had no request before it may lose its slot: for the first one, or for the bytes of
/// the last answer, to arrive.
const IDLE_LEAST: Duration = LINGER;

/// How often connections that may lose their slot are looked for while all slots are taken.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The pause between two lines in the log.
const WARN_EVERY: Duration = Duration::from_secs(60);

pub(super) struct ConnectionSlots {
    free: Arc<Semaphore>,
    taken: Mutex<Taken>,
    closing: CancellationToken,
}

#[derive(Default)]
struct Taken {
    next: u64,
    /// Those that were not asked to end.
    connections: HashMap<u64, Arc<Usage>>,
    warned: Option<Instant>,
}

impl ConnectionSlots {
    /// `closing` asks all connections to end.
    pub(super) fn new(closing: CancellationToken) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Arc::new(Self { free, taken: Mutex::default(), closing })
    }

    /// Waits until there is a slot for one more connection.
    pub(super) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            let free = self.free.clone().acquire_owned();
            if let Ok(permit) = tokio::time::timeout(LOOK_EVERY, free).await {
                // The semaphore is never closed.
                return permit.ok();
            }
            self.close_idle_connections();
        }
    }

    /// Gives a new connection its slot.
    pub(super) fn take(self: &Arc<Self>, permit: Option<OwnedSemaphorePermit>) -> ConnectionSlot {
        let usage = Arc::new(Usage::new(self.closing.child_token()));
        let id = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let id = taken.next;
            taken.next += 1;
            taken.connections.insert(id, usage.clone());
            id
        };
        self.close_idle_connections();
        ConnectionSlot { slots: self.clone(), id, usage, _permit: permit }
    }

    /// Asks connections without requests to end, for as many as fill slots that are to be spare: first those that
    /// never had a request, then those whose last one is longest ago.
    fn close_idle_connections(&self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let excess = taken.connections.len().saturating_sub(CONNECTIONS_MAX - SPARE);
        if excess == 0 {
            return;
        }
        let idle = taken.connections.iter().filter_map(|(id, usage)| Some((usage.idle()?, *id)));
        let mut idle: Vec<_> = idle.filter(|((_, time), _)| *time >= IDLE_LEAST).collect();
        idle.sort_unstable_by_key(|entry| Reverse(*entry));
        for (_, id) in idle.iter().take(excess) {
            if let Some(usage) = taken.connections.remove(id) {
                usage.closing.cancel();
            }
        }
        if !idle.is_empty() && taken.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            taken.warned = Some(Instant::now());
            tracing::warn!(
                most = CONNECTIONS_MAX,
                "nearly all connection slots are taken: connections without requests are closed for new ones"
            );
        }
    }
}

/// A connection's slot.
pub(super) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    id: u64,
    pub(super) usage: Arc<Usage>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl ConnectionSlot {
    /// Returns when the connection must end, having been asked to.
    pub(super) async fn lost(&self) {
        if tokio::time::timeout(UNUSED_MAX, self.usage.closing.cancelled()).await.is_err() {
            if self.usage.used.load(Relaxed) {
                self.usage.closing.cancelled().await;
            }
            self.usage.closing.cancel();
        }
        // A request that was under way to it is answered.
        loop {
            tokio::time::sleep(LINGER).await;
            if self.usage.idle().is_some_and(|(_, time)| time >= IDLE_LEAST) {
                return;
            }
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner).connections.remove(&self.id);
    }
}

/// What a connection is used for.
pub(super) struct Usage {
    opened: Instant,
    used: AtomicBool,
    in_flight: AtomicUsize,
    /// When the last request ended, since `opened`.
    idle_since_ms: AtomicU64,
    /// The connection is asked to end.
    pub(super) closing: CancellationToken,
}

impl Usage {
    fn new(closing: CancellationToken) -> Self {
        Self {
            opened: Instant::now(),
            used: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            idle_since_ms: AtomicU64::new(0),
            closing,
        }
    }

    /// Whether it never had a request, and for how long it has had none. `None` if it has one.
    fn idle(&self) -> Option<(bool, Duration)> {
        let since = Duration::from_millis(self.idle_since_ms.load(Relaxed));
        let idle = self.in_flight.load(Relaxed) == 0;
        idle.then(|| (!self.used.load(Relaxed), self.opened.elapsed().saturating_sub(since)))
    }

    /// A request, in flight until what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        self.used.store(true, Relaxed);
        InFlight(self.clone())
    }
}

pub(super) struct InFlight(Arc<Usage>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since_ms.store(now, Relaxed);
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
