//! Finds what no message brought: whatever a broker loses, delays or never got is in the database.

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

/// While the broker is there, for what it did not bring.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// While it is away, for everything.
const LOOK_EVERY_ALONE: Duration = Duration::from_secs(1);
/// How late something must be to count as not brought.
const LATE: SignedDuration = SignedDuration::from_secs(3);
/// What an announcement did not help within this is worked off without one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before the next try here, which is for a database that was away for a moment.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Found at a time.
const LIMIT: u32 = 1_000;

/// Announces once what is late, and works it off here if that does not help or the broker is away. What its provider
/// would only refuse is left alone. Runs until `stop`.
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
    /// What was done about what was overdue at the last look.
    tried: HashMap<Work, Try>,
}

struct Try {
    /// For which time. Another one in the database is another matter.
    at: Timestamp,
    when: Instant,
    by: By,
}

#[derive(Clone, Copy)]
enum By {
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
                None if self.rabbit.is_connected() => By::Announcement,
                _ => By::Work,
            };
            self.tried.insert(due.work.clone(), Try { at: due.at, when: Instant::now(), by });
            metrics::counter!("queue_swept_total", "by" => by.name()).increment(1);
            match by {
                By::Announcement => self.rabbit.announce(due),
                By::Work => self.work_off(due.work).await,
            }
        }
    }

    fn may_still_help(&self, last: &Try) -> bool {
        match last.by {
            By::Announcement => self.rabbit.is_connected() && last.when.elapsed() < PATIENCE,
            By::Work => last.when.elapsed() < AGAIN_AFTER,
        }
    }

    /// Begins it as soon as a worker is free for it.
    async fn work_off(&self, work: Work) {
        let Some(permit) = self.runner.workers.take(self.lane).await else { return };
        self.runner.begin(self.lane, work, permit, |_, worked| {
            if let Err(problem) = worked {
                note(&problem);
            }
        });
    }
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Announcement => "announcement",
            Self::Work => "work",
        }
    }
}
