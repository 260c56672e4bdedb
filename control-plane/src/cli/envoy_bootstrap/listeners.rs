//! Where Envoy listens: for clients, for scrapers, and its admin interface.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::Profile;
use super::values::{Rules, Values};
use crate::config::{ConfigError, Source, Wire, keep, listen_address};

/// The values for the template.
pub(super) fn read(profile: Profile, rules: &Rules<'_>, errors: &mut Vec<ConfigError>) -> Values {
    let source = rules.source;
    let plain = keep(errors, plain_listener(profile, rules)).flatten();
    let tls = listen(source, "GATEWAY_TLS_LISTEN", Some(profile.tls_listen()));
    let stats = listen(source, "ENVOY_STATS_LISTEN", Some("127.0.0.1:9902"));
    let mut values = vec![
        ("PLAIN_IS_ON", plain.is_some().into()),
        ("PLAIN_ADDRESS", at(plain.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))))),
    ];
    for (name, value) in [
        ("TLS_ADDRESS", tls.map(|address| address.map_or(Value::Null, at))),
        ("STATS_ADDRESS", stats.map(|address| address.map_or(Value::Null, at))),
        ("ADMIN_ADDRESS", admin(source)),
    ] {
        values.extend(keep(errors, value).map(|value| (name, value)));
    }
    values
}

/// The listener without TLS, if there is one.
fn plain_listener(profile: Profile, rules: &Rules<'_>) -> Result<Option<SocketAddr>, ConfigError> {
    const KEY: &str = "GATEWAY_LISTEN";
    let address = listen(rules.source, KEY, profile.plain_listen())?;
    if address.is_some_and(|address| !address.ip().is_loopback()) {
        let remedy = "listen on 127.0.0.1, or leave it out: GATEWAY_TLS_LISTEN is the one for clients";
        rules.plaintext.check(rules.source, Wire::Gateway, KEY, remedy)?;
    }
    Ok(address)
}

fn listen(
    source: &Source,
    key: &'static str,
    default: Option<&str>,
) -> Result<Option<SocketAddr>, ConfigError> {
    let address = source.read_with(key, |text| listen_address(text, 8080))?;
    Ok(address.or_else(|| default.and_then(|address| address.parse().ok())))
}

/// Must be loopback: anyone who reaches the admin interface can take Envoy out of service.
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
