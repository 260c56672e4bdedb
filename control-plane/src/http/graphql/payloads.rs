//! The results of mutations. A decline is data; everything else that goes wrong is an error with a code.

use async_graphql::{ComplexObject, Context, Error, ID, SimpleObject};
use edge_core::error::{ErrorBody, ErrorCode, ErrorDetail};
use payments::model::idempotency::StoredAnswer;
use serde::Deserialize;

use super::caller::{caller, failed};
use super::errors::field_error;
use super::objects::{PaymentObject, READ_COST, RefundObject};
use crate::http::error::ApiError;

/// Why the payment was declined.
#[derive(SimpleObject)]
pub(super) struct UserError {
    /// `PAYMENT_FAILED`.
    code: String,
    message: String,
    /// The provider's reason, e.g. `insufficient_funds`.
    decline_code: Option<String>,
    /// The provider's own code, e.g. `card_declined`.
    provider_code: Option<String>,
}

/// What became of a mutation of a payment.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct PaymentPayload {
    /// Given even if the payment cannot be read now.
    transaction_id: ID,
    /// Empty unless the payment was declined.
    user_errors: Vec<UserError>,
}

#[ComplexObject]
impl PaymentPayload {
    /// The payment as it is now.
    #[graphql(complexity = "READ_COST + child_complexity")]
    async fn payment(&self, context: &Context<'_>) -> Result<Option<PaymentObject>, Error> {
        caller(context)?.payment(&self.transaction_id).await
    }
}

/// What became of a refund.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct RefundPayload {
    /// Given even if the refund cannot be read now.
    refund_id: ID,
}

#[ComplexObject]
impl RefundPayload {
    /// The refund as it is now.
    #[graphql(complexity = "READ_COST + child_complexity")]
    async fn refund(&self, context: &Context<'_>) -> Result<Option<RefundObject>, Error> {
        let Ok(id) = self.refund_id.parse() else { return Ok(None) };
        let caller = caller(context)?;
        let (store, _read) = caller.store().await;
        Ok(store.refund(caller.client(), id).await.map_err(failed)?.map(RefundObject::from))
    }
}

/// The ids in an answer of the same operation over REST, which is what is stored under the key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    #[serde(default)]
    transaction_id: String,
    #[serde(default)]
    refund_id: String,
}

impl PaymentPayload {
    pub(super) fn of(answer: &StoredAnswer) -> Result<Self, Error> {
        match read(answer)? {
            Ok(done) => Ok(Self { transaction_id: done.transaction_id.into(), user_errors: Vec::new() }),
            Err(ErrorDetail {
                code: ErrorCode::PaymentFailed,
                transaction_id: Some(id),
                message,
                decline_code,
                provider_code,
                ..
            }) => {
                let code = ErrorCode::PaymentFailed.name();
                let error = UserError { code, message, decline_code, provider_code };
                Ok(Self { transaction_id: id.into(), user_errors: vec![error] })
            }
            Err(detail) => Err(told(detail)),
        }
    }
}

impl RefundPayload {
    pub(super) fn of(answer: &StoredAnswer) -> Result<Self, Error> {
        Ok(Self { refund_id: read(answer)?.map_err(told)?.refund_id.into() })
    }
}

fn told(detail: ErrorDetail) -> Error {
    field_error(ApiError(Box::new(ErrorBody { success: false, error: detail })))
}

fn read(answer: &StoredAnswer) -> Result<Result<Done, ErrorDetail>, Error> {
    let unreadable = |_| failed(ApiError::new(ErrorCode::InternalError, "the stored answer cannot be read"));
    if answer.status < 400 {
        return serde_json::from_str(&answer.body).map(Ok).map_err(unreadable);
    }
    let body: ErrorBody = serde_json::from_str(&answer.body).map_err(unreadable)?;
    Ok(Err(body.error))
}
