//! TLS of the process's own listeners.

use std::path::PathBuf;

use super::{ConfigError, Source, keep};
use crate::server::{PeerNames, TlsError, TlsFile, TlsSettings};

const CERTIFICATE: &str = "SERVICE_TLS_CERTIFICATE";
const PRIVATE_KEY: &str = "SERVICE_TLS_PRIVATE_KEY";
const CLIENT_CA: &str = "SERVICE_TLS_CLIENT_CA";
const CLIENT_NAMES: &str = "SERVICE_TLS_CLIENT_NAMES";

/// Reads the settings and tries the files. `None`: the listeners go without TLS.
///
/// # Errors
/// Everything that is missing or wrong: the settings belong together.
pub(crate) fn service_tls(source: &Source) -> Result<Option<TlsSettings>, Vec<ConfigError>> {
    let keys = [CERTIFICATE, PRIVATE_KEY, CLIENT_CA, CLIENT_NAMES];
    if keys.iter().all(|key| source.get(key).is_none()) {
        return Ok(None);
    }
    let mut errors = Vec::new();
    let path = |errors: &mut Vec<_>, key, expected| {
        let path = source.get(key).map(PathBuf::from);
        keep(errors, path.ok_or(ConfigError::Missing { key, expected }))
    };
    let certificate =
        path(&mut errors, CERTIFICATE, "PEM file of the process's certificate and its intermediates");
    let private_key = path(&mut errors, PRIVATE_KEY, "PEM file of that certificate's private key");
    let client_ca =
        path(&mut errors, CLIENT_CA, "PEM file of the authorities whose client certificates are accepted");
    let names = source.read_with(CLIENT_NAMES, str::parse::<PeerNames>).and_then(|names| {
        let expected = "the names of which a client's certificate must have one, a comma list";
        names.ok_or(ConfigError::Missing { key: CLIENT_NAMES, expected })
    });
    let names = keep(&mut errors, names);
    let (Some(certificate), Some(private_key), Some(client_ca), Some(client_names)) =
        (certificate, private_key, client_ca, names)
    else {
        return Err(errors);
    };
    let settings = TlsSettings { certificate, private_key, client_ca, client_names };
    match settings.check() {
        Ok(()) => Ok(Some(settings)),
        Err(error) => Err(vec![unusable(source, &error)]),
    }
}

fn unusable(source: &Source, error: &TlsError) -> ConfigError {
    let key = match error.file {
        TlsFile::Certificate => CERTIFICATE,
        TlsFile::PrivateKey => PRIVATE_KEY,
        TlsFile::ClientCa => CLIENT_CA,
    };
    source.invalid(key, error.to_string())
}
