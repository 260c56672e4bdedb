//! Requests that bypassed the edge, were copied behind it, or came from an edge with other keys or a wrong clock.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use edge_core::attestation::AttestationError;
use http::Extensions;

/// Logs and counts a refusal for operators; the client learns only that its request was refused.
pub(crate) fn note(refusal: AttestationError, peer: Option<SocketAddr>) {
    let peer = peer.map(tracing::field::display);
    tracing::warn!(peer, reason = refusal.name(), error = %refusal, "an unattested request was refused");
    metrics::counter!(REFUSED, "reason" => refusal.name()).increment(1);
}

/// The other end of the request's connection.
pub(crate) fn peer(request: &Extensions) -> Option<SocketAddr> {
    request.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer)
}

const REFUSED: &str = "attestations_refused_total";

/// Creates every counter at 0, since the first increase of a counter that starts above 0 is invisible.
pub(crate) fn show() {
    for refusal in AttestationError::ALL {
        metrics::counter!(REFUSED, "reason" => refusal.name()).increment(0);
    }
}
