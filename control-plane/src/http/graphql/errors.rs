//! Errors of the API as GraphQL errors: the code and the other fields are in `extensions`.

use async_graphql::{Error, ErrorExtensions, ServerError, Value};
use edge_core::error::{ErrorBody, ErrorCode, ErrorDetail};

use crate::http::error::ApiError;

impl ApiError {
    /// Names the field at fault.
    pub(super) fn about(mut self, param: &str) -> Self {
        self.0.error.param = Some(param.to_owned());
        self
    }
}

/// The error of a resolver.
pub(super) fn field_error(error: ApiError) -> Error {
    let ErrorBody { error: detail, .. } = *error.0;
    let message = detail.message.clone();
    Error::new(message).extend_with(|_, extensions| {
        for (name, value) in fields(detail) {
            extensions.set(name, value);
        }
    })
}

/// The error of a request of which nothing was executed.
pub(super) fn request_error(error: ApiError) -> ServerError {
    let ErrorBody { error: detail, .. } = *error.0;
    let mut server = ServerError::new(detail.message.clone(), None);
    let extensions = server.extensions.get_or_insert_default();
    for (name, value) in fields(detail) {
        extensions.set(name, value);
    }
    server
}

/// Gives an error of the library a code: all of them are about the document or its variables.
pub(super) fn with_code(mut error: ServerError) -> ServerError {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get(CODE).is_none() {
        extensions.set(CODE, ErrorCode::InvalidRequest.name());
        extensions.set(CLASSIFICATION, classification(ErrorCode::InvalidRequest));
    }
    error
}

const CODE: &str = "code";
const CLASSIFICATION: &str = "classification";

/// Whose mistake it is, which over REST the status says. The words are those of graphql-java's ecosystem, which
/// generic clients and tools know.
const fn classification(code: ErrorCode) -> &'static str {
    if code.status() < 500 { "BAD_REQUEST" } else { "INTERNAL_ERROR" }
}

fn fields(detail: ErrorDetail) -> impl Iterator<Item = (&'static str, Value)> {
    let ErrorDetail {
        code,
        message: _,
        param,
        decline_code,
        provider_code,
        retryable,
        transaction_id,
        request_id,
    } = detail;
    let text = |name, value: Option<String>| value.map(|value| (name, Value::from(value)));
    [
        Some((CODE, Value::from(code.name()))),
        Some((CLASSIFICATION, Value::from(classification(code)))),
        text("param", param),
        text("declineCode", decline_code),
        text("providerCode", provider_code),
        retryable.map(|retryable| ("retryable", Value::from(retryable))),
        text("transactionId", transaction_id),
        text("requestId", request_id),
    ]
    .into_iter()
    .flatten()
}
