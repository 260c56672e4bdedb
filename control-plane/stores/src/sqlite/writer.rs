//! The writing connection, and the results of a batch of changes.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use crash_points::reach;
use payments::ports::store::{Change, CommitError, StoreError};
use sealing::Sealer;
use sqlx::{Acquire as _, Connection as _, SqliteConnection, SqlitePool};

use super::commit::{NotApplied, apply};
use super::disk_space::DiskSpace;
use super::{disk_space, full};
use crate::group_commit::Writer;
use crate::reads::PROVE;

/// The one connection that writes: SQLite has one writer at a time.
pub(super) struct SqliteWriter {
    pool: SqlitePool,
    sealer: Arc<Sealer>,
    disk_space: DiskSpace,
}

/// Why a whole batch failed. Its transaction did not end properly.
struct Failed {
    problem: Arc<dyn Error + Send + Sync>,
    /// Whether it is certain that nothing was written.
    is_certain: bool,
}

/// An error before the commit: closing the connection rolls back.
impl From<sqlx::Error> for Failed {
    fn from(problem: sqlx::Error) -> Self {
        Self { problem: full::explained(problem).into(), is_certain: true }
    }
}

impl Failed {
    fn undone(problem: impl Error + Send + Sync + 'static) -> Self {
        Self { problem: Arc::new(problem), is_certain: true }
    }

    /// An error of the commit, which may have reached the disk.
    fn of_commit(problem: sqlx::Error) -> Self {
        let is_undone = |code: u32| UNDONE.contains(&(code & 0xff)) || full::is_write_failed(code);
        let is_certain = full::code(&problem).is_some_and(is_undone);
        Self { problem: full::explained(problem).into(), is_certain }
    }
}

/// Codes with which SQLite has not committed: `SQLITE_BUSY`, `SQLITE_READONLY`, `SQLITE_FULL`
/// (<https://www.sqlite.org/rescode.html>, primary codes without their extensions).
const UNDONE: [u32; 3] = [5, 8, 13];

#[async_trait]
impl Writer for SqliteWriter {
    async fn write(&mut self, batch: &[Change]) -> Vec<Result<(), CommitError>> {
        match self.together(batch).await {
            Ok(results) => {
                // A full disk may also fail a statement before the commit.
                if results.iter().any(|result| matches!(result, Err(CommitError::Store(_)))) {
                    self.disk_space.forget();
                }
                results
            }
            // The one commit failed for all of them.
            Err(Failed { problem, is_certain }) => {
                self.disk_space.forget();
                let error = || {
                    let problem = Box::new(problem.clone());
                    if is_certain {
                        StoreError::NotWritten(problem)
                    } else {
                        StoreError::Unavailable(problem)
                    }
                };
                batch.iter().map(|_| Err(error().into())).collect()
            }
        }
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        let proved = self.probe().await;
        proved.map_err(|problem| StoreError::NotWritten(full::explained(problem)))
    }
}

impl SqliteWriter {
    pub(super) fn new(pool: SqlitePool, sealer: Arc<Sealer>) -> Self {
        Self { pool, sealer, disk_space: DiskSpace::default() }
    }

    async fn probe(&mut self) -> Result<(), sqlx::Error> {
        if self.disk_space.is_known() {
            let probed = sqlx::query(PROVE).execute(&self.pool).await;
            return probed.map(drop).inspect_err(|_| self.disk_space.forget());
        }
        let mut connection = self.pool.acquire().await?;
        let probed = disk_space::prove(&mut connection).await;
        match &probed {
            Ok(()) => self.disk_space.note(),
            // Its transaction did not end properly.
            Err(_) => drop(connection.close().await),
        }
        probed
    }

    /// Writes the batch in one commit. Closes a connection whose transaction did not end properly: SQLite may have
    /// ended it by itself (a full disk), and the driver would count it as open for good.
    async fn together(&self, batch: &[Change]) -> Result<Vec<Result<(), CommitError>>, Failed> {
        let mut connection = self.pool.acquire().await?;
        let written = as_one(&mut connection, batch, &self.sealer).await;
        if written.is_err() {
            let _ = connection.close().await;
        }
        written
    }
}

/// Writes the batch as if no change conflicted, which is cheapest. If one does, writes each so that it can fail alone.
async fn as_one(
    connection: &mut SqliteConnection,
    batch: &[Change],
    sealer: &Sealer,
) -> Result<Vec<Result<(), CommitError>>, Failed> {
    let mut write = connection.begin_with("BEGIN IMMEDIATE").await?;
    for change in batch {
        if let Err(NotApplied(problem)) = apply(&mut write, change, sealer).await {
            if write.rollback().await.is_err() {
                return Err(Failed::undone(problem));
            }
            return match batch {
                [_] => Ok(vec![Err(problem)]),
                _ => each_by_itself(connection, batch, sealer).await,
            };
        }
    }
    reach("during_commit").await;
    write.commit().await.map_err(Failed::of_commit)?;
    Ok(batch.iter().map(|_| Ok(())).collect())
}

/// Writes each change in a separate savepoint, so that a failed one leaves nothing; still in one commit.
async fn each_by_itself(
    connection: &mut SqliteConnection,
    batch: &[Change],
    sealer: &Sealer,
) -> Result<Vec<Result<(), CommitError>>, Failed> {
    let mut write = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut results = Vec::with_capacity(batch.len());
    for change in batch {
        let mut member = write.begin().await?;
        let result = apply(&mut member, change, sealer).await;
        match result {
            Ok(()) => member.commit().await?,
            Err(_) => member.rollback().await?,
        }
        results.push(result.map_err(|NotApplied(problem)| problem));
    }
    reach("during_commit").await;
    write.commit().await.map_err(Failed::of_commit)?;
    Ok(results)
}
