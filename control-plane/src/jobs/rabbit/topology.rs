//! The queues, and how they implement delays.
//!
//! A message for later waits in the queue of a delay class, whose messages all have the same time to live, and is then
//! dead-lettered to the work queue. Quorum queues expire messages only at their head, so with a time to live per
//! message a long one would hold up those after it. A message that arrives early is delayed again.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};

/// After this many deliveries without an acknowledgement, a message counts as poison and is parked.
const DELIVERIES_MAX: i32 = 10;
/// Above this length the broker refuses messages; their work is still in the database.
const LENGTH_MAX: i32 = 100_000;
const PARKED_MAX: i32 = 10_000;

/// Shortest first.
const CLASSES: [(&str, Duration); 5] = [
    ("1s", Duration::from_secs(1)),
    ("10s", Duration::from_secs(10)),
    ("1m", Duration::from_secs(60)),
    ("10m", Duration::from_secs(600)),
    ("1h", Duration::from_secs(3_600)),
];

/// The prefix of a gateway's queue names, so that several gateways can share a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePrefix(String);

impl Default for QueuePrefix {
    fn default() -> Self {
        Self("gateway".to_owned())
    }
}

impl FromStr for QueuePrefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        // RabbitMQ reserves `amq.`.
        if (1..=100).contains(&text.len()) && text.chars().all(plain) && !text.starts_with("amq.") {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have 1 to 100 of A-Z a-z 0-9 _ - . and not begin with `amq.`")
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Topology(QueuePrefix);

impl Topology {
    pub(super) const fn new(prefix: QueuePrefix) -> Self {
        Self(prefix)
    }

    pub(super) fn work(&self) -> String {
        format!("{}.work", self.0.0)
    }

    /// The dead-letter queue, for operators.
    pub(super) fn parked(&self) -> String {
        format!("{}.parked", self.0.0)
    }

    fn wait(&self, class: &str) -> String {
        format!("{}.wait.{class}", self.0.0)
    }

    /// The queue for a message due in `remaining`. It may arrive early, but late only by less than the shortest class.
    pub(super) fn queue_for(&self, remaining: SignedDuration) -> String {
        let Ok(remaining) = Duration::try_from(remaining) else { return self.work() };
        let longest = CLASSES.iter().rev().find(|(_, delay)| *delay <= remaining);
        match longest {
            Some((class, _)) => self.wait(class),
            None if remaining.is_zero() => self.work(),
            None => self.shortest_wait(),
        }
    }

    pub(super) fn shortest_wait(&self) -> String {
        let [(class, _), ..] = CLASSES;
        self.wait(class)
    }

    /// Every queue with its arguments.
    pub(super) fn queues(&self) -> Vec<(String, FieldTable)> {
        let work = self.work();
        let mut parked = quorum(PARKED_MAX);
        set(&mut parked, "x-overflow", text("drop-head"));
        let mut arguments = dead_lettered_to(&self.parked());
        set(&mut arguments, "x-delivery-limit", AMQPValue::LongInt(DELIVERIES_MAX));
        let mut queues = vec![(self.parked(), parked), (work.clone(), arguments)];
        queues.extend(CLASSES.map(|(class, delay)| {
            let mut arguments = dead_lettered_to(&work);
            let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            set(&mut arguments, "x-message-ttl", AMQPValue::LongLongInt(delay_ms));
            (self.wait(class), arguments)
        }));
        queues
    }

    /// Declares missing queues.
    ///
    /// # Errors
    /// Also if a queue exists with other arguments: delete it, or choose another prefix.
    pub(super) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        for (queue, arguments) in self.queues() {
            channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await?;
        }
        Ok(())
    }
}

/// With these, the broker refuses to make the queue (406), but only after it has checked the rights that making it
/// takes: so it shows the rights and makes nothing.
pub(super) fn impossible(mut arguments: FieldTable) -> FieldTable {
    set(&mut arguments, "x-max-length", AMQPValue::LongInt(-1));
    arguments
}

/// The same for consuming.
pub(super) fn impossible_consumer() -> FieldTable {
    let mut arguments = FieldTable::default();
    set(&mut arguments, "x-priority", text("none"));
    arguments
}

fn quorum(length_max: i32) -> FieldTable {
    let mut arguments = FieldTable::default();
    set(&mut arguments, "x-queue-type", text("quorum"));
    set(&mut arguments, "x-max-length", AMQPValue::LongInt(length_max));
    arguments
}

/// A message stays until the target queue has it. Without `reject-publish`, the broker would silently fall back to the
/// strategy that may lose messages.
fn dead_lettered_to(queue: &str) -> FieldTable {
    let mut arguments = quorum(LENGTH_MAX);
    set(&mut arguments, "x-overflow", text("reject-publish"));
    set(&mut arguments, "x-dead-letter-exchange", text(""));
    set(&mut arguments, "x-dead-letter-routing-key", text(queue));
    set(&mut arguments, "x-dead-letter-strategy", text("at-least-once"));
    arguments
}

fn set(arguments: &mut FieldTable, name: &str, value: AMQPValue) {
    arguments.insert(name.into(), value);
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_the_longest_class_that_is_not_too_late() {
        let topology = Topology::new(QueuePrefix::default());
        let cases = [
            (i64::MIN, "gateway.work"),
            (-1, "gateway.work"),
            (0, "gateway.work"),
            (1, "gateway.wait.1s"),
            (999, "gateway.wait.1s"),
            (1_000, "gateway.wait.1s"),
            (9_999, "gateway.wait.1s"),
            (10_000, "gateway.wait.10s"),
            (59_999, "gateway.wait.10s"),
            (60_000, "gateway.wait.1m"),
            (3_599_999, "gateway.wait.10m"),
            (3_600_000, "gateway.wait.1h"),
            (i64::MAX, "gateway.wait.1h"),
        ];
        for (ms, queue) in cases {
            assert_eq!(topology.queue_for(SignedDuration::from_millis(ms)), queue, "{ms}");
        }
    }

    #[test]
    fn a_prefix_is_a_plain_name() {
        for right in ["gateway", "shop-7.payments_eu"] {
            assert!(right.parse::<QueuePrefix>().is_ok(), "{right}");
        }
        for wrong in ["", "a b", "ü", "amq.gateway", &"x".repeat(101)] {
            assert!(wrong.parse::<QueuePrefix>().is_err(), "{wrong}");
        }
    }
}
