//! Finds due work that no message delivered: whatever a broker loses, delays or never received is in the database.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use payments::model::work::{Due, Lane, Work};
use payments::ports::queue::Queue as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{RabbitQueue, note};
use crate::jobs::runner::Runner;

/// While the broker is connected, for work it did not deliver.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// While the broker is unavailable, for all due work.
const LOOK_EVERY_ALONE: Duration = Duration::from_secs(1);
/// How late work must be to count as not delivered.
const LATE: SignedDuration = SignedDuration::from_secs(3);
/// How long an announcement may take to have an effect before the work is processed here.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before the next try here, in case the database was briefly unavailable.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Work read per pass.
const LIMIT: u32 = 1_000;

/// Announces late work once, and processes it here if that has no effect or the broker is unavailable. Skips work that
/// its provider would only refuse. Runs until `stop`.
pub async fn sweep(runner: Runner, rabbit: Arc<RabbitQueue>, stop: CancellationToken) {
    runner
        .in_every_lane(|lane| {
            let sweep = Sweep { runner: runner.clone(), lane, rabbit: rabbit.clone(), tried: HashMap::new() };
            sweep.run(stop.clone())
        })
        .await;
}

struct Sweep {
    runner: Runner,
    lane: Lane,
    rabbit: Arc<RabbitQueue>,
    /// The last try for each piece of work that was overdue in the previous pass.
    tried: HashMap<Work, Try>,
}

struct Try {
    /// The due time it was for. A different one in the database starts a new count.
    at: Timestamp,
    when: Instant,
    by: FoundBy,
}

#[derive(Clone, Copy)]
enum FoundBy {
    Announcement,
    Work,
}

impl Sweep {
    async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(self.pause())).await.is_some() {
            stop.run_until_cancelled(self.once()).await;
        }
    }

    fn pause(&self) -> Duration {
        if self.rabbit.is_connected() { LOOK_EVERY } else { LOOK_EVERY_ALONE }
    }

    async fn once(&mut self) {
        let Runner { handler, clock, .. } = &self.runner;
        let room = handler.room(self.lane).await;
        if room == 0 {
            return;
        }
        let late = if self.rabbit.is_connected() { LATE } else { SignedDuration::ZERO };
        let before = clock.now().saturating_sub(late).unwrap_or(Timestamp::MIN);
        match handler.overdue(self.lane, before, room.min(LIMIT)).await {
            Ok(overdue) => self.see_to(overdue).await,
            Err(problem) => note(&problem),
        }
    }

    async fn see_to(&mut self, overdue: Vec<Due>) {
        let mut before = std::mem::take(&mut self.tried);
        for due in overdue {
            let last = before.remove(&due.work).filter(|last| last.at == due.at);
            let by = match last {
                Some(last) if self.may_still_help(&last) => {
                    self.tried.insert(due.work, last);
                    continue;
                }
                None if self.rabbit.is_connected() => FoundBy::Announcement,
                _ => FoundBy::Work,
            };
            self.tried.insert(due.work.clone(), Try { at: due.at, when: Instant::now(), by });
            metrics::counter!("queue_swept_total", "by" => by.name()).increment(1);
            match by {
                FoundBy::Announcement => self.rabbit.announce(due),
                FoundBy::Work => self.work_off(due.work).await,
            }
        }
    }

    fn may_still_help(&self, last: &Try) -> bool {
        match last.by {
            FoundBy::Announcement => self.rabbit.is_connected() && last.when.elapsed() < PATIENCE,
            FoundBy::Work => last.when.elapsed() < AGAIN_AFTER,
        }
    }

    /// Begins the work as soon as a worker is free for its lane.
    async fn work_off(&self, work: Work) {
        let Some(permit) = self.runner.workers.take(self.lane).await else { return };
        self.runner.begin(self.lane, work, permit, |_, worked| {
            if let Err(problem) = worked {
                note(&problem);
            }
        });
    }
}

impl FoundBy {
    const fn name(self) -> &'static str {
        match self {
            Self::Announcement => "announcement",
            Self::Work => "work",
        }
    }
}
