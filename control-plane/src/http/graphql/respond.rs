//! Responses of GraphQL over HTTP (section 6).

use std::cmp::Reverse;

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge_core::request::accepted;

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
    /// The one of the two that `Accept` wants more, or the first.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes);
        let known = accepted(lines).filter(|named| named.weight > 0).filter_map(|named| {
            let graphql = named.is("application/graphql-response+json").then_some(Self::Graphql);
            let media = graphql.or_else(|| named.is("application/json").then_some(Self::Json))?;
            Some((media, named.weight))
        });
        known.min_by_key(|(_, weight)| Reverse(*weight)).map_or(Self::Json, |(media, _)| media)
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
        // The library gives null for an operation whose fields are all skipped; by the specification its result is empty.
        if response.errors.is_empty() && response.data == Value::Null {
            response.data = Value::Object(Default::default());
        }
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

    /// The answer to a request of which nothing was executed.
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
    fn the_known_type_that_accept_wants_most_is_answered() {
        let accepted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            Media::accepted(&headers)
        };
        assert_eq!(accepted("application/graphql-response+json, application/json;q=0.9"), Media::Graphql);
        assert_eq!(accepted("application/graphql-response+json, application/json"), Media::Graphql);
        assert_eq!(accepted("application/json, application/graphql-response+json"), Media::Json);
        let weighed = "application/graphql-response+json;q=0.1, application/json;q=0.2";
        assert_eq!(accepted(weighed), Media::Json);
        assert_eq!(accepted("application/graphql-response+json;q=0"), Media::Json);
        assert_eq!(accepted("application/json"), Media::Json);
        assert_eq!(accepted("*/*"), Media::Json);
        assert_eq!(Media::accepted(&HeaderMap::new()), Media::Json);
    }
}
