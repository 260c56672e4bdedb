//! The head of a request, as bytes: callers may send invalid UTF-8.

use crate::card::{self, CardData};
use crate::idempotency;
use crate::rejection::Rejection;

/// The header lines of a request in order, names in lower case, including pseudo-headers.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a>(&'a [(String, Vec<u8>)]);

/// Headers with this prefix are the edge's own; callers must not set them.
pub const EDGE_PREFIX: &str = "x-edge-";

/// The client that Envoy's `api_key_auth` found.
pub const CLIENT_ID: &str = "x-client-id";

/// Headers that programs add to requests of which they know nothing, so that they are no reason to refuse one: ids of
/// traces and visitors, which are random numbers, and addresses. Of so many, some are card numbers by every mark.
const OF_PROGRAMS: &[&str] = &[
    "b3",
    "baggage",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-ray",
    "cookie",
    "elastic-apm-traceparent",
    "forwarded",
    "if-match",
    "if-none-match",
    "newrelic",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "uber-trace-id",
    "via",
    "x-amz-cf-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-real-ip",
    "x-request-start",
];
const OF_PROGRAMS_BEGIN: &[&str] = &["x-b3-", "x-datadog-", "x-instana-", "x-ot-span"];

/// Ids that a caller's own program chooses, often random numbers. Only a published test number, which no id is by chance,
/// is a reason to refuse a request.
const OF_CALLERS: &[&str] = &[
    "correlation-id",
    "request-id",
    "x-amzn-requestid",
    "x-client-request-id",
    "x-correlation-id",
    "x-correlationid",
    "x-ms-client-request-id",
    "x-session-id",
    "x-span-id",
    "x-trace-id",
    "x-transaction-id",
];

impl<'a> Head<'a> {
    #[must_use]
    pub const fn new(lines: &'a [(String, Vec<u8>)]) -> Self {
        Self(lines)
    }

    pub(crate) fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_slice())
    }

    /// The value of a header that may be present at most once.
    pub(crate) fn one(self, name: &'static str) -> Result<Option<&'a str>, Rejection> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => std::str::from_utf8(value)
                .map(Some)
                .map_err(|_| Rejection::invalid(name, format!("the header `{name}` must be plain ASCII"))),
            (Some(_), Some(_)) => {
                Err(Rejection::invalid(name, format!("the header `{name}` is given more than once")))
            }
        }
    }

    /// The first card number or field for card data among the headers that are forwarded as their sender wrote them, those
    /// of programs excepted; else the first part of a wallet's payload.
    pub(crate) fn card_data(self) -> Option<CardData> {
        let mut chosen = self.0.iter().filter(|(name, _)| is_forwarded_as_sent(name) && !is_of_program(name));
        let found = chosen.find_map(|(name, value)| {
            if is_of_caller(name) {
                card::published_number_in_header(name, value)
            } else {
                card::number_in_header(name, value).or_else(|| card::field_in_header(name))
            }
        });
        found.or_else(|| card::payload_in_headers(self.kept()))
    }

    /// The names that must not reach the control plane: what callers could pretend to be the edge with, and
    /// the client's keys, which are of no use behind the edge: the attestation has what they stand for; and what may be
    /// a card number among the headers of programs and the ids of callers.
    pub(crate) fn to_strip(self) -> Vec<String> {
        let strip = |(name, value): &&(String, Vec<u8>)| {
            let may_be_by_chance = is_of_program(name) || is_of_caller(name);
            is_internal(name) || (may_be_by_chance && card::number_in_header(name, value).is_some())
        };
        let mut names: Vec<_> = self.0.iter().filter(strip).map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The headers that reach the control plane as they came, without the pseudo-headers.
    pub(crate) fn kept(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let lines = self.0.iter().filter(|(name, _)| !name.starts_with(':') && !is_internal(name));
        lines.map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

fn is_internal(name: &str) -> bool {
    name.starts_with(EDGE_PREFIX) || [CLIENT_ID, "authorization", idempotency::HEADER].contains(&name)
}

/// Not a pseudo-header, of which the path is searched on its own, and none that is Envoy's or goes no further.
fn is_forwarded_as_sent(name: &str) -> bool {
    let is_of_envoy =
        name == "x-request-id" || name.starts_with("x-forwarded-") || name.starts_with("x-envoy-");
    !(name.starts_with(':') || is_of_envoy || is_internal(name))
}

fn is_of_caller(name: &str) -> bool {
    OF_CALLERS.contains(&name)
}

fn is_of_program(name: &str) -> bool {
    OF_PROGRAMS.contains(&name) || OF_PROGRAMS_BEGIN.iter().any(|begin| name.starts_with(begin))
}
