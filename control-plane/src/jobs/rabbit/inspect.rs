//! Read-only inspection of a broker that a gateway may be using.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ErrorKind, Event, Queue};

use super::session::{SessionError, briefly};
use super::topology::{QueuePrefix, Topology, impossible, impossible_consumer};
use super::uri::AmqpUri;

/// How long the broker may take to confirm a message.
const CONFIRM_MAX: Duration = Duration::from_secs(3);

/// Reply codes of AMQP 0-9-1.
const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const RESOURCE_LOCKED: u16 = 405;
const PRECONDITION_FAILED: u16 = 406;

/// The findings.
#[derive(Debug, Default)]
pub struct RabbitInspection {
    /// The work queue, in words.
    pub work: String,
    /// What would keep a process from using the broker, in words.
    pub problems: Vec<String>,
}

/// Logs in to the broker, and tries what a process does there. Makes no queue, and takes or leaves no message.
///
/// # Errors
/// Says that the broker is unreachable or refuses the login.
pub async fn inspect(uri: &AmqpUri, prefix: QueuePrefix) -> Result<RabbitInspection, String> {
    let topology = Topology::new(prefix);
    let looked = briefly(uri, async |connection| {
        let mut found = RabbitInspection::default();
        let work = topology.work();
        for (name, arguments) in topology.queues() {
            let seen = look(connection, &name).await;
            if name == work {
                found.work = words(&name, seen.as_ref().ok().and_then(Option::as_ref));
            }
            let tried = match seen {
                Ok(Some(_)) => as_it_is(connection, &name, arguments, name == work).await,
                Ok(None) => refused(declare(connection, &name, impossible(arguments)).await, &name),
                Err(problem) => refused(Err(problem), &name),
            };
            match tried {
                Ok(()) => {}
                Err(Problem::Of(problem)) => found.problems.push(problem),
                Err(Problem::Broken(error)) => return Err(SessionError::from(error)),
            }
        }
        found.problems.extend(publish(connection, &work).await?);
        Ok(found)
    });
    looked.await.map_err(|trouble| trouble.to_string())
}

fn words(name: &str, queue: Option<&Queue>) -> String {
    match queue {
        Some(queue) => {
            let (messages, consumers) = (queue.message_count(), queue.consumer_count());
            format!("the queue {name} holds {messages} messages and has {consumers} consumers")
        }
        None => format!("the queue {name} is not there yet; the service creates it"),
    }
}

/// `None`: there is no such queue.
async fn look(connection: &Connection, name: &str) -> lapin::Result<Option<Queue>> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    // A channel of its own each time: an error closes it.
    let channel = connection.create_channel().await?;
    match channel.queue_declare(name.into(), options, FieldTable::default()).await {
        Ok(queue) => Ok(Some(queue)),
        Err(error) if code(&error) == Some(NOT_FOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

enum Problem {
    Of(String),
    /// The connection is.
    Broken(lapin::Error),
}

/// Declares an existing queue once more, which changes nothing, and tries to consume from it.
async fn as_it_is(
    connection: &Connection,
    name: &str,
    arguments: FieldTable,
    is_consumed: bool,
) -> Result<(), Problem> {
    match declare(connection, name, arguments).await {
        Err(error) if code(&error) == Some(PRECONDITION_FAILED) => {
            return Err(Problem::Of(format!(
                "the queue {name} exists with another type or other arguments ({}); delete it, or choose another \
                 AMQP_QUEUE_PREFIX",
                reply(&error)
            )));
        }
        declared => refused(declared, name)?,
    }
    if !is_consumed {
        return Ok(());
    }
    let channel = connection.create_channel().await.map_err(Problem::Broken)?;
    let options = BasicConsumeOptions::default();
    let consumed = channel.basic_consume(name.into(), "".into(), options, impossible_consumer()).await;
    refused(consumed.map(drop), name)
}

async fn declare(connection: &Connection, name: &str, arguments: FieldTable) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await.map(drop)
}

/// The problem that an answer shows; a failed precondition comes after the rights, so it is none.
fn refused(answer: lapin::Result<()>, name: &str) -> Result<(), Problem> {
    let Err(error) = answer else { return Ok(()) };
    match code(&error) {
        Some(PRECONDITION_FAILED) => Ok(()),
        Some(ACCESS_REFUSED) => Err(Problem::Of(format!(
            "this user lacks a right on the queue {name} ({}); it needs configure, read and write on the prefix's \
             queues, and write on amq.default",
            reply(&error)
        ))),
        Some(RESOURCE_LOCKED) => Err(Problem::Of(format!(
            "the queue {name} belongs to another connection alone ({})",
            reply(&error)
        ))),
        _ => Err(Problem::Broken(error)),
    }
}

/// Publishes a message to a queue that does not exist, so the broker drops it. Only a publisher learns
/// that the broker accepts no messages (memory, disk).
async fn publish(connection: &Connection, work: &str) -> Result<Option<String>, SessionError> {
    let mut events = std::pin::pin!(connection.events_listener());
    let nowhere = format!("{work}.none-{:032x}", rand::random::<u128>());
    let publishing = async {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let options = BasicPublishOptions::default();
        let sent = channel
            .basic_publish("".into(), nowhere.as_str().into(), options, b"", BasicProperties::default())
            .await?;
        sent.await.map(drop)
    };
    let blocked = async {
        loop {
            match events.next().await {
                Some(Event::ConnectionBlocked(reason)) => return reason,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    };
    let published = tokio::time::timeout(CONFIRM_MAX, async {
        tokio::select! {
            biased;
            reason = blocked => Ok(Some(format!("the broker takes no messages now: {reason}"))),
            published = publishing => match published {
                Ok(()) => Ok(None),
                Err(error) if code(&error) == Some(ACCESS_REFUSED) => {
                    Ok(Some(format!("this user may not publish ({}); it needs write on amq.default", reply(&error))))
                }
                Err(error) => Err(SessionError::from(error)),
            },
        }
    });
    published.await.unwrap_or_else(|_| Ok(Some("the broker confirms no message in time".to_owned())))
}

fn code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// The broker's words.
fn reply(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        _ => error.to_string(),
    }
}
