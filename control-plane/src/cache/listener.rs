//! The edge cache over HTTP, for edges only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use edge_core::attestation::{self, AttestationError, Audience, Keys};
use edge_core::error::{ErrorBody, ErrorCode};
use edge_core::idempotency::{CLAIMS_PATH, ClaimRequest, MARKER, MARKER_HEADER, Verdict};
use futures_util::future::join_all;
use payments::ports::clock::Clock;

use super::{CacheError, EdgeCache};
use crate::readiness::Probe;
use crate::server::{Unread, read_body};
use crate::{edge_clock, unattested};

/// A claim takes about 200 bytes, and a call has up to 64 claims.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// The cache's routes: `POST /claims` for holders of an attestation key, `GET /healthz` and `GET /readyz` for probes.
pub fn router(cache: Arc<dyn EdgeCache>, keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Router {
    // Created at 0 before the first claim: the first increase of a counter that starts above 0 is invisible.
    metrics::counter!(CLAIMS, "verdict" => UNAVAILABLE).increment(0);
    Router::new()
        .route(CLAIMS_PATH, post(claim))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(Arc::new(Listener {
            cache,
            keys,
            clock,
            is_away: AtomicBool::new(false),
            probe: Probe::default(),
        }))
}

const CLAIMS: &str = "edge_cache_claims_total";
/// The verdict label of a claim that could not be answered.
const UNAVAILABLE: &str = "unavailable";

struct Listener {
    cache: Arc<dyn EdgeCache>,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    /// Whether the last claim could not be answered.
    is_away: AtomicBool,
    probe: Probe,
}

async fn claim(State(listener): State<Arc<Listener>>, request: Request) -> Response {
    let claims = match listener.read(request).await {
        Ok(claims) => claims,
        Err(refusal) => return refusal,
    };
    // Concurrently, so that Redis receives them in one batch, too.
    let outcomes = join_all(claims.iter().map(|claim| listener.cache.claim(claim))).await;
    let verdicts: Vec<Option<Verdict>> = outcomes.into_iter().map(|outcome| listener.note(outcome)).collect();
    if verdicts.iter().all(Option::is_none) {
        return refused(ErrorCode::IdempotencyUnavailable, "the cache cannot answer now");
    }
    let headers = [(MARKER_HEADER, MARKER), (header::CONTENT_TYPE.as_str(), "application/json")];
    (headers, Verdict::encode_all(&verdicts)).into_response()
}

async fn ready(State(listener): State<Arc<Listener>>) -> (StatusCode, String) {
    match listener.probe.ask(listener.cache.ready()).await {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("the cache's store takes no claims: {reason}\n"))
        }
    }
}

impl Listener {
    async fn read(&self, request: Request) -> Result<Vec<ClaimRequest>, Response> {
        let (parts, body) = request.into_parts();
        let body = read_body(body, BODY_BYTES_MAX).await.map_err(|unread| match unread {
            Unread::TooLong => refused(ErrorCode::PayloadTooLarge, "claims must have at most 32768 bytes"),
            Unread::TooSlow => refused(ErrorCode::InvalidRequest, "the claims took too long to arrive"),
        })?;
        let unattested = |refusal| {
            unattested::note(refusal, unattested::peer(&parts.extensions));
            refused(ErrorCode::EdgeAttestationRequired, &refusal.to_string())
        };
        let mut headers = parts.headers.get_all(attestation::HEADER).iter();
        let header = match (headers.next(), headers.next()) {
            (Some(header), None) => header.as_bytes(),
            (None, _) => return Err(unattested(AttestationError::Missing)),
            (Some(_), Some(_)) => return Err(unattested(AttestationError::Malformed)),
        };
        self.check(header, &body).map_err(unattested)?;
        ClaimRequest::read_all(&body).map_err(|error| refused(ErrorCode::InvalidRequest, &error.to_string()))
    }

    fn check(&self, header: &[u8], body: &Bytes) -> Result<(), AttestationError> {
        let seen = attestation::Request::new("POST", CLAIMS_PATH, body).to(Audience::EdgeCache);
        let now_s = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        let signed = self.keys.authenticate(header, &seen)?;
        edge_clock::note(&signed, now_s);
        signed.at(now_s).map(drop)
    }

    /// Counts every claim, but logs only when the store becomes unavailable and when it is back.
    fn note(&self, outcome: Result<Verdict, CacheError>) -> Option<Verdict> {
        let verdict = outcome.as_ref().map_or(UNAVAILABLE, Verdict::name);
        metrics::counter!(CLAIMS, "verdict" => verdict).increment(1);
        let was_away = self.is_away.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if !was_away => tracing::warn!(%error, "claims cannot be answered"),
            Ok(_) if was_away => tracing::info!("claims are answered again"),
            _ => {}
        }
        outcome.ok()
    }
}

fn refused(code: ErrorCode, message: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(ErrorBody::new(code, message))).into_response()
}
