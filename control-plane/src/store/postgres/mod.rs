//! PostgreSQL 14 or newer: for several control planes at once. READ COMMITTED, where every condition that guards
//! money stands in the statement that it guards.

mod due_work;
mod evidence;
mod key;
mod parameters;
mod read;
mod rows;
mod uri;
mod waves;
mod webhooks;
mod writer;

use std::time::Duration;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use jiff::Timestamp;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor as _, PgPool};

use crate::domain::event::Event;
use crate::domain::id::{PaymentId, RefundId};
use crate::domain::idempotency::KeyRecord;
use crate::domain::payment::Payment;
use crate::domain::provider::ProviderRef;
use crate::domain::refund::Refund;
use crate::domain::store::{Change, CommitError, Filter, Page, Store, StoreError};
use crate::store::group_commit::GroupCommit;
pub use uri::options;
use writer::PostgresWriter;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// Each takes one commit at a time; while one waits for the disk, the other one is filled.
const WRITERS: usize = 2;
/// For reads and for providers' events, which are by key and short; more would queue in the server instead of here.
const CONNECTIONS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(5);
/// Whatever the server's own defaults are, what is committed must not be forgotten.
const DURABLE: &str = "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'";
/// A connection that has been idle for longer is asked whether it lives before it is used.
const TRUSTED: Duration = Duration::from_secs(1);

pub struct PostgresStore {
    commits: GroupCommit,
    /// For all but commits.
    pool: PgPool,
}

impl PostgresStore {
    /// Connects to the database that `uri` (`postgres://USER:PASSWORD@HOST/DATABASE`) names.
    pub async fn open(uri: &str) -> Result<Self, StoreError> {
        let options = options(uri).map_err(unavailable)?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(DURABLE).await.map(|_| ()) })
            })
            .test_before_acquire(false)
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    if idle.idle_for > TRUSTED {
                        sqlx::Connection::ping(connection).await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options.clone())
            .await
            .map_err(unavailable)?;
        // One process at a time: the migrator takes an advisory lock.
        MIGRATIONS.run(&pool).await.map_err(unavailable)?;
        let writers = (0..WRITERS).map(|_| PostgresWriter::new(options.clone())).collect::<Vec<_>>();
        Ok(Self { commits: GroupCommit::start(writers), pool })
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.commits.commit(change).await
    }

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        read::payment(&self.pool, client, id).await
    }

    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        read::payment_by_reference(&self.pool, provider, reference).await
    }

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError> {
        read::payments(&self.pool, client, filter).await
    }

    async fn anyones_payments(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        read::anyones_payments(&self.pool, since, after, limit).await
    }

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        read::refund(&self.pool, client, id).await
    }

    async fn anyones_refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        read::anyones_refund(&self.pool, id).await
    }

    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
        read::refunds(&self.pool, client, payment).await
    }

    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError> {
        read::events(&self.pool, client, payment).await
    }

    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError> {
        key::read(&self.pool, scope).await
    }

    /// Other processes may write, so what is under way may be under way there.
    fn is_exclusive(&self) -> bool {
        false
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.commits.is_alive()?;
        sqlx::query("SELECT 1").execute(&self.pool).await.map(|_| ()).map_err(unavailable)
    }
}
