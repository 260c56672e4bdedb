//! The head of a request, as bytes: callers may send invalid UTF-8.

use crate::idempotency;
use crate::rejection::Rejection;

/// The header lines of a request in order, names in lower case, including pseudo-headers.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a>(&'a [(String, Vec<u8>)]);

/// Headers with this prefix are the edge's own; callers must not set them.
pub const EDGE_PREFIX: &str = "x-edge-";

/// The client that Envoy's `api_key_auth` found.
pub const CLIENT_ID: &str = "x-client-id";

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

    /// The names that must not reach the control plane: what callers could pretend to be the edge with, and
    /// the client's keys, which are of no use behind the edge: the attestation has what they stand for.
    pub(crate) fn to_strip(self) -> Vec<String> {
        let mut names: Vec<_> =
            self.0.iter().map(|(name, _)| name).filter(|name| is_internal(name)).cloned().collect();
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
