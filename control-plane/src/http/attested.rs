//! Rejects requests that the edge did not attest. An extractor, so that no handler can omit the check.

use std::net::IpAddr;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use edge_core::attestation::{self, AttestationError, AttestedKey, Statement};
use edge_core::card;
use edge_core::error::ErrorCode;
use payments::model::event::Cause;

use super::App;
use super::error::ApiError;
use super::keyless::RequestIdentity;
use crate::server::{Unread, read_body};
use crate::{edge_clock, unattested};

/// The edge refuses larger bodies on these routes; this is the second line of defence.
const BODY_BYTES_MAX: usize = 64 * 1024;

const SOURCE: &str = "x-edge-source";

/// A request attested by the edge, with its client and its raw body, which the attestation covers. It contains no card
/// data: the edge refuses card data, and this extractor checks again before anything is written.
pub(super) struct Attested {
    pub(super) cause: Cause,
    pub(super) body: Bytes,
    /// The idempotency key, if the route takes one.
    pub(super) key: Option<AttestedKey>,
    pub(super) seen: RequestIdentity,
}

impl FromRequest<App> for Attested {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let Verified { statement, mac, body, parts } = verified(request, app, BODY_BYTES_MAX).await?;
        let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        if let Some(found) = card::find_in_target(target).or_else(|| card::find_in_json(&body)) {
            return Err(found.into());
        }
        // A ticket is not a key: what it opens takes it explicitly.
        let client = statement.client.filter(|_| statement.ticket.is_none());
        let client = client.ok_or_else(|| refused(AttestationError::Mismatch, &parts))?;
        let cause = Cause::request(client, statement.request_id).at(source(&parts));
        let seen = RequestIdentity { mac, peer: unattested::peer(&parts.extensions) };
        Ok(Self { cause, body, key: statement.key, seen })
    }
}

/// The sender's address as Envoy reports it, for the audit trail. Envoy removes the header from what callers send.
/// It is not attested, so nothing is decided by it.
fn source(request: &Parts) -> Option<IpAddr> {
    request.headers.get(SOURCE)?.to_str().ok()?.parse().ok()
}

/// A request whose attestation is verified.
pub(super) struct Verified {
    /// The edge's statement about the request.
    pub(super) statement: Statement,
    /// The attestation's.
    pub(super) mac: [u8; 32],
    pub(super) body: Bytes,
    pub(super) parts: Parts,
}

/// Verifies the attestation, which covers the raw body of at most `limit` bytes.
pub(super) async fn verified(request: Request, app: &App, limit: usize) -> Result<Verified, ApiError> {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers.get_all(attestation::HEADER).iter();
    let header = match (headers.next(), headers.next()) {
        (Some(header), None) => header.as_bytes(),
        (None, _) => return Err(refused(AttestationError::Missing, &parts)),
        (Some(_), Some(_)) => return Err(refused(AttestationError::Malformed, &parts)),
    };
    let body = read_body(body, limit).await.map_err(|unread| match unread {
        Unread::TooLong => {
            ApiError::new(ErrorCode::PayloadTooLarge, format!("the body must have at most {limit} bytes"))
        }
        Unread::TooSlow => ApiError::new(ErrorCode::InvalidRequest, "the body took too long to arrive"),
    })?;
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    // Envoy forwards a WebSocket's GET over HTTP/2 as CONNECT (RFC 8441).
    let method = if parts.method == Method::CONNECT { &Method::GET } else { &parts.method };
    let seen = attestation::Request::new(method.as_str(), path, &body);
    let now_s = u64::try_from(app.gateway.now().as_second()).unwrap_or(0);
    let statement = app.attestation_keys.authenticate(header, &seen).and_then(|signed| {
        edge_clock::note(&signed, now_s);
        let mac = signed.mac();
        Ok((signed.at(now_s)?, mac))
    });
    let (statement, mac) = statement.map_err(|refusal| refused(refusal, &parts))?;
    Ok(Verified { statement, mac, body, parts })
}

pub(super) fn refused(refusal: AttestationError, request: &Parts) -> ApiError {
    unattested::note(refusal, unattested::peer(&request.extensions));
    ApiError::new(ErrorCode::EdgeAttestationRequired, refusal.to_string())
}
