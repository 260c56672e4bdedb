//! Calls the edge cache, and parses its responses.

use edge_core::attestation;
use edge_core::config::ClaimSettings;
use edge_core::idempotency::{CLAIMS_PATH, ClaimCall, MARKER_HEADER, Verdict};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

/// A verdict may hold an answer as a JSON string, whose escapes can double its length.
const VERDICT_BYTES_MAX: usize = 256 * 1024;

/// Sends the claims. An error means that no response will come: the cluster is unknown or has no healthy host.
pub(crate) fn ask(call: &ClaimCall, settings: &ClaimSettings) -> Result<u32, Status> {
    let headers = vec![
        (":method", "POST"),
        (":path", CLAIMS_PATH),
        (":authority", "edge-cache"),
        ("content-type", "application/json"),
        (attestation::HEADER, &call.attestation),
    ];
    hostcalls::dispatch_http_call(&settings.cluster, headers, Some(&call.body), Vec::new(), settings.timeout)
}

/// Parses the verdicts on `claims` claims. `None` for a response that Envoy synthesizes while the cache is unavailable.
pub(crate) fn verdicts(body_len: usize, claims: usize) -> Option<Vec<Option<Verdict>>> {
    let head = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).ok()?;
    let value = |name: &str| head.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_slice());
    let status = std::str::from_utf8(value(":status")?).ok()?.parse().ok()?;
    let length = body_len.min(VERDICT_BYTES_MAX * claims);
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, length).ok()?.unwrap_or_default();
    Verdict::read_all(status, value(MARKER_HEADER), &body, claims)
}
