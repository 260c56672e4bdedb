//! Relay connections (GraphQL Cursor Connections Specification), forwards only.

use async_graphql::connection::{Connection, Edge, EmptyFields, PageInfo};
use async_graphql::{Error, Object, OutputType};
use edge_core::error::ErrorCode;
use payments::model::id::PaymentId;
use payments::model::payment::Payment;
use payments::ports::store::Filter;

use super::caller::{Caller, failed};
use super::objects::{EventObject, PaymentObject, RefundObject};
use crate::http::error::ApiError;
use crate::http::event_log;
use crate::live::Interest;

/// Items of a page, unless `first` is given.
pub(super) const PAGE_FIRST: usize = 20;
/// The same for events.
pub(super) const EVENTS_FIRST: usize = 100;
const FIRST_MAX: usize = 100;

/// What a page counts in the cost of a query. A wrong `first` is refused later.
pub(super) fn size(first: Option<i32>, default: usize) -> usize {
    first.map_or(default, |first| usize::try_from(first).unwrap_or(0)).min(FIRST_MAX)
}

fn checked(first: Option<i32>, default: usize) -> Result<u32, Error> {
    let first = first.map_or(Some(default), |first| usize::try_from(first).ok());
    let fits =
        first.filter(|first| (1..=FIRST_MAX).contains(first)).and_then(|first| u32::try_from(first).ok());
    fits.ok_or_else(|| wrong("first", "must be from 1 to 100"))
}

pub(super) fn wrong(param: &str, rule: &str) -> Error {
    failed(ApiError::new(ErrorCode::InvalidRequest, format!("`{param}` {rule}")).about(param))
}

/// A page of a payment's refunds, of which there are few.
pub(super) fn of_all(
    all: Vec<RefundObject>,
    first: Option<i32>,
    after: Option<String>,
) -> Result<Connection<String, RefundObject>, Error> {
    let first = usize::try_from(checked(first, PAGE_FIRST)?).unwrap_or(FIRST_MAX);
    let begin = match after {
        None => 0,
        Some(after) => {
            let at = all.iter().position(|one| one.id.to_string() == after);
            at.ok_or_else(|| wrong("after", "must be the cursor of a refund of this payment"))? + 1
        }
    };
    let has_next = all.len() > begin + first;
    let page = all.into_iter().skip(begin).take(first);
    Ok(connection(begin > 0, has_next, page.map(|one| (one.id.to_string(), one))))
}

/// A page of the client's payments, newest first.
pub(super) async fn payments(
    caller: &Caller,
    mut filter: Filter,
    first: Option<i32>,
    after: Option<String>,
) -> Result<Connection<String, PaymentObject>, Error> {
    filter.limit = checked(first, PAGE_FIRST)?;
    filter.after =
        after.map(|id| id.parse()).transpose().map_err(|_| wrong("after", "must be a payment's id"))?;
    let (store, _read) = caller.store().await;
    let page = store.payments(caller.client(), &filter).await.map_err(failed)?;
    let shown = |payment: Payment| (payment.id.to_string(), PaymentObject::from(payment).without_secrets());
    let items = page.items.into_iter().map(shown);
    Ok(connection(filter.after.is_some(), page.has_more, items))
}

/// A page of the event log, oldest first.
pub(super) async fn events(
    caller: &Caller,
    payment: Option<PaymentId>,
    types: Vec<String>,
    first: Option<i32>,
    after: Option<String>,
) -> Result<EventConnection, Error> {
    let limit = checked(first, EVENTS_FIRST)?;
    let interest = Interest {
        client: caller.client().clone(),
        payments: payment.into_iter().collect(),
        types,
        is_payers: false,
    };
    let (store, _read) = caller.store().await;
    let behind = event_log::position_after(store, after.as_deref(), "after").await.map_err(failed)?;
    let page = event_log::read_page(store, &interest, behind, limit).await.map_err(failed)?;
    let events = page.events.into_iter().map(EventObject::from);
    Ok(EventConnection {
        has_previous_page: behind.is_some(),
        has_next_page: page.has_more,
        end: page.end.id().to_string(),
        edges: events.map(|event| Edge::new(event.cursor(), event)).collect(),
    })
}

/// A part of the event log. The library's connection ends with its last edge, so that a client could not continue after a
/// part without any.
pub(super) struct EventConnection {
    has_previous_page: bool,
    has_next_page: bool,
    /// Where to continue if there are no edges.
    end: String,
    edges: Vec<Edge<String, EventObject, EmptyFields>>,
}

#[Object]
impl EventConnection {
    /// Information to aid in pagination.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous_page,
            has_next_page: self.has_next_page,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: Some(self.edges.last().map_or(&self.end, |edge| &edge.cursor).clone()),
        }
    }

    /// A list of edges.
    async fn edges(&self) -> &[Edge<String, EventObject, EmptyFields>] {
        &self.edges
    }

    /// A list of nodes.
    async fn nodes(&self) -> Vec<&EventObject> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }
}

fn connection<T: OutputType>(
    has_previous: bool,
    has_next: bool,
    items: impl Iterator<Item = (String, T)>,
) -> Connection<String, T> {
    let mut connection = Connection::new(has_previous, has_next);
    connection.edges.extend(items.map(|(cursor, item)| Edge::new(cursor, item)));
    connection
}
