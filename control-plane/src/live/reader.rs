//! Reads the log for all watchers of this process.

use std::sync::Arc;
use std::time::Duration;

use payments::model::log::Position;
use payments::ports::store::{LogQuery, StoreError};
use tokio::time::sleep;

use super::Shared;
use super::wakeups::{self, WokenBy};

/// How often the log is read. Commits of this process wake the reader, and notices of others' commits; what neither has
/// announced is found by reading: within 300 ms of its commit at p99. The pause leaves 200 ms for the read before it,
/// for the transactions that hold an event back for another moment, and for the way to the watchers.
const EVERY: Duration = Duration::from_millis(100);
/// The pause after a wake-up: the events of a burst are read together.
const GATHERING: Duration = Duration::from_millis(5);
/// How often the log is read in short order after a wake-up. The event that woke the reader may be held back by another
/// transaction for some milliseconds.
const QUICK_READS: u8 = 5;
const QUICK: Duration = Duration::from_millis(10);
/// Events of one read: fewer than a queue takes, so that what was held up, by a long transaction or a database that was
/// away, is no flood to a watcher that reads as fast as it can.
const PART: u32 = 200;
/// The pause between the reads of what was held up, in which watchers take what is in their queues.
const DRAINING: Duration = Duration::from_millis(5);
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
    // What was committed while nobody watched is read by those who continue after an event.
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
            sleep(DRAINING).await;
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

/// Reads and delivers the part after `after`; returns its end, and whether there is more.
async fn read_part(shared: &Shared, after: Position) -> Result<(Position, bool), StoreError> {
    let query = LogQuery { after, client: None, payment: None, limit: PART };
    let page = shared.store.log(&query).await?;
    shared.deliver(page.events, page.end);
    Ok((page.end, page.has_more))
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Executor as _, SqliteConnection};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::super::Live;
    use super::super::queue::tests::interest;
    use super::*;

    /// The next event, as another process commits it.
    const NEXT: &str = "INSERT INTO events (payment, version, to_state, at, client, request_id, detail)
        SELECT 'txn_01890000-0000-7000-8000-000000000000', COALESCE(MAX(version) + 1, 0), 'completed', 0, 'demo', 'req-1', '{}'
        FROM events";

    /// Many events of one payment, in one commit.
    const MANY: &str = "INSERT INTO events (payment, version, to_state, at, client, request_id, detail)
        WITH RECURSIVE versions (version) AS (SELECT 0 UNION ALL SELECT version + 1 FROM versions WHERE version < 599)
        SELECT 'txn_01890000-0000-7000-8000-000000000000', version, 'completed', 0, 'demo', 'req-1', '{}' FROM versions";

    #[tokio::test]
    async fn a_watcher_that_reads_at_once_gets_every_event_of_a_burst() {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        payments_stores::migrate(&uri).await.unwrap();
        let mut others = SqliteConnection::connect(&uri).await.unwrap();
        others.execute("PRAGMA foreign_keys = OFF").await.unwrap();
        let live = Live::start(payments_stores::open(uri).await.unwrap(), None, CancellationToken::new());
        let mut watch = live.unwrap().watch(interest(), None).await.unwrap();
        others.execute(MANY).await.unwrap();
        for version in 0..600 {
            assert_eq!(watch.next().await.unwrap().event.version, version);
        }
    }

    #[tokio::test]
    async fn an_event_that_nothing_announces_waits_for_half_of_its_300_ms_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        payments_stores::migrate(&uri).await.unwrap();
        let mut others = SqliteConnection::connect(&uri).await.unwrap();
        others.execute("PRAGMA foreign_keys = OFF").await.unwrap();
        let live = Live::start(payments_stores::open(uri).await.unwrap(), None, CancellationToken::new());
        let mut watch = live.unwrap().watch(interest(), None).await.unwrap();
        let mut waited = Vec::new();
        for _ in 0..12 {
            others.execute(NEXT).await.unwrap();
            let committed = Instant::now();
            watch.next().await.unwrap();
            // It is committed right after a read, so it waits for a whole pause.
            waited.push(committed.elapsed());
        }
        waited.sort_unstable();
        let median = waited[waited.len() / 2];
        assert!(median < Duration::from_millis(150), "{waited:?}");
    }
}
