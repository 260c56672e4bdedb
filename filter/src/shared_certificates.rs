//! Certificates in Envoy's shared data, where they outlive a worker's VM and other workers find them.
//!
//! Envoy keeps shared data in its own memory as long as a VM with the same `vm_id` exists, and the main thread's does.
//! Other filters with that id may write there.

use edge_core::webhook::paypal::{CertificateUrl, SharedCertificates};
use proxy_wasm::hostcalls;

const KEY: &str = "gateway_edge.paypal_certificates";
/// Workers write after fetching a certificate, which rarely happens at the same time.
const TRIES: u32 = 3;

/// The stored bytes and their version; `None` if nothing was ever stored.
pub(crate) fn read() -> (Vec<u8>, Option<u32>) {
    let (bytes, version) = hostcalls::get_shared_data(KEY).unwrap_or_default();
    (bytes.unwrap_or_default(), version)
}

/// Adds a trusted certificate. A lost one is fetched again when it is needed.
pub(crate) fn publish(url: &CertificateUrl, pem: &[u8], now_s: u64) {
    for _ in 0..TRIES {
        let (bytes, version) = read();
        let kept = SharedCertificates::read(&bytes).with(url, pem, now_s);
        if hostcalls::set_shared_data(KEY, Some(&kept.to_bytes()), version).is_ok() {
            return;
        }
    }
}
