//! Payments, refunds, their audit trail and idempotency keys.

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
use payments::ports::store::audit::Audit;
use payments::ports::store::{Change, CommitError, Filter, Page, Rows, Store, StoreError};
use sealing::BlindIndex;
use tokio::time::timeout;

use super::{Database, Purpose, Query, SqlStore};
use crate::group_commit::PROOF_MAX;
use crate::listing::{Listing, behind, is_as_entered};
use crate::reads::{
    ANYONES_PAYMENTS, ANYONES_REFUND, EVENTS, FIRST_FAILED_BY_REFERENCE, KEY, PAYMENT, PAYMENT_BY_REFERENCE,
    REFUND, REFUNDS,
};
use crate::rows::{EventRow, KeyRow, PaymentRow, RefundRow};
use crate::sealed::Customer;
use crate::unavailable;

impl<D: Database> SqlStore<D> {
    /// The indexes of the reference that is looked for, under each key that another process may have used.
    async fn customers(&self, client: &ClientId, filter: &Filter) -> Result<Vec<BlindIndex>, StoreError> {
        let Some(reference) = &filter.customer_reference else { return Ok(Vec::new()) };
        self.keys.look_up(&*self.database).await?;
        Ok(Customer::indexes(client.as_str(), reference, &self.keys.sealer))
    }
}

#[async_trait]
impl<D: Database> Store for SqlStore<D> {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.keys.prepare(&self.database).await?;
        self.database.commits().commit(change).await
    }

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.found::<PaymentRow, _>(Query::new(PAYMENT).with(id.to_string()).with(client.as_str())).await
    }

    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        let query = Query::new(PAYMENT_BY_REFERENCE).with(provider.name()).with(reference.as_str());
        self.found::<PaymentRow, _>(query).await
    }

    async fn first_failed_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        let query = Query::new(FIRST_FAILED_BY_REFERENCE).with(provider.name()).with(reference.as_str());
        self.found::<PaymentRow, _>(query).await
    }

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError> {
        let customers = self.customers(client, filter).await?;
        let fetch = async |after: Option<String>| {
            let listing = Listing::of(client, filter, after.as_deref(), &customers);
            self.all::<PaymentRow>(Purpose::List, listing.into()).await
        };
        let _share = self.database.shares().take(client).await?;
        let after = filter.after.map(|id| id.to_string());
        let as_entered = |payment: &Payment| is_as_entered(filter, payment);
        let found = behind(self.database.rows(), after, filter.limit, as_entered, fetch);
        let (rows, has_more) = match self.database.list_max() {
            Some(most) => timeout(most, found).await.map_err(|_| StoreError::TimedOut)??,
            None => found.await?,
        };
        Ok(Page { items: rows.items, has_more })
    }

    async fn payments_since(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Rows<Payment>, StoreError> {
        let fetch = async |after: Option<String>| {
            let query = Query::new(ANYONES_PAYMENTS)
                .with(since.as_microsecond())
                .with(after.unwrap_or_default())
                .with(i64::from(limit) + 1);
            self.all::<PaymentRow>(Purpose::Operators, query).await
        };
        let after = after.map(|id| id.to_string());
        Ok(behind(self.database.rows(), after, limit, |_| true, fetch).await?.0)
    }

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        self.found::<RefundRow, _>(Query::new(REFUND).with(id.to_string()).with(client.as_str())).await
    }

    async fn refund_by_id(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        self.found::<RefundRow, _>(Query::new(ANYONES_REFUND).with(id.to_string())).await
    }

    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Rows<Refund>, StoreError> {
        let query = Query::new(REFUNDS).with(payment.to_string()).with(client.as_str());
        self.database.rows().read(self.all::<RefundRow>(Purpose::Money, query).await?)
    }

    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError> {
        let query = Query::new(EVENTS).with(payment.to_string()).with(client.as_str());
        Ok(self.database.rows().read(self.all::<EventRow>(Purpose::Money, query).await?)?.items)
    }

    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError> {
        self.found::<KeyRow, _>(Query::new(KEY).with(scope.to_string())).await
    }

    fn audit(&self) -> &dyn Audit {
        self
    }

    /// If other processes may write, an in-flight call may be theirs.
    fn is_exclusive(&self) -> bool {
        D::IS_EXCLUSIVE
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let reading = timeout(PROOF_MAX, self.database.check());
        let writing = self.database.commits().prove();
        let (read, written, sealed) = tokio::join!(reading, writing, self.keys.prove(&self.database));
        read.map_err(unavailable)??;
        written?;
        sealed
    }

    async fn died(&self) -> &'static str {
        self.database.commits().until_dead().await;
        "database writer"
    }
}
