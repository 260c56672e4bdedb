//! Where payers may be sent after a step outside.

use edge_core::request::{ReturnUrlHosts, is_return_url};

use super::{ConfigError, Source};

/// Where they go when a charge does not say.
pub(super) fn default_return_url(source: &Source) -> Result<Option<String>, ConfigError> {
    let problem = "must be an https URL (http only to this machine) without a user's name";
    source.read_with("PAYMENT_RETURN_URL", |url| {
        is_return_url(url).then(|| url.to_owned()).ok_or_else(|| problem.to_owned())
    })
}

/// Both halves hold charges against it: the edge is told by `control-plane envoy-bootstrap`.
pub(crate) fn return_url_hosts(source: &Source) -> Result<ReturnUrlHosts, ConfigError> {
    let read = |list: &str| ReturnUrlHosts::new(list.split(',').map(str::trim)).map_err(|e| e.to_string());
    Ok(source.read_with("RETURN_URL_HOSTS", read)?.unwrap_or_default())
}
