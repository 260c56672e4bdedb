//! Certificates where they outlive the VM of a worker, and other workers find them: in Envoy's shared data.
//!
//! Envoy keeps that in its own memory, for as long as a VM of the same `vm_id` is left: the main thread's is. Other
//! filters of that id may write there.

use edge_core::webhook::paypal::{CertificateUrl, SharedCertificates};
use proxy_wasm::hostcalls;

const KEY: &str = "gateway_edge.paypal_certificates";
/// Workers write when each of them has fetched a certificate, which is hardly ever together.
const TRIES: u32 = 3;

/// What is kept, and which version of it that is; `None` if nothing was ever kept.
pub(crate) fn read() -> (Vec<u8>, Option<u32>) {
    let (bytes, version) = hostcalls::get_shared_data(KEY).unwrap_or_default();
    (bytes.unwrap_or_default(), version)
}

/// Adds a certificate that was found good. One that is lost is fetched by who needs it.
pub(crate) fn publish(url: &CertificateUrl, pem: &[u8], now_s: u64) {
    for _ in 0..TRIES {
        let (bytes, version) = read();
        let kept = SharedCertificates::read(&bytes).with(url, pem, now_s);
        if hostcalls::set_shared_data(KEY, Some(&kept.to_bytes()), version).is_ok() {
            return;
        }
    }
}
