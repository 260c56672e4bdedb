//! A refund of a payment.

use async_graphql::{Context, Error, ID, Object};
use payments::model::id::{PaymentId, RefundId};
use payments::model::refund::Refund;

use super::{PaymentObject, READ_COST};
use crate::http::graphql::caller::caller;
use crate::http::graphql::scalars::{DateTime, MinorUnits};
use crate::http::view::{FailureView, RefundView};
use crate::http::wire::RefundStatus;

pub(in crate::http::graphql) struct RefundObject {
    pub(in crate::http::graphql) id: RefundId,
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
        let payment = caller(context)?.payment(&self.payment.to_string()).await?;
        Ok(payment.map(PaymentObject::without_secrets))
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
