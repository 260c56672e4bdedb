//! The way out to providers.

use payments_providers::Outgoing;
use reqwest::Url;

use super::plaintext::{Plaintext, Wire};
use super::{ConfigError, Source};
use crate::this_machine::is_this_machine;

const PROXY: &str = "OUTGOING_PROXY";
const AUTHORITIES: &str = "OUTGOING_CA";

/// Reads proxy and authorities; by default neither.
pub(crate) fn outgoing(source: &Source) -> Result<Outgoing, ConfigError> {
    let mut outgoing = Outgoing::default();
    if let Some(proxy) = source.get(PROXY) {
        outgoing = outgoing.through(proxy).map_err(|problem| source.invalid(PROXY, problem.to_string()))?;
        check_password(source, proxy)?;
    }
    if let Some(path) = source.get(AUTHORITIES) {
        let wrong = |problem: String| source.invalid(AUTHORITIES, format!("{path}: {problem}"));
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        outgoing = outgoing.trusting(&pem).map_err(|problem| wrong(problem.to_string()))?;
    }
    Ok(outgoing)
}

/// A provider's credentials are encrypted on the way through a proxy, the proxy's own password is not.
fn check_password(source: &Source, proxy: &str) -> Result<(), ConfigError> {
    let Ok(url) = Url::parse(proxy) else { return Ok(()) };
    let has_password = !url.username().is_empty() || url.password().is_some();
    if !has_password || url.scheme() == "https" || url.host_str().is_some_and(is_this_machine) {
        return Ok(());
    }
    Plaintext::read(source)?.check(source, Wire::Proxy, PROXY, "use https://, or a proxy without a password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Outgoing, String> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        outgoing(&Source::new(settings, None).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_proxy_gets_its_password_in_clear_text_only_where_that_is_allowed() {
        let production = ("GATEWAY_PROFILE", "production");
        let proxy = (PROXY, "http://user:hidden@proxy.example:3128");
        let error = read(&[production, proxy]).unwrap_err();
        assert!(error.starts_with(PROXY) && !error.contains("hidden"), "{error}");
        assert!(read(&[production, proxy, ("ALLOW_PLAINTEXT", "proxy")]).is_ok());
        for fine in
            ["https://user:hidden@proxy.example", "http://proxy.example:3128", "http://u:p@127.0.0.1:1"]
        {
            assert!(read(&[production, (PROXY, fine)]).is_ok(), "{fine}");
        }
        assert!(read(&[proxy]).is_ok());
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named() {
        let error = read(&[(AUTHORITIES, "/nowhere/ca.pem")]).unwrap_err();
        assert!(error.starts_with(AUTHORITIES) && error.contains("/nowhere/ca.pem: No such file"), "{error}");
    }
}
