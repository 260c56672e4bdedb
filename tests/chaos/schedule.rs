//! Derives from a seed what is broken, when, and for how long.

mod action;
mod faults;

use std::collections::HashMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

pub(crate) use self::action::{Action, Process, Wire};

/// The lease of an idempotency key (`IDEMPOTENCY_LEASE_MS` of the cluster).
pub(crate) const LEASE: Duration = Duration::from_millis(1_000);

/// An action and its time since the start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScheduledAction {
    pub(crate) at: Duration,
    pub(crate) action: Action,
}

/// The topology of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Two gateways, each with a worker, on PostgreSQL, Redis and RabbitMQ.
    Distributed,
    /// One gateway on SQLite.
    Embedded,
}

/// Draws a schedule. Faults begin within `length`, and are repaired by then or soon after. The same seed gives the same
/// schedule.
pub(crate) fn draw(seed: u64, shape: Shape, length: Duration) -> Vec<ScheduledAction> {
    let mut draw =
        Draw { rng: StdRng::seed_from_u64(seed), shape, busy: HashMap::new(), schedule: Vec::new() };
    let mut at = Duration::from_millis(500);
    while at < length {
        draw.window(at);
        at += draw.millis(150..=1_500);
    }
    let mut schedule = draw.schedule;
    schedule.sort_by_key(|scheduled| scheduled.at);
    schedule
}

struct Draw {
    rng: StdRng,
    shape: Shape,
    /// Until when each target is broken.
    busy: HashMap<String, Duration>,
    schedule: Vec<ScheduledAction>,
}

impl Draw {
    /// Adds a fault at `at`, unless its target is already broken.
    fn window(&mut self, at: Duration) {
        let window = match (self.shape, self.rng.random_range(0..100)) {
            (_, 0..=9) => self.killed(),
            (_, 10..=12) => self.unread_log(),
            (_, 13..=14) => self.full_log_disk(),
            (_, 15..=23) => self.frozen(),
            (_, 24..=38) => self.crash_point(),
            (_, 39..=58) => self.provider(),
            (_, 59..=64) => self.webhooks(),
            (_, 65..=68) => self.operator(),
            (Shape::Embedded, _) | (_, 69..=78) => self.wire(),
            (_, 79..=80) => self.rabbit_dies(),
            (_, 81) => self.rabbit_freezes(),
            (_, 82..=83) => FaultWindow::instant("rabbit", Action::PurgeQueues),
            (_, 84..=86) => self.postgres_crashes(),
            (_, 87) => FaultWindow::instant("postgres", Action::FailOver),
            (_, 88) => self.lasting("postgres", 500..=3_000, Action::DenyWrites, Action::AllowWrites),
            (_, 89..=90) => FaultWindow::instant("postgres", Action::EndDatabaseSessions),
            (_, 91) => self.table_is_locked(),
            (_, 92..=94) => self.redis_dies(),
            (_, 95..=96) => self.redis_freezes(),
            (_, 97..=98) => FaultWindow::instant("redis", Action::Redis(&["FLUSHALL"])),
            (..) => FaultWindow::instant("redis", Action::Redis(&["SCRIPT", "FLUSH"])),
        };
        if self.busy.get(&window.target).is_some_and(|until| *until > at) {
            return;
        }
        // A pause for each target between two faults.
        self.busy.insert(window.target, at + window.lasts + Duration::from_millis(300));
        self.schedule.push(ScheduledAction { at, action: window.begin });
        self.schedule.extend(window.end.map(|action| ScheduledAction { at: at + window.lasts, action }));
    }

    fn lasting(
        &mut self,
        target: &str,
        millis: std::ops::RangeInclusive<u64>,
        begin: Action,
        end: Action,
    ) -> FaultWindow {
        FaultWindow { target: target.to_owned(), lasts: self.millis(millis), begin, end: Some(end) }
    }

    fn process(&mut self, parts: &[&'static str]) -> Process {
        let part = *parts.choose(&mut self.rng).unwrap();
        // Without servers the control plane includes the edge cache and the worker.
        let alone = self.shape == Shape::Embedded && ["edge-cache", "worker"].contains(&part);
        let part = if alone { "control-plane" } else { part };
        Process { part, gateway: self.gateway() }
    }

    fn gateway(&mut self) -> usize {
        match self.shape {
            Shape::Embedded => 0,
            Shape::Distributed => self.rng.random_range(0..2),
        }
    }

    fn millis(&mut self, range: std::ops::RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range))
    }
}

struct FaultWindow {
    /// Windows of the same target never overlap.
    target: String,
    lasts: Duration,
    begin: Action,
    end: Option<Action>,
}

impl FaultWindow {
    fn instant(target: &str, action: Action) -> Self {
        Self { target: target.to_owned(), lasts: Duration::ZERO, begin: action, end: None }
    }
}

#[cfg(test)]
mod tests;
