//! The ways from Envoy to the services behind it, with and without TLS.

use serde_json::{Map, Value, json};

use super::certificates::{Server, is_address};
use super::values::Rules;
use crate::config::{ConfigError, Source, Wire};
use crate::this_machine::is_this_machine;

/// Where a service listens.
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Endpoint {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once(':').map(|(host, port)| (host.trim_matches(['[', ']']), port.parse()));
        match parts {
            Some((host, Ok(port))) if !host.is_empty() => Ok(Self { host: host.to_owned(), port }),
            _ => Err("must be host:port, e.g. control-plane:8081".to_owned()),
        }
    }

    /// For an unused cluster: the template always contains all clusters.
    pub(super) fn nowhere() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 9 }
    }

    pub(super) fn to_envoy(&self) -> Value {
        json!({ "socket_address": { "address": self.host, "port_value": self.port } })
    }
}

/// How the way to a service is secured.
#[derive(Clone, Copy)]
pub(super) struct Secured {
    /// The setting with the address.
    pub(super) address: &'static str,
    /// The setting with the authorities.
    pub(super) authority: &'static str,
    pub(super) wire: Wire,
    /// The name of its authorities in Envoy.
    pub(super) name: &'static str,
}

/// HTTP/2 to one of the gateway's services, with TLS 1.3 if a setting names a PEM file to verify it with, and with the
/// client certificate of this Envoy if there is one.
pub(super) fn transport(
    rules: &mut Rules<'_>,
    service: &Secured,
    endpoint: &Endpoint,
) -> Result<Value, ConfigError> {
    let Secured { address, authority, wire, name } = *service;
    let Some(authorities) = rules.source.get(authority) else {
        if !is_this_machine(&endpoint.host) {
            let remedy = format!("set {authority}, and TLS at the other end");
            rules.plaintext.check(rules.source, wire, address, &remedy)?;
        }
        return Ok(plain_transport());
    };
    let server = Server { name, host: &endpoint.host, authorities };
    let mut context = rules.certificates.server(&server);
    if let Some((certificate, private_key)) = client_identity(rules.source)? {
        context.extend(rules.certificates.identity(CLIENT, (certificate, private_key)));
    }
    // Our own services speak TLS 1.3.
    Ok(tls_transport(&endpoint.host, context, &["h2"], "TLSv1_3"))
}

/// The secret's name in Envoy.
const CLIENT: &str = "client";

/// The files with which this Envoy proves itself to the services behind it.
fn client_identity(source: &Source) -> Result<Option<(&str, &str)>, ConfigError> {
    const CERTIFICATE: &str = "ENVOY_CLIENT_CERTIFICATE";
    const PRIVATE_KEY: &str = "ENVOY_CLIENT_PRIVATE_KEY";
    let missing = |key, expected| Err(ConfigError::Missing { key, expected });
    match (source.get(CERTIFICATE), source.get(PRIVATE_KEY)) {
        (None, None) => Ok(None),
        (Some(certificate), Some(private_key)) => Ok(Some((certificate, private_key))),
        (Some(_), None) => missing(PRIVATE_KEY, "the private key of ENVOY_CLIENT_CERTIFICATE, a PEM file"),
        (None, Some(_)) => missing(CERTIFICATE, "the certificate of ENVOY_CLIENT_PRIVATE_KEY, a PEM file"),
    }
}

pub(super) fn plain_transport() -> Value {
    json!({
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        },
    })
}

/// TLS to `host` with this part of a `common_tls_context`, which checks its certificate.
pub(super) fn tls_transport(
    host: &str,
    mut context: Map<String, Value>,
    protocols: &[&str],
    oldest_version: &str,
) -> Value {
    context.insert("alpn_protocols".to_owned(), protocols.into());
    let versions = json!({
        "tls_minimum_protocol_version": oldest_version,
        "tls_maximum_protocol_version": "TLSv1_3",
    });
    context.insert("tls_params".to_owned(), versions);
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": if is_address(host) { "" } else { host },
            "common_tls_context": context,
        },
    })
}
