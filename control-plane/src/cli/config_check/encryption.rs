//! Tries the key that wraps data keys, by a made-up one. Nothing is stored.

use std::time::Duration;

use payments::causes::with_causes;
use payments_stores::Encryption;
use tokio::time::timeout;

use super::CheckReport;

const ABOUT: &str = "encryption";

/// Time limit for a key management service, with its repetitions.
const PATIENCE: Duration = Duration::from_secs(15);

/// `key`: the setting that names the key.
pub(super) async fn encryption(key: &'static str, settings: &Encryption, report: &mut CheckReport) {
    let Some(wrapping) = &settings.wrapping else { return };
    let name = wrapping.first();
    match timeout(PATIENCE, wrapping.check()).await {
        Ok(Ok(())) => report.good(ABOUT, format!("`{name}` wraps data keys and opens them again")),
        Ok(Err(problem)) => report.bad(ABOUT, format!("{key}: {}", with_causes(&problem))),
        Err(_) => {
            report.bad(ABOUT, format!("{key}: the service of the key `{name}` gives no answer in time"));
        }
    }
}
