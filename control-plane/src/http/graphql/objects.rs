//! The API's objects. Each wraps what `GET` answers with, so that both say the same.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, Error, ID, Interface, Object, SimpleObject};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Verification, Wallet};
use payments::model;
use payments::model::id::{PaymentId, RefundId};
use payments::model::payment::Payment;
use payments::model::refund::Refund;
use payments::model::webhook::Dispute;
use payments::ports::store::LoggedEvent;

use super::caller::{caller, failed};
use super::pages::{self, EVENTS_FIRST, PAGE_FIRST};
use super::scalars::{DateTime, MinorUnits};
use crate::http::view::{
    DisputeView, EventView, FailureView, NextAction, PaidWithView, PaymentView, RefundView,
};
use crate::http::wire::{CancelReason, EventOutcome, RefundStatus, Status, Verdict};

/// Reads of the store cost more than fields of what is read already.
pub(super) const READ_COST: usize = 10;

/// The provider that moves the money.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Provider", name = "Provider")]
pub(super) enum ProviderName {
    Stripe,
    Paypal,
}

/// Whether the money moves at once or is only authorized, to be captured later.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "CaptureMode", name = "CaptureMode")]
pub(super) enum CaptureName {
    Automatic,
    Manual,
}

/// The wallet that the payer confirms a PayPal order with.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Wallet", name = "Wallet")]
pub(super) enum WalletName {
    ApplePay,
    GooglePay,
}

/// Whether the payer has to authenticate.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Verification", name = "Verification")]
pub(super) enum VerificationName {
    /// Where the law of the payer's or the payee's place wants it.
    WhenRequired,
    Always,
}

/// An object with an id of its own.
#[derive(Interface)]
#[graphql(name = "Node", field(name = "id", ty = "ID"))]
#[expect(clippy::large_enum_variant, reason = "an interface holds its objects themselves, one at a time")]
pub(super) enum Node {
    Payment(PaymentObject),
    Refund(RefundObject),
}

/// One of a payment's metadata.
#[derive(SimpleObject)]
pub(super) struct MetadataEntry {
    key: String,
    value: String,
}

pub(super) struct PaymentObject {
    id: PaymentId,
    view: PaymentView,
}

impl From<Payment> for PaymentObject {
    fn from(payment: Payment) -> Self {
        Self { id: payment.id, view: payment.into() }
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

    /// What it was paid with, where the provider tells.
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

    /// Of a canceled payment that nobody here canceled.
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
    ) -> Result<Connection<String, EventObject, EmptyFields>, Error> {
        pages::events(caller(context)?, Some(self.id), Vec::new(), first, after).await
    }
}

pub(super) struct RefundObject {
    pub(super) id: RefundId,
    payment: PaymentId,
    view: RefundView,
}

impl From<Refund> for RefundObject {
    fn from(refund: Refund) -> Self {
        Self { id: refund.id, payment: refund.payment, view: refund.into() }
    }
}

/// A refund.
#[Object(name = "Refund")]
impl RefundObject {
    pub(super) async fn id(&self) -> ID {
        self.id.to_string().into()
    }

    #[graphql(complexity = "READ_COST + child_complexity")]
    async fn payment(&self, context: &Context<'_>) -> Result<Option<PaymentObject>, Error> {
        caller(context)?.payment(&self.payment.to_string()).await
    }

    async fn status(&self) -> RefundStatus {
        self.view.status
    }

    async fn amount(&self) -> MinorUnits {
        MinorUnits(self.view.amount.minor())
    }

    /// The ISO 4217 code.
    async fn currency(&self) -> &str {
        self.view.currency.code()
    }

    async fn failure(&self) -> Option<&FailureView> {
        self.view.failure.as_ref()
    }

    async fn provider_reference(&self) -> Option<&str> {
        self.view.provider_reference.as_deref()
    }

    async fn created_at(&self) -> DateTime {
        DateTime(self.view.created_at)
    }

    async fn updated_at(&self) -> DateTime {
        DateTime(self.view.updated_at)
    }
}

pub(super) struct DisputeObject(DisputeView);

impl From<Dispute> for DisputeObject {
    fn from(dispute: Dispute) -> Self {
        Self(dispute.into())
    }
}

