//! `POST /v1/notifications/verify-webhook-signature`

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{body, errors::PaypalError, errors::Result, headers};
use crate::{
    exchange::RequestLine,
    http_response::HttpResponse,
    ids,
    provider::{Operation, Provider},
    requests_log::Received,
    state::Shared,
    webhooks::{Authority, paypal_message},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    auth_algo: String,
    cert_url: String,
    transmission_id: String,
    transmission_sig: String,
    transmission_time: String,
    webhook_id: String,
    /// The event's original text, whose checksum was signed.
    webhook_event: Box<RawValue>,
}

/// Reports whether a webhook was signed by this sandbox.
pub(crate) async fn verify(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> HttpResponse {
    let response = match decide(&shared, &headers, &body).await {
        Ok(genuine) => {
            let status = if genuine { "SUCCESS" } else { "FAILURE" };
            HttpResponse::json(StatusCode::OK, &json!({ "verification_status": status }))
                .with("paypal-debug-id", &ids::debug_id())
        }
        Err(error) => error.response(),
    };
    let line = RequestLine { method, uri };
    shared.state().requests.record(Received {
        status: Some(response.status.as_u16()),
        ..line.received(Provider::Paypal, Operation::Webhook, shared.now())
    });
    response
}

async fn decide(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Result<bool> {
    shared.state().paypal.tokens.check(headers, shared.now(), false)?;
    headers::require_json(headers)?;
    let body: Body = body::read(body)?;
    let authority = shared.authority().await.map_err(|_| Box::new(PaypalError::internal()))?;
    Ok(body.auth_algo == "SHA256withRSA"
        && body.cert_url == shared.certificate_url(&authority)
        && body.is_signed_by(&authority))
}

impl Body {
    /// Signing is deterministic, so the message can be signed again and compared.
    fn is_signed_by(&self, authority: &Authority) -> bool {
        let event = self.webhook_event.get().as_bytes();
        let message = paypal_message(&self.transmission_id, &self.transmission_time, &self.webhook_id, event);
        let signature = authority.sign(message.as_bytes());
        signature.is_ok_and(|signature| BASE64_STANDARD.encode(signature) == self.transmission_sig)
    }
}
