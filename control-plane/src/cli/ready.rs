//! `control-plane ready`: the health check of images, which have neither a shell nor curl.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Client, RequestBuilder};
use tokio::time::{Instant, sleep};

use crate::config::{Source, service_tls, unusable};
use crate::server::OwnPeer;

/// Longer than the 1.5 s in which readiness proves a write; shorter than the 3 s that container engines are
/// configured to wait.
const TIMEOUT: Duration = Duration::from_millis(2500);

/// The pause before a process that does not take its own certificate is asked once more: it reads a new certificate a
/// moment after this command does.
const PAUSE: Duration = Duration::from_millis(300);

/// Asks the `serve`, `worker` or `edge-cache` process at this address whether it is ready or, with `is_liveness`,
/// whether it lives. With TLS, both show the process's own certificate, and accept no other.
///
/// # Errors
/// Why it is not ready, in its own words, or that it did not answer.
pub(super) async fn ask(address: SocketAddr, is_liveness: bool, source: &Source) -> anyhow::Result<()> {
    let tls = service_tls(source).map_err(|errors| unusable(&errors))?;
    let path = if is_liveness { "healthz" } else { "readyz" };
    let end = Instant::now() + TIMEOUT;
    let request = async || -> anyhow::Result<RequestBuilder> {
        let client = Client::builder().no_proxy().timeout(end.saturating_duration_since(Instant::now()));
        Ok(match &tls {
            None => client.build()?.get(format!("http://{address}/{path}")),
            Some(tls) => {
                let client = client.tls_backend_preconfigured(OwnPeer::of(tls)?.client_config()?);
                client.build()?.get(format!("https://{address}/{path}"))
            }
        })
    };
    let answer = loop {
        match request().await?.send().await {
            Err(_) if tls.is_some() && Instant::now() + PAUSE < end => sleep(PAUSE).await,
            answer => break answer.with_context(|| format!("{address} does not answer"))?,
        }
    };
    let status = answer.status();
    if !status.is_success() {
        bail!("{address} is not ready ({status}): {}", answer.text().await.unwrap_or_default());
    }
    Ok(())
}
