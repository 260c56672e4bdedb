//! Notices of commits between processes, over Redis: each says "moved on" after it has committed, and the readers of
//! the others read the log at once instead of at the end of their pause.
//!
//! Redis is not trusted and not needed. A message says only that there may be something to read; a sender that forges
//! messages makes readers read as often as their own commits could. No payment waits for a message: it is sent after
//! the commit, by a task of its own.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use payments::ports::clock::{Entropy, SystemEntropy};
use redis::aio::{ConnectionManager, PubSubSink, PubSubStream};
use redis::{RedisError, RedisResult};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::wakeups::Wakeups;
use crate::cache::RedisUri;
use crate::life::Life;

/// The counter of messages, by outcome.
pub(crate) const SENT_COUNTER: &str = "event_wakeups_sent_total";

/// Messages go to all databases of a Redis, so this name separates the gateways that share one.
const CHANNEL: &str = "edge:moved:1:";
/// Commits within this time are one message.
const GATHERING: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_millis(250);
/// The pause after a failure, so that a Redis that is away costs nothing.
const FAILED: Duration = Duration::from_secs(1);
/// How often a listener asks for a sign of life: a connection whose other end is gone says nothing, like one on which
/// nothing happens.
const ALIVE_EVERY: Duration = Duration::from_secs(10);
const ALIVE_WITHIN: Duration = Duration::from_secs(2);

/// Sends notices of this process's commits.
pub(crate) struct Announcer {
    moved: Arc<Notify>,
    /// The name of this process in its messages, so that it does not wake itself.
    name: Name,
}

type Name = Arc<str>;

impl Announcer {
    /// Starts the task that sends, which ends with the process.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub(crate) fn start(uri: &RedisUri, life: &Life) -> RedisResult<Self> {
        for outcome in ["sent", "failed"] {
            metrics::counter!(SENT_COUNTER, "outcome" => outcome).increment(0);
        }
        let name: Name = hex::encode(SystemEntropy.bytes()).into();
        let moved = Arc::new(Notify::new());
        let (connection, channel) = (uri.commands()?, channel(uri));
        let sending = send(connection, channel, name.clone(), moved.clone());
        let stop = life.stop().clone();
        life.spawn("notices of commits", async move {
            stop.run_until_cancelled(sending).await;
        });
        Ok(Self { moved, name })
    }

    /// There was a commit. Returns at once.
    pub(crate) fn on_commit(&self) {
        self.moved.notify_one();
    }

    /// Starts the task that listens to others, which ends with the process.
    pub(super) fn listen(&self, uri: RedisUri, wakeups: Arc<Wakeups>, life: &Life) {
        let (name, stop) = (self.name.clone(), life.stop().clone());
        life.spawn("listener to notices of commits", async move {
            stop.run_until_cancelled(listen(uri, name, wakeups)).await;
        });
    }
}

fn channel(uri: &RedisUri) -> String {
    format!("{CHANNEL}{}", uri.database())
}

async fn send(mut connection: ConnectionManager, channel: String, name: Name, moved: Arc<Notify>) {
    let mut is_told = false;
    loop {
        moved.notified().await;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&channel).arg(&*name);
        let sent = timeout(TIMEOUT, publish.query_async::<i64>(&mut connection)).await;
        let is_sent = matches!(sent, Ok(Ok(_)));
        metrics::counter!(SENT_COUNTER, "outcome" => if is_sent { "sent" } else { "failed" }).increment(1);
        if !is_sent && !is_told {
            let error = sent.map_or_else(|_| "no answer in time".to_owned(), |sent| problem(sent.err()));
            tracing::warn!(
                error,
                "other processes get no notices of commits over Redis; they find events by polling"
            );
        }
        is_told = !is_sent;
        sleep(if is_sent { GATHERING } else { FAILED }).await;
    }
}

async fn listen(uri: RedisUri, name: Name, wakeups: Arc<Wakeups>) {
    let mut is_told = false;
    loop {
        match timeout(TIMEOUT, subscribed(&uri)).await {
            Ok(Ok((sink, stream))) => {
                is_told = false;
                // What was announced meanwhile was not received.
                wakeups.on_word_of_others();
                hear(&channel(&uri), sink, stream, &name, &wakeups).await;
            }
            Ok(Err(error)) if !is_told => {
                let error = problem(Some(error));
                tracing::warn!(
                    error,
                    "no notices of others' commits come over Redis; their events are found by polling"
                );
                is_told = true;
            }
            Ok(Err(_)) | Err(_) => {}
        }
        sleep(FAILED).await;
    }
}

async fn subscribed(uri: &RedisUri) -> RedisResult<(PubSubSink, PubSubStream)> {
    let (mut sink, stream) = uri.listener().await?.split();
    sink.subscribe(channel(uri)).await?;
    Ok((sink, stream))
}

/// Hears until the connection is lost.
async fn hear(channel: &str, mut sink: PubSubSink, mut stream: PubSubStream, name: &str, wakeups: &Wakeups) {
    let mut alive = interval(ALIVE_EVERY);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    alive.reset();
    loop {
        tokio::select! {
            message = stream.next() => match message {
                Some(message) if message.get_payload_bytes() != name.as_bytes() => wakeups.on_word_of_others(),
                Some(_) => {}
                None => return,
            },
            // Subscribing again changes nothing, and is confirmed.
            _ = alive.tick() => match timeout(ALIVE_WITHIN, sink.subscribe(channel)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            },
        }
    }
}

/// In one line.
fn problem(error: Option<RedisError>) -> String {
    let text = error.map_or_else(String::new, |error| error.to_string());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
