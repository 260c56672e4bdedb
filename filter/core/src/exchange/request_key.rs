//! A request's idempotency key: its scope, and what follows from the verdict on it.

use super::Request;
use crate::attestation::AttestedKey;
use crate::card;
use crate::client::ClientId;
use crate::config::{EdgeConfig, KeyRule, WhenUnavailable};
use crate::error::ErrorCode;
use crate::head::Head;
use crate::idempotency::{self, Answer, CheckedVerdict, ClaimRequest, Fingerprint, Key, KeyError, Scope};
use crate::rejection::{NO_STORE, Rejection, Reply};
use crate::route::Route;

/// How long a client should wait before it retries while the cache is unavailable.
const UNAVAILABLE_RETRY_S: u32 = 1;

/// A key before the body has arrived.
#[derive(Debug)]
pub(super) struct RequestKey {
    scope: Scope,
    rule: KeyRule,
    /// The header's value, as sent.
    content_type: Vec<u8>,
}

/// A claim that was sent, and the request that it is for.
#[derive(Debug)]
pub(super) struct OpenClaim {
    pub(super) request: Box<Request>,
    pub(super) key: RequestKey,
    pub(super) claim: ClaimRequest,
    pub(super) body_sha256: [u8; 32],
}

/// What follows from the verdict on a key.
pub(super) enum KeyDecision {
    /// The request is forwarded with this key attested.
    Proceed(AttestedKey),
    Replay(Answer),
    Reject(Rejection),
}

impl RequestKey {
    /// `None` for a request without a key that needs none.
    pub(super) fn read(
        head: Head<'_>,
        route: Route,
        client: Option<&ClientId>,
        (method, path): (&str, &str),
        config: &EdgeConfig,
    ) -> Result<Option<Self>, Rejection> {
        let (Some(rule), Some(client)) = (config.claims.rule(route), client) else { return Ok(None) };
        match Key::parse(head.all(idempotency::HEADER)) {
            Ok(key) => {
                // Only a hash is stored, but the hash of a card number is easily reversed.
                if let Some(found) = card::find_in_text(key.as_str().as_bytes()) {
                    let message = "the `Idempotency-Key` holds a card number or a wallet's payload; send a value of \
                                   your own, e.g. a UUID";
                    return Err(Rejection::new(found.code(), message).about("Idempotency-Key"));
                }
                Ok(Some(Self {
                    scope: Scope::new(client, method, path, &key),
                    rule,
                    content_type: head.all("content-type").next().unwrap_or_default().to_vec(),
                }))
            }
            Err(KeyError::Required) if !rule.required => Ok(None),
            Err(problem) => Err(Rejection::new(problem.code(), problem.to_string()).about("Idempotency-Key")),
        }
    }

    pub(super) fn claim(&self, method: &str, target: &str, body: &[u8], config: &EdgeConfig) -> ClaimRequest {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        ClaimRequest {
            scope: self.scope,
            fingerprint: Fingerprint::new(method, path, query, &self.content_type, body),
            lease: config.claims.lease,
        }
    }

    /// Without a conclusive verdict the cache may still hold the claim; its lease then expires.
    pub(super) fn decide(&self, claim: &ClaimRequest, checked: CheckedVerdict) -> KeyDecision {
        let under = |fence| AttestedKey { scope: claim.scope, fingerprint: claim.fingerprint, fence };
        match (checked, self.rule.when_unavailable) {
            (CheckedVerdict::Start { fence }, _) => KeyDecision::Proceed(under(Some(fence))),
            (CheckedVerdict::Replay(answer), _) => KeyDecision::Replay(answer),
            (CheckedVerdict::InFlight { retry_after_ms }, _) => {
                let message =
                    "the first request with this `Idempotency-Key` is being worked on; send this one again";
                let rejection = Rejection::new(ErrorCode::IdempotencyInProgress, message);
                KeyDecision::Reject(rejection.retry_after(retry_after_ms.div_ceil(1_000)))
            }
            (CheckedVerdict::Mismatch, _) => {
                let message =
                    "the `Idempotency-Key` was used for another request; use a new one for a new request";
                let rejection = Rejection::new(ErrorCode::IdempotencyKeyReused, message);
                KeyDecision::Reject(rejection.about("Idempotency-Key"))
            }
            (CheckedVerdict::Contested | CheckedVerdict::Unproven(_) | CheckedVerdict::Unavailable, rule) => {
                match rule {
                    WhenUnavailable::Pass => KeyDecision::Proceed(under(None)),
                    WhenUnavailable::Reject => KeyDecision::Reject(unavailable()),
                }
            }
        }
    }
}

/// The key may be taken, so nothing was executed.
pub(super) fn unavailable() -> Rejection {
    let message = "the `Idempotency-Key` cannot be checked now; nothing was executed, send this again";
    Rejection::new(ErrorCode::IdempotencyUnavailable, message).retry_after(UNAVAILABLE_RETRY_S)
}

/// The verdict's name when the claim was not sent because too many wait, beside those of [`CheckedVerdict::name`].
pub(super) const CROWDED: &str = "crowded";

/// Replays the first answer, byte for byte.
pub(super) fn replay(answer: Answer) -> Reply {
    let (status, content_type, body) = answer.into_parts();
    let headers =
        vec![("content-type", content_type.into()), NO_STORE, (idempotency::REPLAYED_HEADER, "true".into())];
    Reply { status, headers, body: body.into_bytes() }
}
