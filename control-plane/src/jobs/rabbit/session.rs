//! One connection to the broker, from opening it to its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, Event};
use payments::model::work::Due;
use payments::ports::clock::Clock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::consumer::Consumer;
use super::publisher::Publisher;
use super::topology::Topology;
use super::uri::AmqpUri;
use crate::jobs::runner::Runner;

/// From the first packet to the last queue.
const OPEN_MAX: Duration = Duration::from_secs(10);
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Messages that could not be processed, for an operator to look at.
pub(super) const PARKED: &str = "queue_parked";
/// Also detects a path to the broker that went silent: the library pings, but gives up a connection without an answer only
/// after a multiple of the minute that brokers ask for.
const LOOK_AT_PARKED_EVERY: Duration = Duration::from_secs(4);
const LOOK_MAX: Duration = Duration::from_secs(4);

/// Why a connection could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("it does not answer in time")]
    Silent,
    #[error("it takes no messages for now: {0}")]
    Blocked(String),
    #[error("the work queue was deleted or moved")]
    ConsumerCancelled,
    #[error("announcements cannot be sent")]
    Unsendable,
    #[error(transparent)]
    Broken(#[from] lapin::Error),
    #[error("no thread for it: {0}")]
    Thread(#[from] std::io::Error),
}

pub(super) struct Session {
    connection: Connection,
    publisher: Publisher,
    topology: Topology,
    _thread: Thread,
}

/// The connection runs on a runtime of its own. The library has no way to give up on a peer that keeps the
/// socket open and says nothing; without a runtime, it ends.
struct Thread(Option<Runtime>);

impl Thread {
    fn start() -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("amqp").enable_all().build().map(Some).map(Self)
    }

    async fn connect(&self, uri: &AmqpUri) -> Result<Connection, Trouble> {
        let Self(Some(runtime)) = self else { return Err(Trouble::Silent) };
        let properties = ConnectionProperties::default().with_connection_name("payment gateway".into());
        let connecting = runtime.spawn(Connection::connect_uri(uri.parts(), properties));
        Ok(connecting.await.map_err(|_| Trouble::Silent)??)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Does one thing over a connection of its own.
pub(super) async fn briefly<T>(
    uri: &AmqpUri,
    work: impl AsyncFnOnce(&Connection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let thread = Thread::start()?;
    let working = async {
        let connection = thread.connect(uri).await?;
        let done = work(&connection).await;
        let _ = tokio::time::timeout(CLOSE_MAX, connection.close(200, "OK".into())).await;
        done
    };
    tokio::time::timeout(OPEN_MAX, working).await.map_err(|_| Trouble::Silent)?
}

impl Session {
    pub(super) async fn open(uri: &AmqpUri, topology: Topology) -> Result<Self, Trouble> {
        let thread = Thread::start()?;
        let opening = async {
            let connection = thread.connect(uri).await?;
            let channel = connection.create_channel().await?;
            topology.declare(&channel).await?;
            let publisher = Publisher::open(&connection, topology.clone()).await?;
            Ok((connection, publisher))
        };
        let opened = tokio::time::timeout(OPEN_MAX, opening).await.map_err(|_| Trouble::Silent)?;
        opened.map(|(connection, publisher)| Self { connection, publisher, topology, _thread: thread })
    }

    /// Sends announcements until `drained`, and has deliveries handled until `stop`. Ends early, with an error,
    /// when only another connection can go on.
    pub(super) async fn run(
        &self,
        announcements: &mut mpsc::Receiver<Due>,
        runner: Option<Runner>,
        clock: &Arc<dyn Clock>,
        stop: &CancellationToken,
        drained: &CancellationToken,
    ) -> Result<(), Trouble> {
        let consume = async {
            let Some(runner) = runner else { return Ok(()) };
            let (publisher, topology) = (self.publisher.clone(), self.topology.clone());
            let consumer = Consumer::open(&self.connection, publisher, topology, runner).await?;
            consumer.run(stop).await
        };
        let both = async {
            let pump = async {
                self.publisher.pump(announcements, || clock.now(), drained).await;
                Ok(())
            };
            tokio::try_join!(pump, consume).map(|_| ())
        };
        tokio::select! {
            biased;
            trouble = self.trouble() => Err(trouble),
            trouble = self.watch_parked() => Err(trouble),
            ended = both => ended,
        }
    }

    /// Waits for what ends a connection from outside.
    async fn trouble(&self) -> Trouble {
        let mut events = std::pin::pin!(self.connection.events_listener());
        let next = async {
            loop {
                match events.next().await {
                    Some(Event::ConnectionBlocked(reason)) => return Trouble::Blocked(reason),
                    Some(Event::Error(problem)) => return Trouble::Broken(problem),
                    Some(_) => {}
                    None => return Trouble::Silent,
                }
            }
        };
        tokio::select! {
            trouble = next => trouble,
            () = self.publisher.broken() => Trouble::Unsendable,
        }
    }

    /// Parked messages mean that something was given up on here; the database still has what they were about.
    async fn watch_parked(&self) -> Trouble {
        let mut known = 0;
        loop {
            match tokio::time::timeout(LOOK_MAX, self.parked()).await {
                Ok(Ok(parked)) => {
                    metrics::gauge!(PARKED).set(f64::from(parked));
                    if parked > known {
                        let queue = self.topology.parked();
                        tracing::error!(parked, queue, "messages are parked");
                    }
                    known = parked;
                }
                Ok(Err(problem)) => return problem.into(),
                Err(_) => return Trouble::Silent,
            }
            tokio::time::sleep(LOOK_AT_PARKED_EVERY).await;
        }
    }

    async fn parked(&self) -> lapin::Result<u32> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.connection.create_channel().await?;
        let queue =
            channel.queue_declare(self.topology.parked().into(), options, FieldTable::default()).await?;
        channel.close(200, "OK".into()).await?;
        Ok(queue.message_count())
    }

    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(CLOSE_MAX, self.connection.close(200, "OK".into())).await;
    }
}
