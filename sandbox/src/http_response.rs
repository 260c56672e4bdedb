//! An HTTP response that can be stored and replayed, byte for byte.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;

#[derive(Debug, Clone)]
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpResponse {
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Our own views have string keys and infallible serializers, so this cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(status, HeaderValue::from_static("application/json"), body.into())
    }

    pub(crate) fn html(status: StatusCode, body: String) -> Self {
        Self::new(status, HeaderValue::from_static("text/html; charset=utf-8"), body.into())
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    fn new(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Self {
        Self { status, headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]), body }
    }

    /// Adds a header, or drops it if the value has bytes a header cannot carry.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}

impl IntoResponse for HttpResponse {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
