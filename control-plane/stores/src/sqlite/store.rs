use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::event::Event;
use payments::model::id::{PaymentId, RefundId};
use payments::model::idempotency::KeyRecord;
use payments::model::payment::Payment;
use payments::model::provider::ProviderRef;
use payments::model::refund::Refund;
use payments::ports::store::{Change, CommitError, Filter, Page, Rows, Store, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow, SqlitePool, query_as};
use tokio::time::timeout;

use super::{SqliteStore, unavailable};
use crate::group_commit::PROOF_MAX;
use crate::listing::{Argument, Listing, behind};
use crate::reads::{
    ANYONES_PAYMENTS, ANYONES_REFUND, EVENTS, KEY, PAYMENT, PAYMENT_BY_REFERENCE, REFUND, REFUNDS,
};
use crate::rows::{EventRow, KeyRow, PaymentRow, RefundRow};

type Read<R> = sqlx::query::QueryAs<'static, sqlx::Sqlite, R, sqlx::sqlite::SqliteArguments>;

async fn one<R, T>(readers: &SqlitePool, query: Read<R>) -> Result<Option<T>, StoreError>
where
    R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    T: TryFrom<R, Error = StoreError>,
{
    query.fetch_optional(readers).await.map_err(unavailable)?.map(T::try_from).transpose()
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.commits.commit(change).await
    }

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        let query: Read<PaymentRow> = query_as(PAYMENT).bind(id.to_string()).bind(client.as_str().to_owned());
        one(&self.readers, query).await
    }

    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        let query: Read<PaymentRow> =
            query_as(PAYMENT_BY_REFERENCE).bind(provider.name()).bind(reference.as_str().to_owned());
        one(&self.readers, query).await
    }

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError> {
        let fetch = async |after: Option<String>| {
            let Listing { sql, arguments } = Listing::of(client, filter, after.as_deref());
            let query: Read<PaymentRow> =
                arguments.into_iter().fold(query_as(AssertSqlSafe(sql)), |query, argument| match argument {
                    Argument::Text(text) => query.bind(text),
                    Argument::Number(number) => query.bind(number),
                });
            query.fetch_all(&self.lists).await.map_err(unavailable)
        };
        let _share = self.shares.take(client).await?;
        let after = filter.after.map(|id| id.to_string());
        let found = timeout(self.list_max, behind(&self.rows, after, filter.limit, fetch)).await;
        let (rows, has_more) = found.map_err(|_| StoreError::TimedOut)??;
        Ok(Page { items: rows.items, has_more })
    }

    async fn anyones_payments(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Rows<Payment>, StoreError> {
        let fetch = async |after: Option<String>| {
            let query: Read<PaymentRow> = query_as(ANYONES_PAYMENTS)
                .bind(since.as_microsecond())
                .bind(after.unwrap_or_default())
                .bind(i64::from(limit) + 1);
            query.fetch_all(&self.lists).await.map_err(unavailable)
        };
        Ok(behind(&self.rows, after.map(|id| id.to_string()), limit, fetch).await?.0)
    }

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        let query: Read<RefundRow> = query_as(REFUND).bind(id.to_string()).bind(client.as_str().to_owned());
        one(&self.readers, query).await
    }

    async fn anyones_refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        let query: Read<RefundRow> = query_as(ANYONES_REFUND).bind(id.to_string());
        one(&self.readers, query).await
    }

    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Rows<Refund>, StoreError> {
        let query: Read<RefundRow> =
            query_as(REFUNDS).bind(payment.to_string()).bind(client.as_str().to_owned());
        self.rows.read(query.fetch_all(&self.readers).await.map_err(unavailable)?)
    }

    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError> {
        let query: Read<EventRow> =
            query_as(EVENTS).bind(payment.to_string()).bind(client.as_str().to_owned());
        let rows = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        Ok(self.rows.read(rows)?.items)
    }

    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError> {
        let query: Read<KeyRow> = query_as(KEY).bind(scope.to_string());
        one(&self.readers, query).await
    }

    /// One process serves a file; a second one would not share its writer.
    fn is_exclusive(&self) -> bool {
        true
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let reading = timeout(PROOF_MAX, sqlx::query("SELECT 1").execute(&self.readers));
        let (read, written) = tokio::join!(reading, self.commits.prove());
        read.map_err(unavailable)?.map_err(unavailable)?;
        written
    }
}
