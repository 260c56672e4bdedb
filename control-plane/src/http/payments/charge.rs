use axum::extract::State;
use axum::response::Response;
use edge_core::request::ChargeRequest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::PaymentId;
use crate::domain::idempotency::Answer;
use crate::domain::operations::{self, OperationError};
use crate::domain::payment::{Payment, Status};
use crate::domain::provider::OperationKind;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::once::once;
use crate::http::view::{NextAction, Success};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChargeAnswer {
    success: Success,
    transaction_id: PaymentId,
    status: Status,
    /// `true`: it was canceled meanwhile, so the money is given back in full.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refunding: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<NextAction>,
}

/// Charge a payment method, or authorize it with `"capture": "manual"`.
#[utoipa::path(
    post, path = "/payments/charge", operation_id = "createCharge", tag = "payments",
    request_body(content = ChargeRequest, examples(
        ("stripe" = (summary = "A card at Stripe", value = json!({
            "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
            "metadata": { "order": "1234" },
        }))),
        ("paypal" = (summary = "A payer who approves at PayPal", value = json!({
            "provider": "paypal", "amount": 4999, "currency": "EUR", "returnUrl": "https://shop.example/return",
        }))),
    )),
    responses(
        (status = 200, description = "Done, authorized, or waiting for the payer at `nextAction.url`", body = ChargeAnswer),
        (status = 202, description = "Taken; the outcome is not known yet. Ask `GET /payments/{id}`.", body = ChargeAnswer),
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
            success: Success,
            transaction_id: payment.id,
            status: payment.state.status(),
            refunding: payment.state.is_to_be_refunded(),
            next_action: NextAction::of(&payment.state),
        }
    }
}
