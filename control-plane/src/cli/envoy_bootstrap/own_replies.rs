//! Maps Envoy's own replies to the gateway's error format.

use edge_core::error::{ErrorBody, ErrorCode};
use serde_json::{Map, Value, json};

/// A kind of reply.
struct OwnReply {
    /// The condition for this kind, in CEL; or Envoy's flag.
    when: &'static str,
    /// Replaces Envoy's status.
    status: Option<u16>,
    code: ErrorCode,
    message: &'static str,
    retryable: Option<bool>,
}

/// Prevents caches from storing an answer for one client.
const NO_STORE: (&str, &str) = ("cache-control", "no-store");

/// Tried in this order; the first match wins.
///
/// Requests that were sent upstream come first, whatever ended them: a timeout, a reset, a client's or Envoy's limit, a
/// filter that died. They are recognized by Envoy's count of attempts, not by the reason's name, since the control
/// plane may have received them. All later kinds were never sent. Envoy also counts an attempt if no host was healthy;
/// that may be the second attempt, but Envoy retries only requests that never reached a host.
const REPLIES: &[OwnReply] = &[
    OwnReply {
        when: "upstream.request_attempt_count > 0 && response.code_details != 'no_healthy_upstream' \
               && !(response.code_details.startsWith('upstream_reset_before') \
               && (response.code_details.contains('connection_failure') || response.code_details.contains('{overflow')))",
        status: Some(504),
        code: ErrorCode::GatewayTimeout,
        message: "no answer yet; the outcome is not known, repeat the request, with the same Idempotency-Key if it has one",
        retryable: Some(true),
    },
    // The reply to a flood, so it must have as few expressions before it as possible.
    OwnReply {
        when: "response.code == 429",
        status: None,
        code: ErrorCode::RateLimited,
        message: "too many requests; try again later",
        retryable: Some(true),
    },
    OwnReply {
        when: "response.code == 401",
        status: None,
        code: ErrorCode::Unauthenticated,
        message: "a known client key is needed: `Authorization: Bearer <key>`",
        retryable: None,
    },
    OwnReply {
        when: "response.code_details == 'upgrade_failed'",
        status: Some(400),
        code: ErrorCode::InvalidRequest,
        message: "this path speaks no other protocol: leave `Upgrade` out",
        retryable: None,
    },
    OwnReply {
        when: "response.code == 403",
        status: None,
        code: ErrorCode::Forbidden,
        message: "this client may not do this",
        retryable: None,
    },
    OwnReply {
        when: "response.code == 404",
        status: None,
        code: ErrorCode::NotFound,
        message: "there is nothing at this path",
        retryable: None,
    },
    OwnReply {
        when: "response.code == 408",
        status: None,
        code: ErrorCode::InvalidRequest,
        message: "the request took too long to arrive",
        retryable: Some(true),
    },
    OwnReply {
        when: "response.code == 413 && xds.route_name == 'webhooks'",
        status: None,
        code: ErrorCode::PayloadTooLarge,
        message: "the body is larger than 262144 bytes",
        retryable: None,
    },
    OwnReply {
        when: "response.code == 413",
        status: None,
        code: ErrorCode::PayloadTooLarge,
        message: "the body is larger than 65536 bytes",
        retryable: None,
    },
    // To what says it is gRPC.
    OwnReply {
        when: "response.code == 415",
        status: None,
        code: ErrorCode::UnsupportedMediaType,
        message: "the header `content-type` must be `application/json`",
        retryable: None,
    },
    OwnReply {
        when: "response.code < 500",
        status: None,
        code: ErrorCode::InvalidRequest,
        message: "the request is not HTTP as this gateway takes it",
        retryable: None,
    },
    // RFC 9112, section 6.1: a transfer coding that the server does not understand.
    OwnReply {
        when: "response.code == 501",
        status: None,
        code: ErrorCode::InvalidRequest,
        message: "this `Transfer-Encoding` is not taken; send the body with `content-length` or as `chunked`",
        retryable: None,
    },
    OwnReply {
        when: "response.code >= 502",
        status: Some(503),
        code: ErrorCode::GatewayUnavailable,
        message: "the gateway is not available; nothing was executed",
        retryable: Some(true),
    },
    OwnReply {
        when: "true",
        status: Some(500),
        code: ErrorCode::InternalError,
        message: "the gateway could not handle the request",
        retryable: None,
    },
];

/// The reply while Envoy has no configuration of the filter that it can use (`EDGE_FILTER_CONFIG`).
const WITHOUT_FILTER: OwnReply = OwnReply {
    when: "NFCF",
    status: Some(503),
    code: ErrorCode::GatewayUnavailable,
    message: "the gateway is not available; nothing was executed",
    retryable: Some(true),
};

/// The mappers of Envoy's `local_reply_config`.
///
/// A reply without the filter has no code details, so it is recognized by its flag, before those of the filter.
/// The filter's answers have no code details and already have the right format. They are matched first: an expression
/// costs more than a microsecond, and a replay would go through all of them. So are the files of the documentation
/// and the answers to balancers' probes, Envoy's only own answers that are not errors.
pub(super) fn own_replies() -> Value {
    let of_the_filter = json!({ "filter": filter("!(has(response.code_details) && response.code_details != '') || response.code == 200") });
    let flag = json!({ "response_flag_filter": { "flags": [WITHOUT_FILTER.when] } });
    let first = [WITHOUT_FILTER.mapper(&flag), of_the_filter];
    first.into_iter().chain(REPLIES.iter().map(|reply| reply.mapper(&filter(reply.when)))).collect()
}

fn filter(expression: &str) -> Value {
    json!({ "extension_filter": {
        "name": "envoy.access_loggers.extension_filters.cel",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            "expression": expression,
        },
    } })
}

impl OwnReply {
    fn mapper(&self, filter: &Value) -> Value {
        let body = json!({
            "content_type": "application/json",
            "text_format_source": { "inline_string": self.body() },
        });
        let mut mapper = Map::from_iter([
            ("filter".to_owned(), filter.clone()),
            ("body_format_override".to_owned(), body),
        ]);
        let header = match self.code {
            ErrorCode::Unauthenticated => Some(("www-authenticate", "Bearer")),
            // By then the health check has run again, and each bucket is full. A rate limit service may set a longer
            // time.
            ErrorCode::GatewayUnavailable | ErrorCode::RateLimited => Some(("retry-after", "1")),
            _ => None,
        };
        let headers = std::iter::once(NO_STORE).chain(header);
        let headers = headers.map(|(key, value)| {
            json!({ "header": { "key": key, "value": value }, "append_action": "ADD_IF_ABSENT" })
        });
        mapper.insert("headers_to_add".to_owned(), headers.collect());
        if let Some(status) = self.status {
            mapper.insert("status_code".to_owned(), status.into());
        }
        mapper.into()
    }

    fn body(&self) -> String {
        let mut body = ErrorBody::new(self.code, self.message);
        body.error.retryable = self.retryable;
        body.error.request_id = Some("%REQ(X-REQUEST-ID)%".to_owned());
        // Two strings and two flags always serialize.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_our_own_is_the_one_of_its_code() {
        let all = REPLIES.iter().chain([&WITHOUT_FILTER]);
        for reply in all.filter(|reply| reply.status.is_some()) {
            assert_eq!(reply.status, Some(reply.code.status()), "{}", reply.when);
        }
    }

    #[test]
    fn nothing_but_the_request_id_is_filled_in() {
        for reply in REPLIES.iter().chain([&WITHOUT_FILTER]) {
            assert_eq!(reply.body().matches('%').count(), 2, "{}", reply.message);
        }
    }
}
