//! Processes on a broker, a database that is none, and what an operator does to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use control_plane::jobs::handler::{JobHandler, Worked};
use control_plane::jobs::rabbit::{self, RabbitQueue};
use control_plane::jobs::runner::Runner;
use control_plane::jobs::worker_pool::WorkerPool;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use payments::model::id::PaymentId;
use payments::model::work::{Claimed, Due, Lane, Work};
use payments::ports::clock::{Clock, SystemClock};
use payments::ports::queue::Queue;
use payments::ports::store::StoreError;
use test_services::RabbitServer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long claimed work is hidden from others.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);

/// What several processes share: when each work is due, and who worked it off.
#[derive(Default)]
pub(crate) struct Database {
    rows: Mutex<HashMap<Work, Timestamp>>,
    worked: Mutex<Vec<(Work, &'static str)>>,
    away: AtomicBool,
    /// Working one off kills the task.
    deadly: AtomicBool,
    /// The provider is not to be asked.
    left_alone: AtomicBool,
    tries: AtomicU64,
    slow: Mutex<Duration>,
}

impl Database {
    pub(crate) fn put(&self, due: &Due) {
        self.rows.lock().unwrap().insert(due.work.clone(), due.at);
    }

    pub(crate) fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn be_deadly(&self) {
        self.deadly.store(true, Ordering::SeqCst);
    }

    pub(crate) fn leave_alone(&self, left_alone: bool) {
        self.left_alone.store(left_alone, Ordering::SeqCst);
    }

    pub(crate) fn take_time(&self, time: Duration) {
        *self.slow.lock().unwrap() = time;
    }

    /// How often a process began to work something off.
    pub(crate) fn tries(&self) -> u64 {
        self.tries.load(Ordering::SeqCst)
    }

    /// Who worked what off, in order.
    pub(crate) fn worked(&self) -> Vec<(Work, &'static str)> {
        self.worked.lock().unwrap().clone()
    }

    pub(crate) async fn worked_off(&self, number: usize) -> Vec<(Work, &'static str)> {
        until("work that is worked off", async || Some(self.worked()).filter(|w| w.len() >= number)).await
    }

    fn claim(&self, work: &Work) -> Option<Claimed> {
        let mut rows = self.rows.lock().unwrap();
        match rows.get(work).copied() {
            None => Some(Claimed::Resolved),
            Some(at) if at > SystemClock.now() => Some(Claimed::NotDue(at)),
            Some(_) => {
                rows.insert(work.clone(), SystemClock.now() + CLAIM);
                None
            }
        }
    }

    fn asked(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::SeqCst) { Err(StoreError::Unavailable("away".into())) } else { Ok(()) }
    }
}

struct FakeJobs {
    name: &'static str,
    database: Arc<Database>,
}

#[async_trait]
impl JobHandler for FakeJobs {
    fn providers(&self) -> Vec<Provider> {
        vec![Provider::Stripe]
    }

    async fn room(&self, _: Lane) -> u32 {
        if self.database.left_alone.load(Ordering::SeqCst) { 0 } else { u32::MAX }
    }

    async fn lane_of(&self, work: &Work) -> Result<Option<Lane>, StoreError> {
        Ok(Some(Lane { kind: work.kind(), provider: Provider::Stripe }))
    }

    async fn work_off(&self, _: Lane, work: &Work) -> Result<Worked, StoreError> {
        self.database.tries.fetch_add(1, Ordering::SeqCst);
        assert!(!self.database.deadly.load(Ordering::SeqCst), "as the test wants it");
        self.database.asked()?;
        if let Some(nothing) = self.database.claim(work) {
            return Ok(Worked::Claimed(nothing));
        }
        let time = *self.database.slow.lock().unwrap();
        tokio::time::sleep(time).await;
        self.database.rows.lock().unwrap().remove(work);
        self.database.worked.lock().unwrap().push((work.clone(), self.name));
        Ok(Worked::Claimed(Claimed::Taken))
    }

