//! Only what the edge let through is answered. As an extractor, so that no handler can forget it.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::uri::PathAndQuery;
use edge_core::attestation::{self, Claim, Claims, Refusal};
use edge_core::card;
use edge_core::error::ErrorCode;

use super::App;
use super::error::ApiError;
use crate::domain::event::Cause;

/// The edge refuses larger bodies on these routes; this is the second wall.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request that the edge vouches for: whose it is, and its raw body, which the attestation covers. It holds no card
/// data: the edge refuses it, and here the same is looked for once more, before anything is written.
pub(super) struct Attested {
    pub(super) cause: Cause,
    pub(super) body: Bytes,
    /// The idempotency key, where the route takes one.
    pub(super) claim: Option<Claim>,
}

impl FromRequest<App> for Attested {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let uri = request.uri().clone();
        let (claims, body) = verified(request, app, BODY_BYTES_MAX).await?;
        let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        if let Some(found) = card::find_in_target(target).or_else(|| card::find_in_json(&body)) {
            return Err(found.into());
        }
        let client = claims.client.ok_or_else(|| refused(Refusal::Mismatch))?;
        Ok(Self { cause: Cause { client, request_id: claims.request_id }, body, claim: claims.claim })
    }
}

/// What the edge vouches for, and the raw body of at most `limit` bytes.
pub(super) async fn verified(request: Request, app: &App, limit: usize) -> Result<(Claims, Bytes), ApiError> {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers.get_all(attestation::HEADER).iter();
    let header = match (headers.next(), headers.next()) {
        (Some(header), None) => header.as_bytes(),
        (None, _) => return Err(refused(Refusal::Missing)),
        (Some(_), Some(_)) => return Err(refused(Refusal::Malformed)),
    };
    let body = to_bytes(body, limit).await.map_err(|_| {
        ApiError::new(ErrorCode::PayloadTooLarge, format!("the body must have at most {limit} bytes"))
    })?;
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let seen = attestation::Request::new(parts.method.as_str(), path, &body);
    let now_s = u64::try_from(app.gateway.now().as_second()).unwrap_or(0);
    let claims = app.attestation_keys.verify(header, &seen, now_s).map_err(refused)?;
    Ok((claims, body))
}

pub(super) fn refused(refusal: Refusal) -> ApiError {
    ApiError::new(ErrorCode::EdgeAttestationRequired, refusal.to_string())
}
