//! Delivers the event log to those who watch it: one reader of the log for each process, and a queue for each watcher.
//!
//! The log is the truth, so a watcher that continues after an event reads the log first and the queue then. Nothing is
//! lost if a queue, a process or the connection is: the watcher continues after its last event.

mod queue;
mod reader;
mod resume_point;
mod wakeups;
mod watch;
mod watchers;
mod word;

use std::sync::{Arc, Mutex, PoisonError};

use edge_core::client::ClientId;
use payments::model::event::Event;
use payments::model::id::PaymentId;
use payments::model::log::Position;
use payments::ports::store::{LoggedEvent, Store};
use tokio::sync::{Notify, watch as channel};
use tokio_util::sync::CancellationToken;

use self::queue::Queue;
pub(crate) use self::resume_point::ResumePoint;
pub(crate) use self::wakeups::WAKEUPS_COUNTER;
use self::wakeups::Wakeups;
pub(crate) use self::watch::{Ended, Watch};
pub(crate) use self::watchers::Refused;
use self::watchers::{Watcher, Watchers};
use self::word::Announcer;
pub(crate) use self::word::SENT_COUNTER;
use crate::cache::{CacheError, RedisUri};
use crate::life::Life;

/// The gauge of watchers.
pub(crate) const WATCHERS_GAUGE: &str = "event_watchers";
/// The counter of watchers that were refused or cut off, by reason.
pub(crate) const ENDED_COUNTER: &str = "event_watchers_ended_total";

/// Why a socket is closed whose client reads nothing.
const STALLED: &str = "stalled";

/// Counts a socket that is closed because its client reads nothing.
pub(crate) fn count_stalled() {
    metrics::counter!(ENDED_COUNTER, "reason" => STALLED).increment(1);
}

/// Which events a watcher receives.
#[derive(Clone, Debug)]
pub(crate) struct Interest {
    pub(crate) client: ClientId,
    /// All payments of the client if empty.
    pub(crate) payments: Vec<PaymentId>,
    /// Event types; all if empty.
    pub(crate) types: Vec<String>,
    /// Whether the bearer of a ticket watches, who may know less than the client. Then there is exactly one payment.
    pub(crate) is_payers: bool,
}

impl Interest {
    /// Interest that matches no event: no event type is empty. The connection still counts against the limit.
    pub(crate) fn nothing(client: ClientId) -> Self {
        Self { client, payments: Vec::new(), types: vec![String::new()], is_payers: false }
    }

    /// The only payment that is watched, if it is one: its events are found without reading others.
    pub(crate) fn only_payment(&self) -> Option<PaymentId> {
        match self.payments[..] {
            [payment] => Some(payment),
            _ => None,
        }
    }

    pub(crate) fn includes(&self, event: &Event) -> bool {
        event.cause.client == self.client
            && (!self.is_payers || event.is_for_payer())
            && (self.payments.is_empty() || self.payments.contains(&event.payment))
            && (self.types.is_empty() || self.types.contains(&event.kind()))
    }
}

/// The watchers of this process.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    watchers: Mutex<Watchers>,
    /// Wakes the reader when there is a first watcher.
    joined: Notify,
    wakeups: Arc<Wakeups>,
    /// How far the reader has read; `None` until it has begun.
    read: channel::Sender<Option<Position>>,
    stop: CancellationToken,
}

impl Live {
    /// Starts the reader, which ends with the process, as do all watchers. Over `redis`, the readers of several
    /// processes wake each other.
    ///
    /// # Errors
    /// The Redis client cannot be set up.
    pub fn start(
        store: Arc<dyn Store>,
        redis: Option<RedisUri>,
        life: impl Into<Life>,
    ) -> Result<Self, CacheError> {
        let life = life.into();
        let wakeups = Arc::new(Wakeups::new());
        let announcer = match redis {
            Some(uri) => {
                let announcer = Announcer::start(&uri, &life).map_err(CacheError::unavailable)?;
                announcer.listen(uri, wakeups.clone(), &life);
                Some(announcer)
            }
            None => None,
        };
        let shared = Arc::new(Shared {
            store,
            watchers: Mutex::default(),
            joined: Notify::new(),
            wakeups,
            read: channel::Sender::new(None),
            stop: life.stop().clone(),
        });
        metrics::gauge!(WATCHERS_GAUGE).set(0.0);
        for reason in Refused::ALL.map(Refused::reason).into_iter().chain(["too_slow", STALLED]) {
            metrics::counter!(ENDED_COUNTER, "reason" => reason).increment(0);
        }
        let wakeups = Some(shared.wakeups.clone());
        life.spawn(RELAY, relay(shared.store.clone(), wakeups, announcer, shared.stop.clone()));
        life.spawn("event log reader", reader::run(shared.clone()));
        Ok(Self(shared))
    }

