//! Stripe's `Idempotency-Key`: the first response is stored and replayed, including errors
//! (docs.stripe.com/api/idempotent_requests).

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    errors::{Result, StripeError},
    form::Node,
};
use crate::http_response::HttpResponse;

/// Stripe may prune keys at this age. The sandbox always does, because a client that relies on a longer time would
/// charge twice.
const HORIZON: SignedDuration = SignedDuration::from_hours(24);

pub(crate) const KEY_CHARS_MAX: usize = 255;

/// A request's endpoint and parameters, which must be the same for every use of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn of(path: &str, fields: &[(String, Node)]) -> Self {
        let mut named: Vec<_> = fields.iter().collect();
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        for (name, node) in named {
            name.hash(&mut hasher);
            hash_node(node, &mut hasher);
        }
        Self(hasher.finish())
    }
}

fn hash_node(node: &Node, hasher: &mut DefaultHasher) {
    match node {
        Node::Text(text) => (0_u8, text).hash(hasher),
        Node::List(items) => {
            (1_u8, items.len()).hash(hasher);
            items.iter().for_each(|item| hash_node(item, hasher));
        }
        Node::Hash(fields) => {
            let mut named: Vec<_> = fields.iter().collect();
            named.sort_by(|(a, _), (b, _)| a.cmp(b));
            (2_u8, named.len()).hash(hasher);
            for (name, node) in named {
                name.hash(hasher);
                hash_node(node, hasher);
            }
        }
    }
}

fn used_otherwise(key: &str) -> StripeError {
    StripeError::idempotency(format!(
        "Keys for idempotent requests can only be used with the same endpoint and parameters they were first used \
         with. Try using a key other than '{key}' if you meant to execute a different request."
    ))
}

#[derive(Debug)]
struct Record {
    fingerprint: Fingerprint,
    request_id: String,
    claimed_at: Timestamp,
    /// Absent while the first request is in progress.
    response: Option<HttpResponse>,
}

/// Boxed like the objects of an [`OrderedTable`](super::objects::OrderedTable).
#[derive(Debug, Default)]
pub(crate) struct Keys(HashMap<String, Box<Record>>);

impl Keys {
    /// Claims a key for a request, or returns the response stored under the key.
    pub(crate) fn claim(
        &mut self,
        key: &str,
        fingerprint: Fingerprint,
        request_id: &str,
        now: Timestamp,
    ) -> Option<HttpResponse> {
        let request_id = request_id.to_owned();
        let fresh = Box::new(Record { fingerprint, request_id, claimed_at: now, response: None });
        let mut entry = match self.0.entry(key.to_owned()) {
            Entry::Vacant(vacant) => {
                vacant.insert(fresh);
                return None;
            }
            Entry::Occupied(occupied) => occupied,
        };
        let record = entry.get();
        if now.duration_since(record.claimed_at) >= HORIZON {
            entry.insert(fresh);
            return None;
        }
        if record.fingerprint != fingerprint {
            return Some(used_otherwise(key).response());
        }
        Some(match &record.response {
            None => StripeError::key_in_use(key).response(),
            Some(response) => response
                .clone()
                .with("idempotent-replayed", "true")
                .with("original-request", &record.request_id),
        })
    }

    /// Rejects a key that was used for another request. Stripe checks the key before the parameters.
    pub(crate) fn check(&self, key: &str, fingerprint: Fingerprint, now: Timestamp) -> Result<()> {
        match self.0.get(key) {
            Some(record)
                if record.fingerprint != fingerprint && now.duration_since(record.claimed_at) < HORIZON =>
            {
                used_otherwise(key).refuse()
            }
            _ => Ok(()),
        }
    }

    /// Stores the response of the request that claimed the key. A key that was forgotten meanwhile stays forgotten.
    pub(crate) fn save(&mut self, key: &str, response: &HttpResponse) {
        if let Some(record) = self.0.get_mut(key) {
            record.response = Some(response.clone());
        }
    }

    pub(crate) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{super::form::Form, *};

    fn fingerprint(body: &str) -> Fingerprint {
        Fingerprint::of("/v1/refunds", &Form::parse(body.as_bytes()).unwrap().fields)
    }

    fn ok(body: &str) -> HttpResponse {
        HttpResponse::json(StatusCode::OK, &body)
    }

    #[test]
    fn the_order_of_parameters_does_not_matter() {
        assert_eq!(fingerprint("a=1&m[x]=2&m[y]=3"), fingerprint("m[y]=3&m[x]=2&a=1"));
        assert_ne!(fingerprint("a=1&m[x]=2"), fingerprint("a=1&m[x]=3"));
        assert_ne!(fingerprint("l[]=1&l[]=2"), fingerprint("l[]=2&l[]=1"));
    }

    #[test]
    fn the_first_answer_is_replayed_until_the_horizon_and_then_the_key_is_new() {
        let mut keys = Keys::default();
        let start = Timestamp::UNIX_EPOCH;
        assert!(keys.claim("k", fingerprint("a=1"), "req_1", start).is_none());
        let conflict = keys.claim("k", fingerprint("a=1"), "req_2", start).unwrap();
        assert_eq!(conflict.status, StatusCode::CONFLICT);
        keys.save("k", &ok("first"));
        let replay = keys.claim("k", fingerprint("a=1"), "req_3", start).unwrap();
        assert_eq!(replay.body, ok("first").body);
        assert_eq!(replay.headers["idempotent-replayed"], "true");
        assert_eq!(replay.headers["original-request"], "req_1");
        let other = keys.claim("k", fingerprint("a=2"), "req_4", start).unwrap();
        assert_eq!(other.status, StatusCode::BAD_REQUEST);
        assert!(keys.claim("k", fingerprint("a=2"), "req_5", start + HORIZON).is_none());
    }
}
