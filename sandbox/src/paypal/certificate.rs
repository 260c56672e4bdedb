//! `GET /v1/notifications/certs/{id}`: the certificate that verifies webhooks.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use jiff::Timestamp;

use super::errors::PaypalError;
use crate::{
    exchange::{self, Call, RequestLine},
    http_response::HttpResponse,
    provider::{Operation, Provider},
    server::Connection,
    state::{SandboxState, Shared},
    webhooks::Authority,
};

/// Needs no authentication: the certificate is public.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    Path(id): Path<String>,
    method: Method,
    uri: Uri,
) -> Response {
    match shared.authority().await {
        Ok(authority) => {
            let line = RequestLine { method, uri };
            exchange::run(shared, line, connection, CertificateCall { id, authority }).await
        }
        Err(_) => PaypalError::internal().response().into_response(),
    }
}

struct CertificateCall {
    id: String,
    authority: Arc<Authority>,
}

impl Call for CertificateCall {
    const PROVIDER: Provider = Provider::Paypal;

    fn operation(&self, _: &SandboxState) -> Operation {
        Operation::Certificate
    }

    fn idempotency_key(&self) -> Option<&str> {
        None
    }

    fn claim(&self, _: &Shared, _: &mut SandboxState, _: Timestamp) -> Option<HttpResponse> {
        None
    }

    fn execute(&self, _: &Shared, _: &mut SandboxState, _: Timestamp) -> HttpResponse {
        if self.id != self.authority.leaf_id {
            return PaypalError::not_found().response();
        }
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file")),
            (CACHE_CONTROL, HeaderValue::from_static("public,max-age=86400")),
        ];
        HttpResponse {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter(headers),
            body: self.authority.leaf.clone().into(),
        }
    }

    fn rate_limited(&self) -> HttpResponse {
        PaypalError::rate_limited().response()
    }

    fn internal_error(&self) -> HttpResponse {
        PaypalError::internal().response()
    }
}
