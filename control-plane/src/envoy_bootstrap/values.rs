//! The settings as the values that the template asks for.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use edge_core::client::ClientId;
use serde_json::{Value, json};

use super::Profile;
use super::own_replies::own_replies;
use crate::config::{ConfigError, Source};

pub(super) fn read(profile: Profile, source: &Source) -> Result<HashMap<&'static str, Value>, ConfigError> {
    let plain = listen(source, "GATEWAY_LISTEN", profile.plain_listen())?;
    let control_plane = control_plane(profile, source)?;
    Ok(HashMap::from([
        ("FILTER_WASM", file(source, "EDGE_FILTER_WASM", "the path of the filter's .wasm")?),
        ("TLS_CERTIFICATE", file(source, "TLS_CERTIFICATE", "the path of a PEM certificate chain")?),
        ("TLS_PRIVATE_KEY", file(source, "TLS_PRIVATE_KEY", "the path of a PEM private key")?),
        ("CLIENT_CREDENTIALS", clients(profile, source)?),
        ("CONTROL_PLANE_TRANSPORT", transport(source, &control_plane)),
        ("CONTROL_PLANE_ADDRESS", control_plane.to_envoy()),
        (
            "TLS_ADDRESS",
            listen(source, "GATEWAY_TLS_LISTEN", Some(profile.tls_listen()))?.map_or(Value::Null, at),
        ),
        ("PLAIN_IS_ON", plain.is_some().into()),
        ("PLAIN_ADDRESS", at(plain.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))))),
        ("ADMIN_ADDRESS", admin(source)?),
        ("ACCESS_LOG", source.get("ENVOY_ACCESS_LOG").unwrap_or("/dev/stdout").into()),
        ("REQUESTS_PER_SECOND", number(source, "GATEWAY_REQUESTS_PER_SECOND", 1, 1_000_000, 20_000)?),
        ("TRUSTED_PROXIES", number(source, "GATEWAY_TRUSTED_PROXIES", 0, 10, 0)?),
        ("OWN_REPLIES", own_replies()),
    ]))
}

fn file(source: &Source, key: &'static str, expected: &'static str) -> Result<Value, ConfigError> {
    source.get(key).map(Value::from).ok_or(ConfigError::Missing { key, expected })
}

fn number(
    source: &Source,
    key: &'static str,
    min: u32,
    max: u32,
    default: u32,
) -> Result<Value, ConfigError> {
    let read = |text: &str| {
        let number = text.parse().ok().filter(|n| (min..=max).contains(n));
        number.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
    };
    Ok(source.read_with(key, read)?.unwrap_or(default).into())
}

fn listen(
    source: &Source,
    key: &'static str,
    default: Option<&str>,
) -> Result<Option<SocketAddr>, ConfigError> {
    let expected = "an IP address and a port, e.g. 127.0.0.1:8080";
    Ok(source.parsed(key, expected)?.or_else(|| default.and_then(|address| address.parse().ok())))
}

/// Who reaches the admin interface can read the clients' keys and stop Envoy.
fn admin(source: &Source) -> Result<Value, ConfigError> {
    const KEY: &str = "ENVOY_ADMIN_LISTEN";
    match listen(source, KEY, Some("127.0.0.1:9901"))? {
        Some(address) if address.ip().is_loopback() => Ok(at(address)),
        _ => Err(source.invalid(KEY, "must be on a loopback address, e.g. 127.0.0.1:9901")),
    }
}

fn at(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once(':').map(|(host, port)| (host.trim_matches(['[', ']']), port.parse()));
        match parts {
            Some((host, Ok(port))) if !host.is_empty() => Ok(Self { host: host.to_owned(), port }),
            _ => Err("must be host:port, e.g. control-plane:8081".to_owned()),
        }
    }

    fn to_envoy(&self) -> Value {
        json!({ "socket_address": { "address": self.host, "port_value": self.port } })
    }
}

fn control_plane(profile: Profile, source: &Source) -> Result<Endpoint, ConfigError> {
    const KEY: &str = "CONTROL_PLANE_ADDRESS";
    if let Some(endpoint) = source.read_with(KEY, Endpoint::parse)? {
        return Ok(endpoint);
    }
    let Some(default) = profile.control_plane() else {
        return Err(ConfigError::Missing { key: KEY, expected: "host:port of the control plane" });
    };
    let listen = source.read_with("CONTROL_PLANE_LISTEN", Endpoint::parse)?;
    listen.map_or_else(|| Endpoint::parse(default), Ok).map_err(|problem| source.invalid(KEY, problem))
}

fn transport(source: &Source, control_plane: &Endpoint) -> Value {
    let Some(authority) = source.get("CONTROL_PLANE_CA") else {
        return json!({
            "name": "envoy.transport_sockets.raw_buffer",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
            },
        });
    };
    let host = control_plane.host.as_str();
    // An address is no server name (RFC 6066, section 3), so it is looked for in the certificate only.
    let (server_name, kind) = if host.parse::<IpAddr>().is_ok() { ("", "IP_ADDRESS") } else { (host, "DNS") };
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": server_name,
            "common_tls_context": {
                "alpn_protocols": ["h2"],
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_3",
                    "tls_maximum_protocol_version": "TLSv1_3",
                },
                "validation_context": {
                    "trusted_ca": { "filename": authority },
                    "match_typed_subject_alt_names": [{ "san_type": kind, "matcher": { "exact": host } }],
                },
            },
        },
    })
}

fn clients(profile: Profile, source: &Source) -> Result<Value, ConfigError> {
    const KEY: &str = "GATEWAY_CLIENTS";
    let Some(list) = source.get(KEY).or(profile.clients()) else {
        return Err(ConfigError::Missing {
            key: KEY,
            expected: "who may call, `client:key` separated by commas",
        });
    };
    let mut keys = HashSet::new();
    let clients = (1..).zip(list.split(',')).map(|(n, entry)| {
        let wrong = |problem: &str| source.invalid(KEY, format!("entry {n} {problem}"));
        let (client, key) = entry.trim().split_once(':').ok_or_else(|| wrong("is not `client:key`"))?;
        if ClientId::parse(client).is_none() {
            return Err(wrong("has a client that is not 1 to 64 of A-Z a-z 0-9 _ . -"));
        }
        if !key.bytes().all(|b| b.is_ascii_graphic()) || key.len() < profile.key_chars_min() {
            let min = profile.key_chars_min();
            return Err(wrong(&format!("has a key that is not {min} or more printable ASCII characters")));
        }
        if !keys.insert(key) {
            return Err(wrong("has a key that another entry has"));
        }
        Ok(json!({ "client": client, "key": key }))
    });
    clients.collect()
}
