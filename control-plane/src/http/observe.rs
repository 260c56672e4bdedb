//! Middleware around every API request: request id, log line, metrics, and error bodies.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use edge_core::attestation::is_request_id;
use tracing::Instrument;

use super::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Seconds after which a 503 is worth retrying: a full queue is empty by then.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Answers are about money and for their client only, so no cache may store them.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// OpenTelemetry's `http.server.request.duration` in its Prometheus form, in seconds.
pub const DURATION_METRIC: &str = "http_server_request_duration_seconds";

pub(super) async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let id = request.headers().get(REQUEST_ID).and_then(|v| v.to_str().ok()).filter(|id| is_request_id(id));
    let id = id.unwrap_or("none").to_owned();

    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        write_error(&mut response, error, &id);
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }

    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    span.in_scope(|| {
        tracing::info!(
            http.method = %method, http.route = route, http.status = status,
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
    });
    metrics::histogram!(
        DURATION_METRIC,
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => status.to_string(),
    )
    .record(elapsed.as_secs_f64());
    response
}

/// OpenTelemetry's `http.request.method`: all non-standard methods share one name, so that callers cannot create time
/// series by inventing methods.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::CONNECT => "CONNECT",
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

fn write_error(response: &mut Response, error: ApiError, request_id: &str) {
    let mut body = *error.0;
    body.error.request_id = Some(request_id.to_owned());
    // Serializing strings and booleans cannot fail; an empty body would still have the right status.
    let json = serde_json::to_vec(&body).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(json);
}
