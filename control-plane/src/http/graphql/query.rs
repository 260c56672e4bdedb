//! What clients read.

use async_graphql::connection::Connection;
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use edge_core::error::ErrorCode;
use edge_core::request::{EventsQuery, ListQuery, are_event_types};
use payments::model::payment;
use payments::ports::store::Filter;

use super::caller::{caller, failed};
use super::enums::ProviderName;
use super::objects::{Node, PaymentObject, READ_COST, RefundObject};
use super::pages::{self, EVENTS_FIRST, EventConnection, PAGE_FIRST, wrong};
use super::scalars::DateTime;
use crate::http::error::ApiError;
use crate::http::wire::Status;

/// Which payments.
#[derive(Default, InputObject)]
pub(super) struct PaymentFilter {
    provider: Option<ProviderName>,
    status: Option<Status>,
    created_after: Option<DateTime>,
    created_before: Option<DateTime>,
    /// Only payments with exactly this reference, 1 to 127 characters.
    customer_reference: Option<String>,
}

impl TryFrom<PaymentFilter> for Filter {
    type Error = Error;

    fn try_from(filter: PaymentFilter) -> Result<Self, Error> {
        let is_wrong = |reference: &String| !ListQuery::is_customer_reference(reference);
        if filter.customer_reference.as_ref().is_some_and(is_wrong) {
            return Err(wrong("customerReference", ListQuery::CUSTOMER_REFERENCE_RULE));
        }
        Ok(Self {
            limit: 0,
            after: None,
            provider: filter.provider.map(Into::into),
            status: filter.status.map(payment::Status::from),
            created_after: filter.created_after.map(|instant| instant.0),
            created_before: filter.created_before.map(|instant| instant.0),
            customer_reference: filter.customer_reference,
        })
    }
}

/// Who asks.
#[derive(SimpleObject)]
pub(super) struct Viewer {
    /// The client whose key the request came with.
    client: String,
}

pub(super) struct Query;

#[Object(name = "Query")]
impl Query {
    /// A payment or a refund of yours by its id.
    #[graphql(complexity = "READ_COST + child_complexity")]
    async fn node(&self, context: &Context<'_>, id: ID) -> Result<Option<Node>, Error> {
        if id.starts_with("rfnd_") {
            return Ok(self.refund(context, id).await?.map(Node::Refund));
        }
        Ok(caller(context)?.payment(&id).await?.map(Node::Payment))
    }

    /// A payment of yours; null if there is none with this id.
    #[graphql(complexity = "READ_COST + child_complexity")]
    async fn payment(&self, context: &Context<'_>, id: ID) -> Result<Option<PaymentObject>, Error> {
        caller(context)?.payment(&id).await
    }

    /// Your payments, newest first.
    #[graphql(complexity = "READ_COST + pages::size(first, PAGE_FIRST) * child_complexity")]
    async fn payments(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<PaymentFilter>,
    ) -> Result<Connection<String, PaymentObject>, Error> {
        pages::payments(caller(context)?, filter.unwrap_or_default().try_into()?, first, after).await
    }

    /// A refund of yours; null if there is none with this id.
    #[graphql(complexity = "READ_COST + child_complexity")]
    async fn refund(&self, context: &Context<'_>, id: ID) -> Result<Option<RefundObject>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let caller = caller(context)?;
        let (store, _read) = caller.store().await;
        Ok(store.refund(caller.client(), id).await.map_err(failed)?.map(RefundObject::from))
    }

    /// Every transition of your payments and refunds, oldest first. A cursor is an event's id.
    #[graphql(complexity = "READ_COST + pages::size(first, EVENTS_FIRST) * child_complexity")]
    async fn events(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        payment: Option<ID>,
        types: Option<Vec<String>>,
    ) -> Result<EventConnection, Error> {
        let (payment, types) = (payment_of(payment)?, types_of(types)?);
        pages::events(caller(context)?, payment, types, first, after).await
    }

    async fn viewer(&self, context: &Context<'_>) -> Result<Viewer, Error> {
        Ok(Viewer { client: caller(context)?.client().to_string() })
    }
}

/// The payment that events are asked of.
pub(super) fn payment_of(id: Option<ID>) -> Result<Option<payments::model::id::PaymentId>, Error> {
    id.map(|id| id.parse()).transpose().map_err(|_| {
        failed(ApiError::new(ErrorCode::InvalidRequest, "`payment` must be a payment's id").about("payment"))
    })
}

/// The types that events are asked of; all if the list is left out.
pub(super) fn types_of(types: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    match types {
        None => Ok(Vec::new()),
        Some(types) if are_event_types(&types) => Ok(types),
        // An empty list comes from a client that has nothing to ask for, and must not give it everything.
        Some(_) => {
            let most = EventsQuery::TYPES_MAX;
            let rule = format!("must be 1 to {most} event types, e.g. `payment.completed`, or be left out");
            Err(wrong("types", &rule))
        }
    }
}
