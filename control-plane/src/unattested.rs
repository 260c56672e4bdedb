//! Requests that came past the edge, or from an edge with other keys or another clock.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use edge_core::attestation::AttestationError;
use http::Extensions;

/// Tells operators of one: clients are not told more than that it was refused.
pub(crate) fn note(refusal: AttestationError, request: &Extensions) {
    let peer =
        request.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| tracing::field::display(peer));
    tracing::warn!(peer, reason = refusal.name(), error = %refusal, "an unattested request was refused");
    metrics::counter!(REFUSED, "reason" => refusal.name()).increment(1);
}

const REFUSED: &str = "attestations_refused_total";

/// Every counter, before anything was refused: of one that begins above nothing, the first growth is not seen.
pub(crate) fn show() {
    for refusal in AttestationError::ALL {
        metrics::counter!(REFUSED, "reason" => refusal.name()).increment(0);
    }
}
