//! Delivers the event log to those who watch it: one reader of the log for each process, and a queue for each watcher.
//!
//! The log is the truth, so a watcher that continues behind an event reads the log first and the queue then. Nothing is
//! lost if a queue, a process or the connection is: the watcher continues behind its last event.

mod queue;
mod reader;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use edge_core::client::ClientId;
use payments::model::event::Event;
use payments::model::id::PaymentId;
use payments::model::log::Position;
use payments::ports::store::{LoggedEvent, Store};
use tokio::sync::{Notify, watch as channel};
use tokio_util::sync::CancellationToken;

use self::queue::Queue;
pub(crate) use self::watch::{Ended, Watch};

/// Watchers of one client in one process. A shop's server needs one; its pages have one each.
const WATCHERS_PER_CLIENT: usize = 500;
/// Watchers in one process. Each costs some kilobytes and, if it reads slowly, up to 256 references to events.
const WATCHERS_MAX: usize = 2_000;

/// The gauge of watchers.
pub(crate) const WATCHERS_GAUGE: &str = "event_watchers";
/// The counter of watchers that were refused or cut off, by reason.
pub(crate) const ENDED_COUNTER: &str = "event_watchers_ended_total";

/// Which events a watcher receives.
#[derive(Clone, Debug)]
pub(crate) struct Interest {
    pub(crate) client: ClientId,
    /// All payments of the client if empty.
    pub(crate) payments: Vec<PaymentId>,
    /// Event types; all if empty.
    pub(crate) types: Vec<String>,
}

impl Interest {
    /// The only payment that is watched, if it is one: its events are found without reading others.
    pub(crate) fn only_payment(&self) -> Option<PaymentId> {
        match self.payments[..] {
            [payment] => Some(payment),
            _ => None,
        }
    }

    pub(crate) fn includes(&self, event: &Event) -> bool {
        event.cause.client == self.client
            && (self.payments.is_empty() || self.payments.contains(&event.payment))
            && (self.types.is_empty() || self.types.contains(&event.kind()))
    }
}

/// Why nobody may watch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("this client watches events with as many connections as it may; close some")]
    Client,
    #[error("as many connections watch events as this process serves; try again later")]
    Process,
}

/// The watchers of this process.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    watchers: Mutex<Watchers>,
    /// Wakes the reader when there is a first watcher.
    joined: Notify,
    /// How far the reader has read; `None` until it has begun.
    read: channel::Sender<Option<Position>>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Watchers {
    by_client: HashMap<ClientId, Vec<Weak<Queue>>>,
    count: usize,
}

impl Live {
    /// Starts the reader, which ends with `stop`, as do all watchers.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, stop: CancellationToken) -> Self {
        let shared = Arc::new(Shared {
            store,
            watchers: Mutex::default(),
            joined: Notify::new(),
            read: channel::Sender::new(None),
            stop,
        });
        metrics::gauge!(WATCHERS_GAUGE).set(0.0);
        for reason in ["client_full", "process_full", "too_slow"] {
            metrics::counter!(ENDED_COUNTER, "reason" => reason).increment(0);
        }
        tokio::spawn(reader::run(shared.clone()));
        Self(shared)
    }

    /// Begins to watch: behind `after`, or behind the newest event.
    pub(crate) async fn watch(&self, interest: Interest, after: Option<Position>) -> Result<Watch, Refused> {
        let queue = self.0.join(&interest)?;
        self.0.joined.notify_one();
        // Whatever is committed from here on is in the queue or behind `read`.
        let mut read = self.0.read.subscribe();
        let read = read.wait_for(Option::is_some).await.ok().and_then(|read| *read);
        Ok(Watch::new(self.0.clone(), interest, queue, after, read.unwrap_or(Position::START)))
    }
}

impl Shared {
    fn join(&self, interest: &Interest) -> Result<Arc<Queue>, Refused> {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = |refused, reason: &'static str| {
            metrics::counter!(ENDED_COUNTER, "reason" => reason).increment(1);
            Err(refused)
        };
        if watchers.count >= WATCHERS_MAX {
            return refused(Refused::Process, "process_full");
        }
        let own = watchers.by_client.entry(interest.client.clone()).or_default();
        if own.len() >= WATCHERS_PER_CLIENT {
            return refused(Refused::Client, "client_full");
        }
        let queue = Arc::new(Queue::new(interest.clone()));
        own.push(Arc::downgrade(&queue));
        watchers.count += 1;
        metrics::gauge!(WATCHERS_GAUGE).increment(1.0);
        Ok(queue)
    }

    fn leave(&self, client: &ClientId, queue: &Arc<Queue>) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = watchers.by_client.get_mut(client) {
            own.retain(|one| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(queue)));
            if own.is_empty() {
                watchers.by_client.remove(client);
            }
        }
        watchers.count -= 1;
        if watchers.count == 0 {
            // The next watcher begins at the end of the log as it is then.
            self.read.send_replace(None);
        }
        metrics::gauge!(WATCHERS_GAUGE).decrement(1.0);
    }

    fn is_watched(&self) -> bool {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).count > 0
    }

    /// Gives an event to the queues of all who watch it.
    fn deliver(&self, event: LoggedEvent) {
        let queues: Vec<_> = {
            let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
            let own = watchers.by_client.get(&event.event.cause.client);
            own.into_iter().flatten().filter_map(Weak::upgrade).collect()
        };
        let event = Arc::new(event);
        for queue in queues {
            queue.push(&event);
        }
    }
}