    /// Waits until the process stops, and all watchers with it.
    pub(crate) async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// How far the log is read: what is committed from here on comes after it. `None` while nobody watches.
    pub(crate) fn read_to(&self) -> Option<Position> {
        *self.0.read.borrow()
    }

    /// Begins to watch: after `after`, or after the newest event.
    pub(crate) async fn watch(&self, interest: Interest, after: Option<Position>) -> Result<Watch, Refused> {
        let queue = self.0.join(&interest)?;
        // Before anything is awaited: dropping it leaves the watchers, if the client goes away meanwhile.
        let mut watch = Watch::new(self.0.clone(), interest, queue, after);
        self.0.joined.notify_one();
        let mut read = self.0.read.subscribe();
        if let Some(end) = read.wait_for(Option::is_some).await.ok().and_then(|read| *read) {
            watch.begin(end);
        }
        Ok(watch)
    }
}

/// The task that tells of commits.
const RELAY: &str = "relay of commits";

/// Tells other processes of the commits of one that has no watchers itself, until it ends.
///
/// # Errors
/// The Redis client cannot be set up.
pub(crate) fn announce(store: Arc<dyn Store>, redis: &RedisUri, life: &Life) -> Result<(), CacheError> {
    let announcer = Announcer::start(redis, life).map_err(CacheError::unavailable)?;
    life.spawn(RELAY, relay(store, None, Some(announcer), life.stop().clone()));
    Ok(())
}

/// Tells the reader, and other processes, of this one's commits.
async fn relay(
    store: Arc<dyn Store>,
    wakeups: Option<Arc<Wakeups>>,
    announcer: Option<Announcer>,
    stop: CancellationToken,
) {
    stop.run_until_cancelled(async {
        loop {
            store.committed().await;
            if let Some(wakeups) = &wakeups {
                wakeups.on_own_commit();
            }
            if let Some(announcer) = &announcer {
                announcer.on_commit();
            }
        }
    })
    .await;
}

impl Shared {
    fn join(&self, interest: &Interest) -> Result<Arc<Queue>, Refused> {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(refused) = watchers.room_for(interest) {
            metrics::counter!(ENDED_COUNTER, "reason" => refused.reason()).increment(1);
            return Err(refused);
        }
        let queue = Arc::new(Queue::new(interest.clone()));
        let ticket_for = interest.only_payment().filter(|_| interest.is_payers);
        let watcher = Watcher { queue: Arc::downgrade(&queue), ticket_for };
        watchers.by_client.entry(interest.client.clone()).or_default().push(watcher);
        watchers.count += 1;
        watchers.payers += usize::from(interest.is_payers);
        metrics::gauge!(WATCHERS_GAUGE).increment(1.0);
        Ok(queue)
    }

