//! One watcher: first the log after its last event, then what is committed meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use payments::model::log::Position;
use payments::ports::store::{LogQuery, LoggedEvent, StoreError};

use super::queue::{Queue, TooSlow};
use super::resume_point::{self, ResumePoint};
use super::{ENDED_COUNTER, Interest, Shared};

/// Events of one read.
const PART: u32 = 100;

/// Why a watcher receives no more events.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("this process stops")]
    Stopping,
    #[error("events were read more slowly than they came")]
    TooSlow,
    #[error("the log does not have the next events any more")]
    Gone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Events in the order of the log, each at least once.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    interest: Interest,
    queue: Arc<Queue>,
    /// The log up to here was given to the watcher.
    position: Position,
    /// Read from the log, not yet given.
    read: VecDeque<Arc<LoggedEvent>>,
    /// Whether the log may have more before what is in the queue.
    has_more: bool,
    resume_point: Arc<ResumePoint>,
}

impl Watch {
    pub(super) fn new(
        shared: Arc<Shared>,
        interest: Interest,
        queue: Arc<Queue>,
        after: Option<Position>,
    ) -> Self {
        let (position, has_more) = match after {
            Some(after) => (after, true),
            None => (Position::START, false),
        };
        let resume_point = Arc::new(ResumePoint::new(shared.clone(), queue.clone(), position));
        Self { shared, interest, queue, position, read: VecDeque::new(), has_more, resume_point }
    }

    /// Whatever is committed from here on is in the queue or after `end`.
    pub(super) fn begin(&mut self, end: Position) {
        if !self.has_more {
            self.position = end;
            self.resume_point.note(end, true);
        }
    }

    /// Watches something else: after `after`, or from now on. Earlier events of it that wait are dropped.
    pub(crate) fn change(&mut self, interest: Interest, after: Option<Position>) {
        let read = self.shared.change(&self.queue, interest.clone());
        self.interest = interest;
        self.read.clear();
        self.has_more = after.is_some();
        if let Some(position) = after.or(read) {
            self.position = position;
        }
    }

    /// Watches the same from now on.
    pub(crate) fn go_on_from_now(&mut self) {
        self.change(self.interest.clone(), None);
    }

    /// Where to continue so that nothing is missed that was not given to the watcher.
    pub(crate) fn cursor(&self) -> Position {
        if self.has_more || !self.read.is_empty() {
            return self.position;
        }
        resume_point::cursor(&self.shared, &self.queue, self.position)
    }

    /// Where the watcher is while it waits. An event counts once the next one is waited for.
    pub(crate) fn resume_point(&self) -> Arc<ResumePoint> {
        self.resume_point.clone()
    }

    /// Waits for the next event. May be cancelled and called again.
    pub(crate) async fn next(&mut self) -> Result<Arc<LoggedEvent>, Ended> {
        let stop = self.shared.stop.clone();
        stop.run_until_cancelled(self.wait()).await.unwrap_or(Err(Ended::Stopping))
    }

    async fn wait(&mut self) -> Result<Arc<LoggedEvent>, Ended> {
        self.resume_point.note(self.position, false);
        loop {
            if let Some(event) = self.read.pop_front() {
                self.position = event.position;
                return Ok(event);
            }
            if self.has_more {
                self.read_part().await?;
                self.resume_point.note(self.position, false);
                continue;
            }
            self.resume_point.note(self.position, true);
            let event = self.queue.next().await;
            self.resume_point.note(self.position, false);
            let event = event.map_err(|TooSlow| {
                metrics::counter!(ENDED_COUNTER, "reason" => "too_slow").increment(1);
                Ended::TooSlow
            })?;
            // Others were read from the log while they came into the queue, too.
            if event.position > self.position {
                self.position = event.position;
                return Ok(event);
            }
        }
    }

