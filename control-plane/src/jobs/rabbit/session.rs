//! One connection to the broker, from opening to close.

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

/// The limit from the first packet to the last queue declared.
const OPEN_MAX: Duration = Duration::from_secs(10);
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Unprocessable messages, kept for an operator.
pub(super) const PARKED: &str = "queue_parked";
/// Polling also detects a silent path to the broker: the library sends heartbeats, but abandons an unresponsive
/// connection only after a multiple of the minute that brokers ask for.
const LOOK_AT_PARKED_EVERY: Duration = Duration::from_secs(4);
const LOOK_MAX: Duration = Duration::from_secs(4);

/// Why a connection could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("the broker does not respond in time")]
    Silent,
    #[error("the broker accepts no messages for now: {0}")]
    Blocked(String),
    #[error("the work queue was deleted or moved")]
    ConsumerCancelled,
    #[error("announcements cannot be sent")]
    Unsendable,
    #[error(transparent)]
    Broken(#[from] lapin::Error),
    #[error("cannot start a thread for the connection: {0}")]
    Thread(#[from] std::io::Error),
}

pub(super) struct Session {
    connection: Connection,
    publisher: Publisher,
    topology: Topology,
    _thread: Thread,
}

/// A dedicated runtime for the connection. The library cannot abandon a peer that keeps the socket open and stays
/// silent; dropping the runtime ends the connection.
struct Thread(Option<Runtime>);

impl Thread {
    fn start() -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("amqp").enable_all().build().map(Some).map(Self)
    }

    async fn connect(&self, uri: &AmqpUri) -> Result<Connection, SessionError> {
        let Self(Some(runtime)) = self else { return Err(SessionError::Silent) };
        let properties = ConnectionProperties::default().with_connection_name("payment gateway".into());
        let (parts, tls) = (uri.parts(), uri.tls());
        let connecting = runtime.spawn(async move {
            let runtime = lapin::runtime::default_runtime()?;
            Connection::connect_uri_with_config(parts, properties, tls, runtime).await
        });
        Ok(connecting.await.map_err(|_| SessionError::Silent)??)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs `work` over a temporary connection.
pub(super) async fn briefly<T>(
    uri: &AmqpUri,
    work: impl AsyncFnOnce(&Connection) -> Result<T, SessionError>,
) -> Result<T, SessionError> {
    let thread = Thread::start()?;
    let working = async {
        let connection = thread.connect(uri).await?;
        let done = work(&connection).await;
        let _ = tokio::time::timeout(CLOSE_MAX, connection.close(200, "OK".into())).await;
        done
    };
    tokio::time::timeout(OPEN_MAX, working).await.map_err(|_| SessionError::Silent)?
}

impl Session {
    pub(super) async fn open(uri: &AmqpUri, topology: Topology) -> Result<Self, SessionError> {
        let thread = Thread::start()?;
        let opening = async {
            let connection = thread.connect(uri).await?;
            let channel = connection.create_channel().await?;
            topology.declare(&channel).await?;
            let publisher = Publisher::open(&connection, topology.clone()).await?;
            Ok((connection, publisher))
        };
        let opened = tokio::time::timeout(OPEN_MAX, opening).await.map_err(|_| SessionError::Silent)?;
        opened.map(|(connection, publisher)| Self { connection, publisher, topology, _thread: thread })
    }

    /// Sends announcements until `drained` and handles deliveries until `stop`. Returns an error early if only a new
    /// connection can continue.
    pub(super) async fn run(
        &self,
        announcements: &mut mpsc::Receiver<Due>,
        runner: Option<Runner>,
        clock: &Arc<dyn Clock>,
        stop: &CancellationToken,
        drained: &CancellationToken,
    ) -> Result<(), SessionError> {
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

    /// Waits for an event that makes the connection unusable.
    async fn trouble(&self) -> SessionError {
        let mut events = std::pin::pin!(self.connection.events_listener());
        let next = async {
            loop {
                match events.next().await {
                    Some(Event::ConnectionBlocked(reason)) => return SessionError::Blocked(reason),
                    Some(Event::Error(problem)) => return SessionError::Broken(problem),
                    Some(_) => {}
                    None => return SessionError::Silent,
                }
            }
        };
        tokio::select! {
            trouble = next => trouble,
            () = self.publisher.broken() => SessionError::Unsendable,
        }
    }

    /// Reports parked messages: they are no longer retried here, but the database still has their work.
    async fn watch_parked(&self) -> SessionError {
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
                Err(_) => return SessionError::Silent,
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
