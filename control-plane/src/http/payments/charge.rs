use axum::extract::State;
use axum::response::Response;
use edge_core::error::ErrorBody;
use edge_core::request::ChargeRequest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::idempotency::Answer;
use crate::domain::operations::{self, OperationError};
use crate::domain::payment::{Payment, Status};
use crate::domain::provider::OperationKind;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::once::once;
use crate::http::view::NextAction;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChargeAnswer {
    /// Always `true`.
    success: bool,
    transaction_id: String,
    status: Status,
    /// `true`: it was canceled meanwhile, so the money is given back in full.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refunding: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<NextAction>,
}

/// Charge a payment method, or authorize it with `"capture": "manual"`.
#[utoipa::path(
    post, path = "/payments/charge", tag = "payments", request_body = ChargeRequest,
    responses(
        (status = 200, description = "Done, authorized, or waiting for the payer at `nextAction.url`", body = ChargeAnswer),
        (status = 202, description = "Taken; the outcome is not known yet. Ask `GET /payments/{id}`.", body = ChargeAnswer),
        (status = 400, description = "The request is at fault; `param` names the field", body = ErrorBody),
        (status = 402, description = "Declined; `declineCode` says why", body = ErrorBody),
        (status = 409, description = "The payment for this order is not waiting for it", body = ErrorBody),
        (status = 502, description = "The provider refused this gateway's configuration", body = ErrorBody),
        (status = 503, description = "Not executed; try again", body = ErrorBody),
    ),
)]
pub(super) async fn charge(State(app): State<App>, attested: Attested) -> Result<Response, ApiError> {
    let request = ChargeRequest::parse(&attested.body)?;
    app.return_url_hosts.check(&request)?;
    let gateway = app.gateway.clone();
    once(app, attested, answer, OperationKind::Charge.into(), move |call| {
        operations::charge(gateway.clone(), request.clone(), call)
    })
    .await
}

pub(super) fn answer(result: &Result<Payment, OperationError>, request_id: &str) -> Answer {
    match result {
        Ok(payment) => Answer::json(status_code(payment), &ChargeAnswer::from(payment)),
        Err(error) => ApiError::from(error).answer(request_id),
    }
}

/// 202 as long as the provider's decision is out.
pub(super) fn status_code(payment: &Payment) -> u16 {
    match payment.state.status() {
        Status::Pending => 202,
        _ => 200,
    }
}

impl From<&Payment> for ChargeAnswer {
    fn from(payment: &Payment) -> Self {
        Self {
            success: true,
            transaction_id: payment.id.to_string(),
            status: payment.state.status(),
            refunding: payment.state.is_to_be_refunded(),
            next_action: NextAction::of(&payment.state),
        }
    }
}
