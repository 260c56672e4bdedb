//! A lock on PostgreSQL that somebody else holds, on a table or on a row. Everybody is told in time, and certainly.

use std::time::{Duration, Instant};

use payments::ports::store::{CommitError, Filter, StoreError};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::time::sleep;

use super::changes::*;
use crate::common::*;

/// What a batch may take: the wait for one statement, and the search for the change that waits.
const BATCH: Duration = Duration::from_secs(12);
/// The wait for a writer, of which none is free.
const QUEUED: Duration = Duration::from_secs(7);

async fn locked(test: &TestStore, lock: String) -> PgConnection {
    let mut operator = PgConnection::connect(test.uri()).await.unwrap();
    operator.execute(AssertSqlSafe(format!("BEGIN; {lock}"))).await.unwrap();
    operator
}

#[tokio::test]
async fn a_lock_on_a_table_refuses_a_whole_batch_and_what_waits_behind_in_time() {
    let Some(test) = TestStore::postgres().await else { return };
    let operator = locked(&test, "LOCK TABLE payments".to_owned()).await;
    let begun = Instant::now();
    let commits = async |after: Duration, numbers: std::ops::Range<u64>| {
        sleep(after).await;
        let changes = numbers.map(|n| opening_nth(n, "demo", 100).1).collect();
        (commit_all(&*test.store, changes).await, begun.elapsed())
    };
    // A batch for each of the two writers, and changes for which none is left.
    let (first, second, queued) = tokio::join!(
        commits(Duration::ZERO, 0..100),
        commits(Duration::from_millis(200), 100..200),
        commits(Duration::from_millis(400), 200..220)
    );
    for (results, took) in [&first, &second, &queued] {
        for result in results {
            let is_certain =
                matches!(result, Err(CommitError::Store(StoreError::NotWritten(_) | StoreError::Overloaded)));
            assert!(is_certain, "{result:?}");
        }
        assert!(*took < BATCH, "{took:?}");
    }
    assert!(queued.1 < QUEUED, "{:?}", queued.1);
    operator.close().await.unwrap();
    test.store.commit(opening(1, "other", 100).1).await.unwrap();
    let of_nobody = test.store.payments(&client("demo"), &Filter { limit: 1, ..Filter::default() }).await;
    assert!(of_nobody.unwrap().items.is_empty(), "nothing was written");
}

#[tokio::test]
async fn a_lock_on_a_row_refuses_its_change_and_spares_the_rest_of_the_batch() {
    let Some(test) = TestStore::postgres().await else { return };
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let operator =
        locked(&test, format!("SELECT 1 FROM payments WHERE id = '{}' FOR UPDATE", payment.id)).await;
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let mut changes: Vec<_> = (2..32).map(|n| opening(n, "demo", 100).1).collect();
    changes.push(moved(&payment, done.clone()));
    let begun = Instant::now();
    let mut results = commit_all(&*test.store, changes).await;
    assert!(begun.elapsed() < BATCH, "{:?}", begun.elapsed());
    let refused = results.pop().unwrap();
    assert!(matches!(refused, Err(CommitError::Store(StoreError::NotWritten(_)))), "{refused:?}");
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    operator.close().await.unwrap();
    test.store.commit(moved(&payment, done)).await.unwrap();
}
