//! What moves money. Each runs the use case of the same request over REST, under the request's idempotency key.

use async_graphql::{Context, Error, Object};
use edge_core::card;
use edge_core::error::ErrorCode;
use edge_core::request::{CaptureRequest, ChargeRequest, RefundRequest};
use jiff::SignedDuration;
use payments::model::id::PaymentId;
use payments::model::provider::OperationKind;
use payments::usecases;
use payments::usecases::call::RequestedOperation;

use super::caller::{Caller, caller, failed};
use super::inputs::{CancelPaymentInput, CapturePaymentInput, ChargePaymentInput, RefundPaymentInput};
use super::payloads::{PaymentPayload, RefundPayload};
use crate::http::error::ApiError;
use crate::http::once::{Reply, decide};
use crate::http::{charge_terms, renders};

pub(super) struct Mutation;

#[Object(name = "Mutation")]
impl Mutation {
    /// Charges a payment method, or authorizes it with `capture: MANUAL`.
    async fn charge_payment(
        &self,
        context: &Context<'_>,
        input: ChargePaymentInput,
    ) -> Result<PaymentPayload, Error> {
        let caller = caller(context)?;
        let body = input.body().map_err(failed)?;
        let request = parsed(&body, ChargeRequest::parse)?;
        caller.app.return_url_hosts.check(&request).map_err(failed)?;
        let expires_in =
            request.expires_in.map(|seconds| SignedDuration::from_secs(seconds.seconds().into()));
        let (gateway, terms) = (caller.app.gateway.clone(), charge_terms(request));
        let reply = decide(
            &caller.app,
            caller.cause.clone(),
            caller.key,
            renders().charge,
            OperationKind::Charge.into(),
            move |call| usecases::charge(gateway.clone(), terms.clone(), expires_in, call),
        );
        PaymentPayload::of(&decided(caller, reply.await)?.answer)
    }

    /// Gives back a captured payment, in whole or in part.
    async fn refund_payment(
        &self,
        context: &Context<'_>,
        input: RefundPaymentInput,
    ) -> Result<RefundPayload, Error> {
        let caller = caller(context)?;
        // First, since the body names the payment otherwise.
        let (gateway, payment) = (caller.app.gateway.clone(), payment_id(&input.payment_id)?);
        let request = parsed(&input.body(), RefundRequest::parse)?;
        let reply = decide(
            &caller.app,
            caller.cause.clone(),
            caller.key,
            renders().refund,
            OperationKind::Refund.into(),
            move |call| usecases::refund(gateway.clone(), payment, request.amount, call),
        );
        RefundPayload::of(&decided(caller, reply.await)?.answer)
    }

    /// Takes what is authorized, in whole or in part; the rest is released.
    async fn capture_payment(
        &self,
        context: &Context<'_>,
        input: CapturePaymentInput,
    ) -> Result<PaymentPayload, Error> {
        let caller = caller(context)?;
        let request = parsed(&input.body(), CaptureRequest::parse)?;
        let (gateway, payment) = (caller.app.gateway.clone(), payment_id(&input.payment_id)?);
        let reply = decide(
            &caller.app,
            caller.cause.clone(),
            caller.key,
            renders().capture,
            RequestedOperation { operation: OperationKind::Capture, amount: request.amount },
            move |call| usecases::capture(gateway.clone(), payment, request.amount, call),
        );
        PaymentPayload::of(&decided(caller, reply.await)?.answer)
    }

    /// Releases what is authorized, or gives up a payment that waits for its payer.
    async fn cancel_payment(
        &self,
        context: &Context<'_>,
        input: CancelPaymentInput,
    ) -> Result<PaymentPayload, Error> {
        let caller = caller(context)?;
        let (gateway, payment) = (caller.app.gateway.clone(), payment_id(&input.payment_id)?);
        let reply = decide(
            &caller.app,
            caller.cause.clone(),
            caller.key,
            renders().cancel,
            OperationKind::Cancel.into(),
            move |call| usecases::cancel(gateway.clone(), payment, call),
        );
        PaymentPayload::of(&decided(caller, reply.await)?.answer)
    }
}

/// A request's body, checked as over REST. The names in it are not those in the text of the document, so card data is
/// looked for again.
fn parsed<T, E: Into<ApiError>>(body: &[u8], parse: impl Fn(&[u8]) -> Result<T, E>) -> Result<T, Error> {
    match card::find_in_json(body) {
        Some(found) => Err(failed(found)),
        None => parse(body).map_err(failed),
    }
}

/// A malformed id is a fault of the input, as in a refund over REST.
fn payment_id(id: &str) -> Result<PaymentId, Error> {
    id.parse().map_err(|_| {
        let message = "`paymentId` must be a transaction id, `txn_` followed by a UUID in lower case";
        failed(ApiError::new(ErrorCode::InvalidRequest, message).about("paymentId"))
    })
}

fn decided(caller: &Caller, reply: Result<Reply, ApiError>) -> Result<Reply, Error> {
    let reply = reply.map_err(failed)?;
    caller.note(&reply);
    Ok(reply)
}
