//! A response that the rule itself specifies: a provider's observed response, verbatim.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http_response::HttpResponse;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FaultResponse {
    /// 400 to 499.
    status: u16,
    /// The whole body, e.g. `{"error":{"type":"invalid_request_error","message":"…"}}`.
    body: Value,
}

impl FaultResponse {
    /// `None` for a status that is no client error.
    pub(super) fn response(&self) -> Option<HttpResponse> {
        let status = StatusCode::from_u16(self.status).ok().filter(StatusCode::is_client_error)?;
        Some(HttpResponse::json(status, &self.body))
    }
}
