//! Asking the edge cache, and reading what came back.

use edge_core::attestation;
use edge_core::config::Claiming;
use edge_core::idempotency::{CLAIMS_PATH, ClaimCall, MARKER_HEADER, Verdict};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

/// A verdict is an answer in JSON, whose text may double what must be escaped in it.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Sends the claim. An error means that nothing will come back: no such cluster, or nobody in it is healthy.
pub(crate) fn ask(call: &ClaimCall, claiming: &Claiming) -> Result<u32, Status> {
    let headers = vec![
        (":method", "POST"),
        (":path", CLAIMS_PATH),
        (":authority", "edge-cache"),
        ("content-type", "application/json"),
        (attestation::HEADER, &call.attestation),
    ];
    hostcalls::dispatch_http_call(&claiming.cluster, headers, Some(&call.body), Vec::new(), claiming.timeout)
}

/// The verdict, if what came is one. Envoy makes up answers of its own for a cache that is away.
pub(crate) fn verdict(body_len: usize) -> Option<Verdict> {
    let head = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).ok()?;
    let value = |name: &str| head.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_slice());
    let status = std::str::from_utf8(value(":status")?).ok()?.parse().ok()?;
    let length = body_len.min(ANSWER_BYTES_MAX);
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, length).ok()?.unwrap_or_default();
    Verdict::read(status, value(MARKER_HEADER), &body)
}
