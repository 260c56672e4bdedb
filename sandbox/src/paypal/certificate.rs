//! `GET /v1/notifications/certs/{id}`: the certificate that webhooks are signed with.

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
    answer::Answer,
    exchange::{self, Call, RequestLine},
    provider::{Operation, Provider},
    server::Connection,
    webhooks::Authority,
    world::{Shared, World},
};

/// Anybody may ask: the answer is public.
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
        Err(_) => PaypalError::internal().answer().into_response(),
    }
}

struct CertificateCall {
    id: String,
    authority: Arc<Authority>,
}

impl Call for CertificateCall {
    const PROVIDER: Provider = Provider::Paypal;

    fn operation(&self, _: &World) -> Operation {
        Operation::Certificate
    }

    fn idempotency_key(&self) -> Option<&str> {
        None
    }

    fn claim(&self, _: &Shared, _: &mut World, _: Timestamp) -> Option<Answer> {
        None
    }

    fn execute(&self, _: &Shared, _: &mut World, _: Timestamp) -> Answer {
        if self.id != self.authority.leaf_id {
            return PaypalError::not_found().answer();
        }
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file")),
            (CACHE_CONTROL, HeaderValue::from_static("public,max-age=86400")),
        ];
        Answer {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter(headers),
            body: self.authority.leaf.clone().into(),
        }
    }

    fn forget_key(&self, _: &mut World) {}

    fn freeze(&self, _: &mut World, _: &Answer) {}

    fn rate_limited(&self) -> Answer {
        PaypalError::rate_limited().answer()
    }

    fn internal_error(&self) -> Answer {
        PaypalError::internal().answer()
    }
}
