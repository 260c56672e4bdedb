//! Reads the log for all watchers of this process.

use std::sync::Arc;
use std::time::Duration;

use payments::model::log::Position;
use payments::ports::store::{LogQuery, StoreError};
use tokio::time::sleep;

use super::Shared;
use super::wakeups::{self, WokenBy};

/// How often the log is read. Commits of this process wake the reader, and notices of others' commits; what neither has
/// announced is found by reading: within 300 ms of its commit at p99, the time of the read included.
const EVERY: Duration = Duration::from_millis(200);
/// The pause after a wake-up: the events of a burst are read together.
const GATHERING: Duration = Duration::from_millis(5);
/// How often the log is read in short order after a wake-up. The event that woke the reader may be held back by another
/// transaction for some milliseconds.
const QUICK_READS: u8 = 5;
const QUICK: Duration = Duration::from_millis(10);
/// Events of one read.
const PART: u32 = 500;
/// The pause after a failed read.
const FAILED: Duration = Duration::from_secs(1);

/// Runs until the process stops. Reads only while there are watchers.
pub(super) async fn run(shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    stop.run_until_cancelled(async {
        loop {
            while !shared.is_watched() {
                shared.joined.notified().await;
            }
            if let Err(error) = follow(&shared).await {
                tracing::warn!(%error, "the event log cannot be read; watchers wait");
                sleep(FAILED).await;
            }
        }
    })
    .await;
}

/// Reads on until there are no watchers.
async fn follow(shared: &Shared) -> Result<(), StoreError> {
    // What was committed while nobody watched is read by those who continue behind an event.
    let before = *shared.read.borrow();
    let mut position = match before {
        Some(position) => position,
        None => shared.store.log_end().await?,
    };
    shared.read.send_replace(Some(position));
    let (mut quick, mut woken_by) = (QUICK_READS, WokenBy::Clock);
    while shared.is_watched() {
        let (end, has_more) = read_part(shared, position).await?;
        if end > position {
            wakeups::count(woken_by);
        }
        position = end;
        if has_more {
            continue;
        }
        let pause = if quick > 0 { QUICK } else { EVERY };
        let next = shared.wakeups.next(pause).await;
        if next == WokenBy::Clock {
            // The reads in short order belong to the wake-up before them.
            woken_by = if quick > 0 { woken_by } else { WokenBy::Clock };
            quick = quick.saturating_sub(1);
        } else {
            (quick, woken_by) = (QUICK_READS, next);
            sleep(GATHERING).await;
        }
    }
    Ok(())
}

/// Reads and delivers the part behind `after`; returns its end, and whether there is more.
async fn read_part(shared: &Shared, after: Position) -> Result<(Position, bool), StoreError> {
    let query = LogQuery { after, client: None, payment: None, limit: PART };
    let page = shared.store.log(&query).await?;
    shared.deliver(page.events, page.end);
    Ok((page.end, page.has_more))
}
