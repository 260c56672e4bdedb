//! A request that the edge rejects, and the reply it gets.

use std::borrow::Cow;

use crate::error::{ErrorBody, ErrorCode};
use crate::request::InvalidRequest;

/// Why the edge rejects a request, for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    code: ErrorCode,
    message: String,
    param: Option<String>,
    allow: Option<&'static str>,
    retry_after_s: Option<u32>,
    is_for_any_origin: bool,
}

/// A response that the edge sends itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// Responses are for their client alone: no cache may store them.
pub(crate) const NO_STORE: (&str, Cow<'static, str>) = ("cache-control", Cow::Borrowed("no-store"));

impl Rejection {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
            allow: None,
            retry_after_s: None,
            is_for_any_origin: false,
        }
    }

    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message).about(param)
    }

    /// Names the field or header at fault.
    pub(crate) fn about(self, param: &str) -> Self {
        Self { param: Some(param.to_owned()), ..self }
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let message = format!("this path takes {allowed} only");
        Self { allow: Some(allowed), ..Self::new(ErrorCode::MethodNotAllowed, message) }
    }

    /// The same request can succeed after this many seconds.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// Pages of any origin may read it.
    pub(crate) fn for_any_origin(self) -> Self {
        Self { is_for_any_origin: true, ..self }
    }

    pub(crate) const fn code(&self) -> ErrorCode {
        self.code
    }

    pub(crate) fn into_reply(self, request_id: Option<String>) -> Reply {
        let mut headers = vec![("content-type", "application/json".into()), NO_STORE];
        headers.extend(self.allow.map(|methods| ("allow", methods.into())));
        headers.extend(self.retry_after_s.map(|seconds| ("retry-after", seconds.to_string().into())));
        if matches!(
            self.code,
            ErrorCode::Unauthenticated | ErrorCode::TicketInvalid | ErrorCode::TicketExpired
        ) {
            headers.push(("www-authenticate", "Bearer".into()));
        }
        if self.is_for_any_origin {
            headers.push(("access-control-allow-origin", "*".into()));
        }
        let mut body = ErrorBody::new(self.code, self.message);
        body.error.param = self.param;
        body.error.retryable = self.retry_after_s.map(|_| true);
        body.error.request_id = request_id;
        // A struct of strings always serializes; an empty body would only lose the explanation.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        Reply { status: self.code.status(), headers, body }
    }
}

impl From<InvalidRequest> for Rejection {
    fn from(invalid: InvalidRequest) -> Self {
        Self { param: invalid.param, ..Self::new(ErrorCode::InvalidRequest, invalid.message) }
    }
}
