//! Why no connection to a provider can be set up.

use reqwest::Url;

/// The connection to a provider cannot be set up at all.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("the base URL `{0}` must be http or https with a host")]
    BaseUrl(Url),
    #[error("TLS cannot be set up; are CA certificates installed?")]
    Tls(#[source] rustls::Error),
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}