    async fn read_part(&mut self) -> Result<(), Ended> {
        // What waits could be read before this part is, so it comes in this part or a later one. If it stayed, a watcher with
        // much to read would be taken for a slow one.
        self.queue.clear();
        let query = LogQuery {
            after: self.position,
            client: Some(self.interest.client.clone()),
            payment: self.interest.only_payment(),
            limit: PART,
        };
        let page = self.shared.store.log(&query).await?;
        if page.is_cut {
            return Err(Ended::Gone);
        }
        self.read
            .extend(page.events.into_iter().filter(|one| self.interest.includes(&one.event)).map(Arc::new));
        self.has_more = page.has_more;
        if self.read.is_empty() {
            self.position = page.end;
        }
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.leave(&self.interest, &self.queue);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
    use tokio::time::{sleep, timeout};
    use tokio_util::sync::CancellationToken;

    use super::super::Live;
    use super::super::queue::tests::interest;
    use super::*;

    /// Three events, of which the first two have ended.
    const ENDED: &str = "PRAGMA foreign_keys = OFF;
        INSERT INTO events (payment, version, to_state, at, client, request_id, detail)
        SELECT 'txn_01890000-0000-7000-8000-000000000000', version, 'completed', 0, 'demo', 'req-1', '{}'
        FROM (SELECT 0 AS version UNION SELECT 1 UNION SELECT 2) AS versions;
        INSERT INTO log_horizon (only_row, first_seq, set_at) VALUES (1, 3, 0);";

    #[tokio::test]
    async fn a_watcher_that_is_overtaken_by_the_end_of_history_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        payments_stores::migrate(&uri).await.unwrap();
        SqliteConnection::connect(&uri).await.unwrap().execute(ENDED).await.unwrap();
        let store = payments_stores::open(uri).await.unwrap();
        let live = Live::start(store, None, CancellationToken::new()).unwrap();
        let at = |sequence| Position { epoch: 0, transaction: 0, sequence };
        // Its position was checked before they ended.
        for behind in [Position::START, at(1)] {
            let mut watch = live.watch(interest(), Some(behind)).await.unwrap();
            let ended = watch.next().await;
            assert!(matches!(ended, Err(Ended::Gone)), "{behind:?}: {ended:?}");
            watch.go_on_from_now();
            assert_eq!(watch.cursor(), at(3), "{behind:?}");
        }
        let mut watch = live.watch(interest(), Some(at(2))).await.unwrap();
        assert_eq!(watch.next().await.unwrap().position, at(3));
    }

    /// The next events, each of a payment of its own, as another process commits them.
    async fn commit(others: &mut SqliteConnection, count: u32) {
        let text = format!(
            "INSERT INTO events (payment, version, to_state, at, client, request_id, detail)
             WITH RECURSIVE numbers (n) AS (SELECT COALESCE(MAX(seq), 0) + 1 FROM events UNION ALL SELECT n + 1 FROM numbers
                 LIMIT {count})
             SELECT printf('txn_01890000-0000-7000-8000-%012d', n), 0, 'completed', 0, 'demo', 'req-1', '{{}}' FROM numbers"
        );
        others.execute(AssertSqlSafe(text)).await.unwrap();
    }

    #[tokio::test]
    async fn a_watcher_with_much_to_read_is_not_taken_for_a_slow_one() {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        payments_stores::migrate(&uri).await.unwrap();
        let mut others = SqliteConnection::connect(&uri).await.unwrap();
        others.execute("PRAGMA foreign_keys = OFF").await.unwrap();
        commit(&mut others, 300).await;
        let store = payments_stores::open(uri).await.unwrap();
        let live = Live::start(store, None, CancellationToken::new()).unwrap();
        let mut watch = live.watch(interest(), Some(Position::START)).await.unwrap();
        assert_eq!(watch.next().await.unwrap().position.sequence, 1);
        // Meanwhile, more payments move than a queue takes.
        commit(&mut others, 300).await;
        let all_read = async {
            while live.read_to().is_none_or(|read| read.sequence < 600) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), all_read).await.unwrap();
        for sequence in 2..=600 {
            assert_eq!(watch.next().await.unwrap().position.sequence, sequence);
        }
        commit(&mut others, 1).await;
        assert_eq!(watch.next().await.unwrap().position.sequence, 601);
    }
}