    fn leave(&self, interest: &Interest, queue: &Arc<Queue>) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = watchers.by_client.get_mut(&interest.client) {
            own.retain(|one| !std::ptr::eq(one.queue.as_ptr(), Arc::as_ptr(queue)));
            if own.is_empty() {
                watchers.by_client.remove(&interest.client);
            }
        }
        watchers.count -= 1;
        watchers.payers -= usize::from(interest.is_payers);
        if watchers.count == 0 {
            // The next watcher begins at the end of the log as it is then.
            self.read.send_replace(None);
        }
        metrics::gauge!(WATCHERS_GAUGE).decrement(1.0);
    }

    fn is_watched(&self) -> bool {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).count > 0
    }

    /// Gives the events of a part of the log, which goes to `end`, to the queues of all who watch them. Nobody joins or
    /// changes what it watches in the middle of it: of such a part, a watcher has all in its queue or nothing.
    fn deliver(&self, part: Vec<LoggedEvent>, end: Position) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        for event in part.into_iter().map(Arc::new) {
            let own = watchers.by_client.get(&event.event.cause.client);
            let may_want =
                |one: &&Watcher| one.ticket_for.is_none_or(|payment| payment == event.event.payment);
            let queues = own.into_iter().flatten().filter(may_want);
            for queue in queues.filter_map(|one| one.queue.upgrade()) {
                queue.push(&event);
            }
        }
        self.read.send_replace(Some(end));
    }

    /// Lets `queue` receive what `interest` includes, from the position that is returned on; `None` if the reader has
    /// not begun.
    fn change(&self, queue: &Queue, interest: Interest) -> Option<Position> {
        let _no_part_meanwhile = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        queue.change(interest);
        *self.read.borrow()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Barrier;
    use std::task::{Context, Poll, Waker};

    use tempfile::TempDir;

    use super::queue::tests::{event, interest};
    use super::*;

    /// The folder has the database.
    async fn live() -> (Live, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        payments_stores::migrate(&uri).await.unwrap();
        let store = payments_stores::open(uri).await.unwrap();
        (Live::start(store, None, CancellationToken::new()).unwrap(), folder)
    }

    #[tokio::test]
    async fn a_client_that_leaves_before_the_log_was_read_gives_its_slot_back() {
        let (live, _folder) = live().await;
        // The reader's task has not run yet, so each waits.
        for _ in 0..5_000 {
            let watching = pin!(live.watch(interest(), None));
            assert!(watching.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        live.watch(interest(), None).await.map(drop).unwrap();
    }

    /// Delivers like the reader task, which does not run here.
    fn read(live: &Live, event: &LoggedEvent) -> Position {
        live.0.deliver(vec![event.clone()], event.position);
        event.position
    }

    #[tokio::test]
    async fn a_resume_point_is_behind_what_has_arrived_and_moves_on_with_the_log() {
        let (live, _folder) = live().await;
        let first = event(1, 1);
        let wanted = Interest { payments: vec![first.event.payment], ..interest() };
        let mut watch = live.watch(wanted, None).await.unwrap();
        let (resume_point, begun) = (watch.resume_point(), watch.cursor());
        let end = read(&live, &first);
        assert_eq!(resume_point.cursor(), begun, "it waits to be given");
        watch.next().await.unwrap();
        assert_eq!(resume_point.cursor(), begun, "it was given, and is on its way");
        let mut waiting = pin!(watch.next());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(resume_point.cursor(), end);
        let end = read(&live, &event(2, 2));
        assert_eq!(resume_point.cursor(), end, "of another payment");
    }

    fn taken(queue: &Queue) -> Option<Arc<LoggedEvent>> {
        match pin!(queue.next()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(event) => Some(event.unwrap()),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn who_joins_or_changes_in_the_middle_of_a_part_misses_nothing_behind_its_position() {
        let (live, _folder) = live().await;
        let shared = &live.0;
        let part = |n: u64| (n * 5 + 1..=n * 5 + 5).map(|sequence| (*event(1, sequence)).clone()).collect();
        for round in 0..300 {
            shared.deliver(Vec::new(), Position::START);
            let begin = Barrier::new(2);
            let (queue, position) = std::thread::scope(|scope| {
                scope.spawn(|| {
                    begin.wait();
                    (0..40).for_each(|n| shared.deliver(part(n), event(1, n * 5 + 5).position));
                });
                begin.wait();
                let queue = shared.join(&interest()).unwrap();
                let joined = *shared.read.borrow();
                let position = if round % 2 == 0 { joined } else { shared.change(&queue, interest()) };
                (queue, position.unwrap())
            });
            let first = std::iter::from_fn(|| taken(&queue)).find(|event| event.position > position);
            let next = first.map_or(201, |event| event.position.sequence);
            assert_eq!(next, position.sequence + 1, "round {round}");
            shared.leave(&interest(), &queue);
        }
    }
}