    async fn overdue(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        self.database.asked()?;
        let rows = self.database.rows.lock().unwrap();
        let overdue = rows.iter().filter(|(work, at)| **at < before && work.kind() == lane.kind);
        let mut overdue: Vec<_> = overdue.map(|(work, at)| Due { work: work.clone(), at: *at }).collect();
        overdue.sort_by_key(|due| due.at);
        overdue.truncate(usize::try_from(limit).unwrap());
        Ok(overdue)
    }
}

/// One process on a broker.
pub(crate) struct Process {
    pub(crate) rabbit: Arc<RabbitQueue>,
    stop: CancellationToken,
    drained: CancellationToken,
    loops: Vec<JoinHandle<()>>,
    work: TaskTracker,
}

/// What a process does.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Role {
    All,
    /// No sweep: only what messages bring.
    Messages,
    /// Only announces.
    None,
}

impl Process {
    pub(crate) fn start(
        name: &'static str,
        uri: &str,
        prefix: &str,
        database: &Arc<Database>,
        role: Role,
    ) -> Self {
        recorder();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (rabbit, connection) = rabbit::open(uri.parse().unwrap(), prefix.parse().unwrap(), clock.clone());
        let (stop, drained) = (CancellationToken::new(), CancellationToken::new());
        let handler = Arc::new(FakeJobs { name, database: database.clone() });
        let workers = Arc::new(WorkerPool::new(4, &handler.providers()));
        let runner = Runner { handler, workers, tasks: TaskTracker::new(), clock };
        let followed = (role != Role::None).then(|| runner.clone());
        let mut loops = vec![tokio::spawn(connection.run(followed, stop.clone(), drained.clone()))];
        let work = runner.tasks.clone();
        if role == Role::All {
            loops.push(tokio::spawn(rabbit::sweep(runner, rabbit.clone(), stop.clone())));
        }
        Self { rabbit, stop, drained, loops, work }
    }

    pub(crate) async fn connected(&self, connected: bool) {
        until("a broker that comes or goes", async || {
            (self.rabbit.is_connected() == connected).then_some(())
        })
        .await;
    }

    /// As a state change does: the row first, then the announcement.
    pub(crate) fn note(&self, database: &Database, due: Due) {
        database.put(&due);
        self.rabbit.announce(due);
    }

    /// As by SIGTERM.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        self.work.close();
        self.work.wait().await;
        self.drained.cancel();
        for ended in self.loops.drain(..) {
            ended.await.unwrap();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop.cancel();
        self.drained.cancel();
    }
}

/// What an operator sees and does on the broker.
pub(crate) struct Operator {
    pub(crate) channel: Channel,
    _connection: lapin::Connection,
}

impl Operator {
    pub(crate) async fn at(server: &RabbitServer) -> Self {
        let connection = server.connection().await;
        Self { channel: connection.create_channel().await.unwrap(), _connection: connection }
    }

    /// How many messages are ready there.
    pub(crate) async fn ready(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declared = self.channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        declared.unwrap().message_count()
    }

    /// Asking for a queue that is not there costs the channel.
    pub(crate) async fn exists(&self, queue: &str) -> bool {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.into(), options, FieldTable::default()).await.is_ok()
    }

    pub(crate) async fn holds(&self, queue: &str, number: u32) {
        until("messages in a queue", async || (self.ready(queue).await == number).then_some(())).await;
    }

    pub(crate) async fn publish(&self, queue: &str, body: &[u8]) {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        self.channel.basic_publish("".into(), queue.into(), options, body, properties).await.unwrap();
    }
}

pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "within {PATIENCE:?} there was no sign of {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// Queues that no other test has.
pub(crate) fn prefix() -> String {
    format!("test-{}-{}", std::process::id(), next())
}

/// Some payment that is due in so many milliseconds.
pub(crate) fn due_in(ms: i64) -> Due {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&next().to_be_bytes());
    let now = SystemClock.now();
    let at = Timestamp::from_microsecond((now + SignedDuration::from_millis(ms)).as_microsecond()).unwrap();
    Due { work: Work::Payment(PaymentId::new(now, random)), at }
}

/// The tests of this program share one, so a number can only be seen to grow.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// What `/metrics` says of one series.
pub(crate) fn metric(series: &str) -> f64 {
    let text = recorder().render();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}
