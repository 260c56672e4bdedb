//! The reads, each by the client who owns what is read.

use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::Timestamp;
use sqlx::{QueryBuilder, SqlitePool};

use super::unavailable;
use crate::domain::event::Event;
use crate::domain::id::{PaymentId, RefundId};
use crate::domain::payment::Payment;
use crate::domain::provider::ProviderRef;
use crate::domain::refund::Refund;
use crate::domain::store::{Filter, Page, StoreError};
use crate::store::rows::{EventRow, PaymentRow, RefundRow};

pub(super) async fn payment(
    readers: &SqlitePool,
    client: &ClientId,
    id: PaymentId,
) -> Result<Option<Payment>, StoreError> {
    sqlx::query_as::<_, PaymentRow>("SELECT * FROM payments WHERE id = ? AND client = ?")
        .bind(id.to_string())
        .bind(client.as_str())
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?
        .map(Payment::try_from)
        .transpose()
}

/// A failed payment does not keep the order it was made with: the newest living one has it.
pub(super) async fn payment_by_reference(
    readers: &SqlitePool,
    provider: Provider,
    reference: &ProviderRef,
) -> Result<Option<Payment>, StoreError> {
    sqlx::query_as::<_, PaymentRow>(
        "SELECT * FROM payments WHERE provider = ? AND reference = ? AND state <> 'failed'
         ORDER BY id DESC LIMIT 1",
    )
    .bind(provider.name())
    .bind(reference.as_str())
    .fetch_optional(readers)
    .await
    .map_err(unavailable)?
    .map(Payment::try_from)
    .transpose()
}

pub(super) async fn payments(
    readers: &SqlitePool,
    client: &ClientId,
    filter: &Filter,
) -> Result<Page<Payment>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM payments WHERE client = ");
    query.push_bind(client.as_str());
    if let Some(after) = filter.after {
        query.push(" AND id < ").push_bind(after.to_string());
    }
    if let Some(provider) = filter.provider {
        query.push(" AND provider = ").push_bind(provider.name());
    }
    if let Some(status) = filter.status {
        let mut names = query.push(" AND state IN (").separated(", ");
        for state in status.states() {
            names.push_bind(*state);
        }
        query.push(")");
    }
    if let Some(time) = filter.created_after {
        query.push(" AND created_at > ").push_bind(time.as_microsecond());
    }
    if let Some(time) = filter.created_before {
        query.push(" AND created_at < ").push_bind(time.as_microsecond());
    }
    // One more than asked for tells whether there is a next page.
    query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
    let rows: Vec<PaymentRow> = query.build_query_as().fetch_all(readers).await.map_err(unavailable)?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    let items = rows.into_iter().take(limit).map(Payment::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, has_more })
}

pub(super) async fn anyones_payments(
    readers: &SqlitePool,
    since: Timestamp,
    after: Option<PaymentId>,
    limit: u32,
) -> Result<Vec<Payment>, StoreError> {
    sqlx::query_as::<_, PaymentRow>(
        "SELECT * FROM payments WHERE (updated_at >= $1 OR due_at IS NOT NULL) AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(since.as_microsecond())
    .bind(after.map_or_else(String::new, |id| id.to_string()))
    .bind(i64::from(limit))
    .fetch_all(readers)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(Payment::try_from)
    .collect()
}

pub(super) async fn refund(
    readers: &SqlitePool,
    client: &ClientId,
    id: RefundId,
) -> Result<Option<Refund>, StoreError> {
    sqlx::query_as::<_, RefundRow>("SELECT * FROM refunds WHERE id = ? AND client = ?")
        .bind(id.to_string())
        .bind(client.as_str())
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?
        .map(Refund::try_from)
        .transpose()
}

pub(super) async fn anyones_refund(readers: &SqlitePool, id: RefundId) -> Result<Option<Refund>, StoreError> {
    sqlx::query_as::<_, RefundRow>("SELECT * FROM refunds WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?
        .map(Refund::try_from)
        .transpose()
}

pub(super) async fn refunds(
    readers: &SqlitePool,
    client: &ClientId,
    payment: PaymentId,
) -> Result<Vec<Refund>, StoreError> {
    sqlx::query_as::<_, RefundRow>("SELECT * FROM refunds WHERE payment = ? AND client = ? ORDER BY id")
        .bind(payment.to_string())
        .bind(client.as_str())
        .fetch_all(readers)
        .await
        .map_err(unavailable)?
        .into_iter()
        .map(Refund::try_from)
        .collect()
}

pub(super) async fn events(
    readers: &SqlitePool,
    client: &ClientId,
    payment: PaymentId,
) -> Result<Vec<Event>, StoreError> {
    sqlx::query_as::<_, EventRow>(
        "SELECT events.* FROM events JOIN payments ON payments.id = events.payment
         WHERE events.payment = ? AND payments.client = ? ORDER BY seq",
    )
    .bind(payment.to_string())
    .bind(client.as_str())
    .fetch_all(readers)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(Event::try_from)
    .collect()
}
