//! An event: one transition of a payment or a refund.

use async_graphql::{Context, Error, ID, Object};
use payments::model;
use payments::model::id::{AttemptId, PaymentId, RefundId};
use payments::ports::store::LoggedEvent;

use super::{PaymentObject, READ_COST};
use crate::http::event_view::EventView;
use crate::http::graphql::caller::caller;
use crate::http::graphql::scalars::{DateTime, MinorUnits};
use crate::http::wire::EventOutcome;

pub(in crate::http::graphql) struct EventObject {
    position: model::log::Position,
    payment: PaymentId,
    refund: Option<RefundId>,
    attempt: Option<AttemptId>,
    version: u32,
    view: EventView,
}

impl From<LoggedEvent> for EventObject {
    fn from(LoggedEvent { position, event }: LoggedEvent) -> Self {
        let (payment, refund, version) = (event.payment, event.refund, event.version);
        let attempt = event.detail.attempt;
        Self { position, payment, refund, attempt, version, view: event.into() }
    }
}

impl EventObject {
    pub(in crate::http::graphql) fn cursor(&self) -> String {
        self.position.id().to_string()
    }
}

/// A transition of a payment or a refund.
#[Object(name = "Event")]
impl EventObject {
    /// Pass it as `after` to continue after this event.
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
        let payment = caller(context)?.payment(&self.payment.to_string()).await?;
        Ok(payment.map(PaymentObject::without_secrets))
    }

    /// The version of the payment, or of the refund if there is a `refundId`: a payment's first event has version 0, a refund's 1.
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

    /// Whose payment it is.
    async fn client(&self) -> &str {
        &self.view.client
    }

    /// The request that caused it, or `webhook` and the id of the provider's event.
    async fn request_id(&self) -> &str {
        &self.view.request_id
    }

    /// The address that the request came from.
    async fn address(&self) -> Option<&str> {
        self.view.address.as_deref()
    }

    /// Whether what was wanted happened; `null` in records of releases that did not record it.
    async fn outcome(&self) -> Option<EventOutcome> {
        self.view.outcome
    }

    async fn operation(&self) -> Option<&str> {
        self.view.operation.as_deref()
    }

    async fn amount(&self) -> Option<MinorUnits> {
        self.view.amount.map(|amount| MinorUnits(amount.minor()))
    }

    /// One try to have one thing done at a provider.
    async fn attempt_id(&self) -> Option<ID> {
        self.attempt.map(|id| id.to_string().into())
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

    /// How often the provider was asked in vain, where it is asked again.
    async fn tries(&self) -> Option<u32> {
        self.view.tries
    }

    /// When it is asked again.
    async fn next_at(&self) -> Option<DateTime> {
        self.view.next_at.map(DateTime)
    }

    /// `true` where a provider's event claims it and the provider's own record could not be read.
    async fn unverified(&self) -> bool {
        self.view.unverified
    }
}
