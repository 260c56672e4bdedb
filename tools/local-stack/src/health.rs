//! Whether a part answers.

use std::time::Duration;

use anyhow::Result;
use reqwest::{Client, RequestBuilder};

/// How long one look at a part may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// A client for this machine: no proxy of the caller's environment stands between.
pub(crate) fn client() -> Result<Client> {
    Ok(Client::builder().no_proxy().timeout(PROBE_TIMEOUT).build()?)
}

/// `Ok` when the answer is a success; else what came instead.
pub(crate) async fn probe(request: RequestBuilder) -> Result<(), String> {
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answers {}", answer.status())),
        Err(error) if error.is_connect() => Err("it does not listen yet".to_owned()),
        Err(error) if error.is_timeout() => Err(format!("it does not answer within {PROBE_TIMEOUT:?}")),
        Err(error) => Err(error.to_string()),
    }
}
