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
use sqlx::{AssertSqlSafe, query_as};
use tokio::time::timeout;

use super::{PostgresStore, unavailable};
use crate::group_commit::PROOF_MAX;
use crate::listing::{Argument, Listing, behind};
use crate::reads::{
    ANYONES_PAYMENTS, ANYONES_REFUND, EVENTS, KEY, PAYMENT, PAYMENT_BY_REFERENCE, REFUND, REFUNDS,
};
use crate::rows::{EventRow, KeyRow, PaymentRow, RefundRow};

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.commits.commit(change).await
    }

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        let query = || query_as(PAYMENT).bind(id.to_string()).bind(client.as_str().to_owned());
        self.money.one::<PaymentRow>(query).await?.map(Payment::try_from).transpose()
    }

    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        let query =
            || query_as(PAYMENT_BY_REFERENCE).bind(provider.name()).bind(reference.as_str().to_owned());
        self.money.one::<PaymentRow>(query).await?.map(Payment::try_from).transpose()
    }

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError> {
        let fetch = async |after: Option<String>| {
            let Listing { sql, arguments } = Listing::of(client, filter, after.as_deref());
            let query = || {
                let query = query_as(AssertSqlSafe(sql.clone()));
                arguments.iter().cloned().fold(query, |query, argument| match argument {
                    Argument::Text(text) => query.bind(text),
                    Argument::Number(number) => query.bind(number),
                })
            };
            self.lists.all::<PaymentRow>(query).await
        };
        let _share = self.shares.take(client).await?;
        let after = filter.after.map(|id| id.to_string());
        let (rows, has_more) = behind(&self.rows, after, filter.limit, fetch).await?;
        Ok(Page { items: rows.items, has_more })
    }

    async fn anyones_payments(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Rows<Payment>, StoreError> {
        let fetch = async |after: Option<String>| {
            let query = || {
                query_as(ANYONES_PAYMENTS)
                    .bind(since.as_microsecond())
                    .bind(after.clone().unwrap_or_default())
                    .bind(i64::from(limit) + 1)
            };
            self.operators.all::<PaymentRow>(query).await
        };
        Ok(behind(&self.rows, after.map(|id| id.to_string()), limit, fetch).await?.0)
    }

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        let query = || query_as(REFUND).bind(id.to_string()).bind(client.as_str().to_owned());
        self.money.one::<RefundRow>(query).await?.map(Refund::try_from).transpose()
    }

    async fn anyones_refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        let query = || query_as(ANYONES_REFUND).bind(id.to_string());
        self.money.one::<RefundRow>(query).await?.map(Refund::try_from).transpose()
    }

    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Rows<Refund>, StoreError> {
        let query = || query_as(REFUNDS).bind(payment.to_string()).bind(client.as_str().to_owned());
        self.rows.read(self.money.all::<RefundRow>(query).await?)
    }

    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError> {
        let query = || query_as(EVENTS).bind(payment.to_string()).bind(client.as_str().to_owned());
        Ok(self.rows.read(self.money.all::<EventRow>(query).await?)?.items)
    }

    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError> {
        let query = || query_as(KEY).bind(scope.to_string());
        self.money.one::<KeyRow>(query).await?.map(KeyRecord::try_from).transpose()
    }

    /// Other processes may write, so what is under way may be under way there.
    fn is_exclusive(&self) -> bool {
        false
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let reading = timeout(PROOF_MAX, self.money.execute(sqlx::query("SELECT 1")));
        let (read, written) = tokio::join!(reading, self.commits.prove());
        read.map_err(unavailable)??;
        written
    }
}
