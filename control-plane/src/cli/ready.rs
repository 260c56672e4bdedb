//! `control-plane ready`: the health check of images, which have neither a shell nor curl.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// Longer than the 1.5 s in which readiness proves a write; shorter than the 3 s that container engines are told to
/// wait.
const TIMEOUT: Duration = Duration::from_millis(2500);

/// Asks the `serve`, `worker` or `edge-cache` process at this address.
///
/// # Errors
/// Why it is not ready, in its own words, or that it did not answer.
pub(super) async fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let answer = http.get(format!("http://{address}/readyz")).send().await;
    let answer = answer.with_context(|| format!("{address} does not answer"))?;
    let status = answer.status();
    if !status.is_success() {
        bail!("{address} is not ready ({status}): {}", answer.text().await.unwrap_or_default());
    }
    Ok(())
}
