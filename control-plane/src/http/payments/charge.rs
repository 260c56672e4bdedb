//! `POST /payments/charge`

use axum::extract::State;
use axum::response::Response;
use edge_core::request::ChargeRequest;
use jiff::SignedDuration;
use payments::model::idempotency::StoredAnswer;
use payments::model::payment::{self, ChargeTerms, Payment};
use payments::model::provider::OperationKind;
use payments::usecases::{self, OperationError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::once::once;
use crate::http::view::{NextAction, Success};
use crate::http::wire::{PaymentId, Status};

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

/// Charge a payment method.
///
/// With `"capture": "manual"`, the amount is only authorized.
#[utoipa::path(
    post, path = "/payments/charge", operation_id = "createCharge", tag = "payments",
    request_body = ChargeRequest,
    responses(
        (status = 200, description = "Done, authorized, or waiting for the payer as `nextAction` says", body = ChargeAnswer),
        (status = 202, description = "Taken; the outcome is not known yet. Ask `GET /payments/{id}`.", body = ChargeAnswer),
    ),
)]
pub(super) async fn charge(State(app): State<App>, attested: Attested) -> Result<Response, ApiError> {
    let request = ChargeRequest::parse(&attested.body)?;
    app.return_url_hosts.check(&request)?;
    let gateway = app.gateway.clone();
    let expires_in = request.expires_in.map(|seconds| SignedDuration::from_secs(seconds.seconds().into()));
    let terms = charge_terms(request);
    once(app, attested, answer, OperationKind::Charge.into(), move |call| {
        usecases::charge(gateway.clone(), terms.clone(), expires_in, call)
    })
    .await
}

/// The part of a charge request that is stored with its payment.
#[must_use]
pub fn charge_terms(request: ChargeRequest) -> ChargeTerms {
    // Destructured, so that a new field cannot be forgotten.
    let ChargeRequest {
        provider,
        amount,
        currency,
        payment_method_id,
        wallet,
        verification,
        capture,
        description,
        metadata,
        return_url,
        customer_reference,
        // The call stores the resulting time.
        expires_in: _,
    } = request;
    ChargeTerms {
        provider,
        amount,
        currency,
        payment_method_id,
        wallet,
        verification,
        capture,
        description,
        metadata,
        return_url,
        customer_reference,
    }
}

pub(super) fn answer(result: &Result<Payment, OperationError>, request_id: &str) -> StoredAnswer {
    match result {
        Ok(payment) => StoredAnswer::json(status_code(payment), &ChargeAnswer::from(payment)),
        Err(error) => ApiError::from(error).answer(request_id),
    }
}

/// 202 while the outcome at the provider is pending.
pub(super) fn status_code(payment: &Payment) -> u16 {
    match payment.state.status() {
        payment::Status::Pending => 202,
        _ => 200,
    }
}

impl From<&Payment> for ChargeAnswer {
    fn from(payment: &Payment) -> Self {
        Self {
            success: Success,
            transaction_id: payment.id.into(),
            status: payment.state.status().into(),
            refunding: payment.state.is_to_be_refunded(),
            next_action: NextAction::of(&payment.state),
        }
    }
}
