//! The shop's server: it sends the page's charges to the gateway with its client key.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use reqwest::{Client, RequestBuilder};
use serde_json::json;

use crate::{http_response::HttpResponse, paypal, state::Shared};

/// Longer than the gateway waits for a provider.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A charge of the page has a few hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Any publishable test key is good for the sandbox.
const PUBLISHABLE_KEY: &str = "pk_test_sandbox_demo";

/// The gateway that the shop pays through.
pub(crate) struct Gateway {
    /// Without a slash at the end.
    pub(crate) url: String,
    key: String,
    client: Client,
}

impl Gateway {
    pub(crate) fn new(url: &str, key: &str) -> Self {
        let client = Client::builder().timeout(TIMEOUT).no_proxy().build().unwrap_or_default();
        Self { url: url.trim_end_matches('/').to_owned(), key: key.to_owned(), client }
    }

    fn post(&self, path: &str, body: Bytes) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.key);
        request.header(CONTENT_TYPE, "application/json").body(body)
    }
}

/// What the page needs, none of it secret: a shop gets the first two from `GET /wallets/config`, and PayPal's client
/// token from PayPal.
pub(super) async fn config(State(shared): State<Arc<Shared>>) -> HttpResponse {
    let now = shared.now();
    let client_token = paypal::client_token(&mut shared.state().paypal, now);
    let body = json!({
        "publishableKey": PUBLISHABLE_KEY,
        "clientToken": client_token,
        "gateway": shared.gateway.url,
    });
    HttpResponse::json(StatusCode::OK, &body)
}

/// Charges, under the page's idempotency key. A real shop takes the amount from its own record of the order.
pub(super) async fn pay(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(key) = headers.get("idempotency-key").filter(|_| is_json(&headers, &body)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    relay(shared.gateway.post("/payments/charge", body).header("idempotency-key", key.clone())).await
}

/// A ticket with which the page watches its payment.
pub(super) async fn ticket(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_json(&headers, &body) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    relay(shared.gateway.post("/events/tickets", body)).await
}

pub(super) async fn payment(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let is_id = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !is_id {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Gateway { url, key, client } = &shared.gateway;
    relay(client.get(format!("{url}/payments/{id}")).bearer_auth(key)).await
}

/// Pages of other origins cannot send JSON here without asking first, and are not answered then.
fn is_json(headers: &HeaderMap, body: &Bytes) -> bool {
    let is_json =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    is_json && body.len() <= BODY_BYTES_MAX
}

async fn relay(request: RequestBuilder) -> Response {
    let answer = async {
        let answer = request.send().await?;
        let status = answer.status();
        Ok::<_, reqwest::Error>((status, answer.bytes().await?))
    };
    match answer.await {
        Ok((status, body)) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(problem) => {
            let message = format!("the gateway does not answer: {}", problem.without_url());
            // The gateway may have charged: the same request under the same key returns the outcome.
            let error = json!({ "code": "GATEWAY_UNAVAILABLE", "message": message, "retryable": true });
            let body = json!({ "success": false, "error": error });
            HttpResponse::json(StatusCode::BAD_GATEWAY, &body).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn a_request_whose_answer_is_lost_may_be_sent_again() {
        // It takes connections and answers nothing: the request may have arrived.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let request = Gateway::new(&url, "demo-key").post("/payments/charge", Bytes::from_static(b"{}"));
        let response = relay(request.timeout(Duration::from_millis(50))).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        let body = to_bytes(response.into_body(), BODY_BYTES_MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["success"], &body["error"]["retryable"]), (&json!(false), &json!(true)), "{body}");
    }
}
