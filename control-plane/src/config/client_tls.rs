//! TLS to Redis and RabbitMQ, beyond what their addresses can say.

use super::{ConfigError, Source};
use crate::client_tls::ClientTls;

/// The settings of one server.
pub(super) struct Keys {
    pub(super) uri: &'static str,
    pub(super) authorities: &'static str,
    pub(super) certificate: &'static str,
    pub(super) private_key: &'static str,
}

pub(super) const REDIS: Keys = Keys {
    uri: "REDIS_URI",
    authorities: "REDIS_CA",
    certificate: "REDIS_CERTIFICATE",
    private_key: "REDIS_PRIVATE_KEY",
};

pub(super) const AMQP: Keys = Keys {
    uri: "AMQP_URI",
    authorities: "AMQP_CA",
    certificate: "AMQP_CERTIFICATE",
    private_key: "AMQP_PRIVATE_KEY",
};

/// Reads the files. `None`: the machine's authorities, and no client certificate.
pub(super) fn client_tls(source: &Source, keys: &Keys) -> Result<Option<ClientTls>, ConfigError> {
    let file = |key: &'static str| {
        source.read_with(key, |path| std::fs::read(path).map_err(|error| format!("{path}: {error}")))
    };
    let missing =
        |key| ConfigError::Missing { key, expected: "a certificate and its private key belong together" };
    let identity = match (file(keys.certificate)?, file(keys.private_key)?) {
        (None, None) => None,
        (Some(certificate), Some(private_key)) => Some((certificate, private_key.into())),
        (Some(_), None) => return Err(missing(keys.private_key)),
        (None, Some(_)) => return Err(missing(keys.certificate)),
    };
    let authorities = file(keys.authorities)?;
    if authorities.is_none() && identity.is_none() {
        return Ok(None);
    }
    let tls = ClientTls { authorities, identity };
    match tls.check() {
        Ok(()) => Ok(Some(tls)),
        Err(of) => Err(source.invalid(
            match of {
                crate::client_tls::TlsFileError::Authorities => keys.authorities,
                crate::client_tls::TlsFileError::Certificate => keys.certificate,
                crate::client_tls::TlsFileError::PrivateKey => keys.private_key,
            },
            of.to_string(),
        )),
    }
}
