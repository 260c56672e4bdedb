//! Proves that the files have room for a charge. A probe of one page fits where a charge does not: a charge changes a
//! page of each table and index that it is in, and is followed by a second commit with the provider's answer.

use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection};
use tokio::time::Instant;

use crate::reads::PROVE;

/// For how long room that was proved is believed in while every write succeeds. Each proof writes 110 kB.
const KNOWN_FOR: Duration = Duration::from_secs(30);

/// When there was room last. Forgotten when a write fails.
#[derive(Default)]
pub(super) struct DiskSpace {
    proved_at: Option<Instant>,
}

impl DiskSpace {
    pub(super) fn is_known(&self) -> bool {
        self.proved_at.is_some_and(|at| at.elapsed() < KNOWN_FOR)
    }

    pub(super) fn note(&mut self) {
        self.proved_at = Some(Instant::now());
    }

    pub(super) fn forget(&mut self) {
        self.proved_at = None;
    }
}

/// Takes 24 pages for a row and gives them back in the same commit. Since deleted pages are overwritten
/// (`secure_delete`), all of them get into the write-ahead log. What is only rolled back would not: the log gets pages
/// at the commit. Later proofs use the same pages of the database.
const TAKE: &str =
    "INSERT INTO idempotency_keys (scope, client, fingerprint, answer_status, answer_body, created_at)
     VALUES ('proof of room', '', '', 0, hex(zeroblob(49152)), 0)";
const GIVE_BACK: &str = "DELETE FROM idempotency_keys WHERE scope = 'proof of room'";

/// Makes a probe write of the size of a charge. If it fails, the connection must be closed.
pub(super) async fn prove(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut write = connection.begin_with("BEGIN IMMEDIATE").await?;
    for sql in [TAKE, GIVE_BACK, PROVE] {
        sqlx::query(sql).execute(&mut *write).await?;
    }
    write.commit().await
}
