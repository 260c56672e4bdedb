//! SQLite: the embedded default. One writer, write-ahead log, and a disk flush at every commit.

mod commit;
mod due_work;
mod key;
mod read;
mod webhooks;

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use jiff::Timestamp;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::domain::event::Event;
use crate::domain::id::{PaymentId, RefundId};
use crate::domain::idempotency::KeyRecord;
use crate::domain::payment::Payment;
use crate::domain::provider::ProviderRef;
use crate::domain::refund::Refund;
use crate::domain::store::{Change, CommitError, Filter, Page, Store, StoreError};
use crate::store::group_commit::GroupCommit;
use commit::SqliteWriter;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(5);

pub struct SqliteStore {
    commits: GroupCommit,
    /// One connection: SQLite has one writer at a time, and waiting here is fairer than its busy loop.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens or makes the file that `uri` (`sqlite://PATH`) names.
    pub async fn open(uri: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(uri)
            .map_err(unavailable)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose the last commits when the power fails, and with them the knowledge of a charge.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let pool =
            |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
        let writer = pool(1).connect_with(options.clone()).await.map_err(unavailable)?;
        MIGRATIONS.run(&writer).await.map_err(unavailable)?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await.map_err(unavailable)?;
        Ok(Self { commits: GroupCommit::start([SqliteWriter(writer.clone())]), writer, readers })
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.commits.commit(change).await
    }

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        read::payment(&self.readers, client, id).await
    }

    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        read::payment_by_reference(&self.readers, provider, reference).await
    }

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError> {
        read::payments(&self.readers, client, filter).await
    }

    async fn anyones_payments(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        read::anyones_payments(&self.readers, since, after, limit).await
    }

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        read::refund(&self.readers, client, id).await
    }

    async fn anyones_refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        read::anyones_refund(&self.readers, id).await
    }

    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
        read::refunds(&self.readers, client, payment).await
    }

    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError> {
        read::events(&self.readers, client, payment).await
    }

    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError> {
        key::read(&self.readers, scope).await
    }

    /// One process serves a file; a second one would not share its writer.
    fn is_exclusive(&self) -> bool {
        true
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.commits.is_alive()?;
        sqlx::query("SELECT 1").execute(&self.readers).await.map(|_| ()).map_err(unavailable)
    }
}
