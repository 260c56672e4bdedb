//! A certificate from PayPal, or from nowhere.

use std::time::Duration;

use edge_core::webhook::paypal::CertificateUrl;
use edge_core::webhook::x509::{CERTIFICATE_BYTES_MAX, CertificateProblem};
use edge_core::webhook::{CannotVerify, FetchFailure};
use reqwest::Client;
use reqwest::redirect::Policy;

const PATIENCE: Duration = Duration::from_secs(10);

/// What is at `url`. No redirect is followed and no proxy is asked: both could be somebody else.
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
        .no_proxy()
        .https_only(url.encrypted())
        .timeout(PATIENCE)
        .build()
        .map_err(failed)?;
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