/// A payer's complaint about a payment.
#[Object(name = "Dispute")]
impl DisputeObject {
    /// The provider's name for it.
    async fn dispute_id(&self) -> &str {
        &self.0.dispute_id
    }

    /// `false`: PayPal's webhook claims it, and PayPal does not let this account read its own record.
    async fn verified(&self) -> bool {
        self.0.verified
    }

    /// The provider's word for it, e.g. `fraudulent`.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The provider's word for it, e.g. `needs_response`.
    async fn status(&self) -> Option<&str> {
        self.0.status.as_deref()
    }

    /// How it ended.
    async fn outcome(&self) -> Option<Verdict> {
        self.0.outcome
    }

    /// The provider's word for the outcome.
    async fn outcome_code(&self) -> Option<&str> {
        self.0.outcome_code.as_deref()
    }

    async fn amount(&self) -> Option<MinorUnits> {
        self.0.amount.map(|amount| MinorUnits(amount.minor()))
    }

    /// The ISO 4217 code.
    async fn currency(&self) -> Option<&str> {
        self.0.currency.as_ref().map(|currency| currency.code())
    }

    async fn opened_at(&self) -> Option<DateTime> {
        self.0.opened_at.map(DateTime)
    }

    async fn closed_at(&self) -> Option<DateTime> {
        self.0.closed_at.map(DateTime)
    }
}

pub(super) struct EventObject {
    position: model::log::Position,
    payment: PaymentId,
    refund: Option<RefundId>,
    version: u32,
    view: EventView,
}

impl From<LoggedEvent> for EventObject {
    fn from(LoggedEvent { position, event }: LoggedEvent) -> Self {
        let (payment, refund, version) = (event.payment, event.refund, event.version);
        Self { position, payment, refund, version, view: event.into() }
    }
}

impl EventObject {
    pub(super) fn cursor(&self) -> String {
        self.position.id().to_string()
    }
}

/// A transition of a payment or a refund.
#[Object(name = "Event")]
impl EventObject {
    /// Continue behind the event with it.
    async fn id(&self) -> ID {
        self.cursor().into()
    }

    /// `payment.completed`, `refund.processed`, `payment.dispute_opened`, …
    async fn r#type(&self) -> &str {
        &self.view.kind
    }

    async fn transaction_id(&self) -> ID {
        self.payment.to_string().into()
    }

    async fn refund_id(&self) -> Option<ID> {
        self.refund.map(|id| id.to_string().into())
    }

    /// The payment as it is now.
    #[graphql(complexity = "READ_COST + child_complexity")]
    async fn payment(&self, context: &Context<'_>) -> Result<Option<PaymentObject>, Error> {
        caller(context)?.payment(&self.payment.to_string()).await
    }

    /// The version of the payment, or of the refund if there is a `refundId`: they count their own transitions from 0.
    async fn version(&self) -> u32 {
        self.version
    }

    async fn from(&self) -> Option<&str> {
        self.view.from.as_deref()
    }

    async fn to(&self) -> &str {
        &self.view.to
    }

    async fn at(&self) -> DateTime {
        DateTime(self.view.at)
    }

    /// The request that caused it, or `webhook` and the id of the provider's event.
    async fn request_id(&self) -> &str {
        &self.view.request_id
    }

    /// The address that the request came from.
    async fn address(&self) -> Option<&str> {
        self.view.address.as_deref()
    }

    /// Whether what was wanted happened; `null` in records of releases that did not tell.
    async fn outcome(&self) -> Option<EventOutcome> {
        self.view.outcome
    }

    async fn operation(&self) -> Option<&str> {
        self.view.operation.as_deref()
    }

    async fn amount(&self) -> Option<MinorUnits> {
        self.view.amount.map(|amount| MinorUnits(amount.minor()))
    }

    async fn provider_reference(&self) -> Option<&str> {
        self.view.provider_reference.as_deref()
    }

    /// The provider's code for a refusal.
    async fn code(&self) -> Option<&str> {
        self.view.code.as_deref()
    }

    async fn reason(&self) -> Option<&str> {
        self.view.reason.as_deref()
    }

    /// `true` where a provider's event claims it and the provider's own record could not be read.
    async fn unverified(&self) -> bool {
        self.view.unverified
    }
}
