//! Responses of GraphQL over HTTP (section 6).

use async_graphql::{Response as GraphqlResponse, ServerError};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::caller::Decision;
use super::errors::{request_error, with_code};
use crate::http::error::ApiError;
use crate::http::once::{REPLAYED, RETRY_AFTER};

/// The media type of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// The older type: the status is 200 whatever the response says.
    Json,
    /// The status says whether anything was executed.
    Graphql,
}

impl Media {
    /// The first of the two in `Accept`.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let kinds =
            values.flat_map(|value| value.split(',')).map(|kind| kind.split(';').next().unwrap_or_default());
        for kind in kinds.map(str::trim) {
            if kind.eq_ignore_ascii_case("application/graphql-response+json") {
                return Self::Graphql;
            }
            if kind.eq_ignore_ascii_case("application/json") {
                return Self::Json;
            }
        }
        Self::Json
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Graphql => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// A response as it is sent.
pub(super) struct Rendered {
    pub(super) status: u16,
    pub(super) media: Media,
    pub(super) body: String,
}

impl Rendered {
    pub(super) fn of(mut response: GraphqlResponse, media: Media) -> Self {
        // Without a path, an error is about the request, of which then nothing was executed.
        let is_executed = response.errors.iter().all(|error| !error.path.is_empty());
        response.errors = response.errors.into_iter().map(with_code).collect();
        let body = if is_executed {
            serde_json::to_string(&response)
        } else {
            serde_json::to_string(&serde_json::json!({ "errors": response.errors }))
        };
        let status = if is_executed || media == Media::Json { 200 } else { 400 };
        // Text, numbers and lists can always be written.
        Self { status, media, body: body.unwrap_or_default() }
    }

    /// Of a request of which nothing was executed.
    pub(super) fn refused(error: ApiError, media: Media) -> Self {
        Self::of(GraphqlResponse::from_errors(vec![request_error(error)]), media)
    }

    pub(super) fn into_response(self, decision: Option<Decision>) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static(self.media.name());
        let mut response = (status, [(header::CONTENT_TYPE, kind)], self.body).into_response();
        if decision.is_some_and(|decision| decision.is_replay) {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        if decision.is_some_and(|decision| decision.is_in_progress) {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// Whether the response says all that a mutation has decided, so that every later request may get it. If only a nested
/// field failed, a later request can learn more.
pub(super) fn is_whole(errors: &[ServerError]) -> bool {
    errors.iter().all(|error| error.path.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_type_in_accept_is_answered() {
        let accepted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            Media::accepted(&headers)
        };
        assert_eq!(accepted("application/graphql-response+json, application/json;q=0.9"), Media::Graphql);
        assert_eq!(accepted("application/json"), Media::Json);
        assert_eq!(accepted("*/*"), Media::Json);
        assert_eq!(Media::accepted(&HeaderMap::new()), Media::Json);
    }
}
