//! Health checks of parts.

use std::time::Duration;

use anyhow::Result;
use reqwest::{Client, RequestBuilder};

use crate::settings::Settings;

/// The timeout of one check.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// An HTTP client for this machine, without the environment's proxies.
pub(crate) fn client() -> Result<Client> {
    Ok(Client::builder().no_proxy().timeout(PROBE_TIMEOUT).build()?)
}

/// The same for the parts' own ports, with a certificate where they ask for one.
pub(crate) fn client_inside(settings: &Settings) -> Result<Client> {
    Ok(settings.client(Client::builder().no_proxy().timeout(PROBE_TIMEOUT))?.build()?)
}

/// `Ok` if the response is a success; otherwise what came instead.
pub(crate) async fn probe(request: RequestBuilder) -> Result<(), String> {
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answers {}", answer.status())),
        Err(error) if error.is_connect() => Err("it does not listen yet".to_owned()),
        Err(error) if error.is_timeout() => Err(format!("it does not answer within {PROBE_TIMEOUT:?}")),
        Err(error) => Err(error.to_string()),
    }
}
