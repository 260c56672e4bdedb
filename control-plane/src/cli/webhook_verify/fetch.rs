//! Fetches a certificate from PayPal only.

use std::time::Duration;

use edge_core::webhook::paypal::CertificateUrl;
use edge_core::webhook::x509::{CERTIFICATE_BYTES_MAX, CertificateProblem};
use edge_core::webhook::{CannotVerify, FetchFailure};
use payments_providers::Outgoing;
use reqwest::Client;
use reqwest::redirect::Policy;

const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches `url`. Follows no redirect and uses no proxy: either could belong to another party.
pub(super) async fn certificate(url: &CertificateUrl) -> Result<Vec<u8>, CannotVerify> {
    let failed = |error: reqwest::Error| {
        CannotVerify::Fetch(if error.is_timeout() {
            FetchFailure::TimedOut
        } else {
            FetchFailure::Unreachable
        })
    };
    let client = Client::builder()
        .user_agent(concat!("payment-gateway/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .https_only(url.encrypted())
        .timeout(PATIENCE);
    let client = Outgoing::default().apply(client).map_err(|_| FetchFailure::Unreachable)?;
    let client = client.build().map_err(failed)?;
    let mut answer = client.get(url.to_string()).send().await.map_err(failed)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(FetchFailure::Status(answer.status().as_u16()).into());
    }
    let mut pem = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if pem.len() + chunk.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateProblem::TooLarge.into());
        }
        pem.extend_from_slice(&chunk);
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::get;
    use edge_core::webhook::paypal::Environment;

    use super::*;

    /// Fetches a certificate from a local test server.
    async fn fetch(name: &str) -> Result<Vec<u8>, CannotVerify> {
        let base = "/v1/notifications/certs/CERT-00000000-00000000";
        let server = Router::new()
            .route(&format!("{base}-0000600d"), get(|| async { "PEM" }))
            .route(
                &format!("{base}-00000303"),
                get(move || async move { Redirect::to(&format!("{base}-0000600d")) }),
            )
            .route(&format!("{base}-000010c0"), get(|| async { "x".repeat(CERTIFICATE_BYTES_MAX) }))
            .route(&format!("{base}-0000ffff"), get(|| async { "x".repeat(CERTIFICATE_BYTES_MAX + 1) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, server).await });
        let environment = Environment::stand_in([origin.as_str()], "certs.test").unwrap();
        let url = CertificateUrl::parse(&format!("{origin}{base}-{name}"), &environment).unwrap();
        let fetched = certificate(&url).await;
        server.abort();
        fetched
    }

    #[tokio::test]
    async fn only_a_short_file_at_the_very_place_is_taken() {
        assert_eq!(fetch("0000600d").await, Ok(b"PEM".to_vec()));
        assert_eq!(fetch("000010c0").await.map(|pem| pem.len()), Ok(CERTIFICATE_BYTES_MAX));
        assert_eq!(fetch("0000ffff").await, Err(CertificateProblem::TooLarge.into()));
        assert_eq!(fetch("00000303").await, Err(FetchFailure::Status(303).into()));
        assert_eq!(fetch("00000404").await, Err(FetchFailure::Status(404).into()));
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_unreachable() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let environment = Environment::stand_in([origin.as_str()], "certs.test").unwrap();
        let url = CertificateUrl::parse(
            &format!("{origin}/v1/notifications/certs/CERT-360caa42-fca2a594-00000000"),
            &environment,
        )
        .unwrap();
        assert_eq!(certificate(&url).await, Err(FetchFailure::Unreachable.into()));
    }
}
