//! The URL that the sender of a PayPal webhook names.

use edge_core::webhook::paypal::{CertificateUrl, Environment};
use url::Url;

use crate::fixture::texts;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (environment, hosts) in [
        (Environment::live(), ["api.paypal.com", "api-m.paypal.com"]),
        (Environment::sandbox(), ["api.sandbox.paypal.com", "api-m.sandbox.paypal.com"]),
    ] {
        let Ok(url) = CertificateUrl::parse(text, &environment) else { continue };
        assert_eq!(url.to_string(), text);
        let parsed = Url::parse(text).unwrap();
        assert!(url.encrypted() && parsed.scheme() == "https");
        assert_eq!((parsed.host_str(), parsed.port()), (Some(url.authority()), None));
        assert!(hosts.contains(&url.authority()));
        assert!(parsed.username().is_empty() && parsed.password().is_none());
        assert_eq!((parsed.path(), parsed.query(), parsed.fragment()), (url.path(), None, None));
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    texts([
        "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
        "https://api-m.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "http://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
        "https://api.paypal.com:443/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
        "https://api.paypal.com/v1/notifications/certs/../CERT-360caa42-fca2a594-b0d12406",
    ])
}
