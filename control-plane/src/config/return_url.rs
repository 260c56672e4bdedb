//! Where payers may be sent after 3-D Secure or an approval at the provider.

use edge_core::request::{ReturnUrlHosts, is_return_url};

use super::{ConfigError, Source};

/// The default for charges without a `returnUrl`.
pub(super) fn default_return_url(source: &Source) -> Result<Option<String>, ConfigError> {
    let problem = "must be an https URL (http only to this machine) without a user name";
    source.read_with("PAYMENT_RETURN_URL", |url| {
        is_return_url(url).then(|| url.to_owned()).ok_or_else(|| problem.to_owned())
    })
}

/// The allowed hosts. Both the control plane and the edge check charges against them; the edge gets the list from
/// `control-plane envoy-bootstrap`.
pub(crate) fn return_url_hosts(source: &Source) -> Result<ReturnUrlHosts, ConfigError> {
    let read = |list: &str| ReturnUrlHosts::new(list.split(',').map(str::trim)).map_err(|e| e.to_string());
    Ok(source.read_with("RETURN_URL_HOSTS", read)?.unwrap_or_default())
}
