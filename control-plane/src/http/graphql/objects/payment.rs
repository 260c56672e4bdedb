//! A payment, with its refunds, disputes and events.

use async_graphql::connection::Connection;
use async_graphql::{Context, Error, ID, Object, SimpleObject};
use payments::model::id::PaymentId;
use payments::model::payment::Payment;

use super::dispute::DisputeObject;
use super::{READ_COST, RefundObject};
use crate::http::graphql::caller::{caller, failed};
use crate::http::graphql::enums::{CaptureName, ProviderName};
use crate::http::graphql::pages::{self, EVENTS_FIRST, EventConnection, PAGE_FIRST};
use crate::http::graphql::scalars::{DateTime, MinorUnits};
use crate::http::view::{FailureView, NextAction, PaidWithView, PaymentView};
use crate::http::wire::{CancelReason, Status};

/// One of a payment's metadata.
#[derive(SimpleObject)]
pub(super) struct MetadataEntry {
    key: String,
    value: String,
}

pub(in crate::http::graphql) struct PaymentObject {
    id: PaymentId,
    view: PaymentView,
}

impl From<Payment> for PaymentObject {
    fn from(payment: Payment) -> Self {
        Self { id: payment.id, view: payment.into() }
    }
}

impl PaymentObject {
    /// As part of a list, or beside an event or a refund.
    pub(in crate::http::graphql) fn without_secrets(self) -> Self {
        Self { view: self.view.without_secrets(), ..self }
    }
}

/// A payment.
#[Object(name = "Payment")]
impl PaymentObject {
    pub(super) async fn id(&self) -> ID {
        self.id.to_string().into()
    }

    async fn status(&self) -> Status {
        self.view.status
    }

    async fn provider(&self) -> ProviderName {
        self.view.provider.into()
    }

    async fn amount(&self) -> MinorUnits {
        MinorUnits(self.view.amount.minor())
    }

    /// The ISO 4217 code.
    async fn currency(&self) -> &str {
        self.view.currency.code()
    }

    async fn capture(&self) -> CaptureName {
        self.view.capture.into()
    }

    /// What moved to you.
    async fn amount_captured(&self) -> MinorUnits {
        MinorUnits(self.view.amount_captured)
    }

    /// Given back, or being given back.
    async fn amount_refunded(&self) -> MinorUnits {
        MinorUnits(self.view.amount_refunded)
    }

    async fn payment_method_id(&self) -> Option<&str> {
        self.view.payment_method_id.as_deref()
    }

    /// What it was paid with, if the provider reports it.
    async fn payment_method(&self) -> Option<&PaidWithView> {
        self.view.payment_method.as_ref()
    }

    async fn description(&self) -> Option<&str> {
        self.view.description.as_deref()
    }

    /// Your own name for the payer or the order.
    async fn customer_reference(&self) -> Option<&str> {
        self.view.customer_reference.as_deref()
    }

    async fn metadata(&self) -> Vec<MetadataEntry> {
        let entries = self.view.metadata.iter();
        entries.map(|(key, value)| MetadataEntry { key: key.to_owned(), value: value.to_owned() }).collect()
    }

    /// Whether what you sent of the payer has ended: `paymentMethodId`, `description`, `customerReference` and `metadata` are
    /// gone for good.
    async fn erased(&self) -> bool {
        self.view.erased
    }

    /// What the payer has to do.
    async fn next_action(&self) -> Option<&NextAction> {
        self.view.next_action.as_ref()
    }

    async fn failure(&self) -> Option<&FailureView> {
        self.view.failure.as_ref()
    }

    /// Why a payment was canceled without a client's or operator's request.
    async fn cancel_reason(&self) -> Option<CancelReason> {
        self.view.cancel_reason
    }

    /// The provider's name for the payment: a PaymentIntent or an order.
    async fn provider_reference(&self) -> Option<&str> {
        self.view.provider_reference.as_deref()
    }

    async fn created_at(&self) -> DateTime {
        DateTime(self.view.created_at)
    }

    async fn updated_at(&self) -> DateTime {
        DateTime(self.view.updated_at)
    }

    /// In the order they were made.
    #[graphql(complexity = "READ_COST + pages::size(first, PAGE_FIRST) * child_complexity")]
    async fn refunds(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<String, RefundObject>, Error> {
        let caller = caller(context)?;
        let (store, _read) = caller.store().await;
        let refunds = store.refunds(caller.client(), self.id).await.map_err(failed)?.items;
        pages::of_all(refunds.into_iter().map(RefundObject::from).collect(), first, after)
    }

    /// Complaints of the payer, in the order they were opened.
    #[graphql(complexity = "READ_COST + PAGE_FIRST * child_complexity")]
    async fn disputes(&self, context: &Context<'_>) -> Result<Vec<DisputeObject>, Error> {
        let caller = caller(context)?;
        let (store, _read) = caller.store().await;
        let disputes = store.disputes(caller.client(), self.id).await.map_err(failed)?;
        Ok(disputes.into_iter().map(DisputeObject::from).collect())
    }

    /// Its transitions and those of its refunds, oldest first.
    #[graphql(complexity = "READ_COST + pages::size(first, EVENTS_FIRST) * child_complexity")]
    async fn events(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<EventConnection, Error> {
        pages::events(caller(context)?, Some(self.id), Vec::new(), first, after).await
    }
}
