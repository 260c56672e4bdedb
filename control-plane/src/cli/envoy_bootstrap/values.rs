//! Converts the settings to the template's values.

use std::collections::{HashMap, HashSet};

use edge_core::client::ClientId;
use serde_json::{Map, Value, json};

use super::certificates::Certificates;
use super::docs_page::DocsPage;
use super::own_replies::own_replies;
use super::shared_limit::SharedLimit;
use super::transports::{Endpoint, Secured, transport};
use super::{Profile, associations, filter_config, limits, listeners, webhooks};
use crate::config::{ConfigError, Plaintext, Source, Wire, keep, return_url_hosts};

/// What the values of transports depend on.
pub(super) struct Rules<'a> {
    pub(super) source: &'a Source,
    pub(super) plaintext: Plaintext,
    pub(super) certificates: &'a mut Certificates,
}

/// The template's values, or all missing and invalid settings.
pub(super) fn read(
    profile: Profile,
    source: &Source,
    certificates: &mut Certificates,
) -> Result<HashMap<&'static str, Value>, Vec<ConfigError>> {
    let (mut values, mut errors) = (HashMap::new(), Vec::new());
    let plaintext =
        Plaintext::of_profile(source, profile == Profile::Production).map_err(|error| vec![error])?;
    let mut rules = Rules { source, plaintext, certificates };
    let place = places(profile, &mut rules, &mut errors);
    let behind = upstreams(profile, &mut rules, &mut errors);
    let edge = edge(profile, source, &mut errors);
    for part in [place, behind, edge] {
        values.extend(part);
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

pub(super) type Values = Vec<(&'static str, Value)>;

/// Files and listener addresses.
fn places(profile: Profile, rules: &mut Rules<'_>, errors: &mut Vec<ConfigError>) -> Values {
    let source = rules.source;
    let mut values = listeners::read(profile, rules, errors);
    values.extend([
        ("ACCESS_LOG", source.get("ENVOY_ACCESS_LOG").unwrap_or("/dev/stdout").into()),
        ("OWN_REPLIES", own_replies()),
    ]);
    let DocsPage { answers: [page, script, description], percent } = DocsPage::read(source);
    values.extend([("DOCS_PAGE", page), ("DOCS_SCRIPT", script), ("DOCS_DESCRIPTION", description)]);
    values.push(("DOCS_PERCENT", percent));
    let certificate = keep(errors, file(source, "TLS_CERTIFICATE", "the path of a PEM certificate chain"));
    let private_key = keep(errors, file(source, "TLS_PRIVATE_KEY", "the path of a PEM private key"));
    if let (Some(certificate), Some(private_key)) = (certificate, private_key) {
        values.push(("LISTENER_TLS", listener_tls(rules.certificates, (certificate, private_key))));
    }
    for (name, value) in [
        ("FILTER_WASM", file(source, "EDGE_FILTER_WASM", "the path of the filter's .wasm").map(Value::from)),
        ("WALLET_ASSOCIATIONS", associations::read(source)),
        (
            filter_config::DISCOVERY,
            filter_config::file(source).map(|file| filter_config::discovery(file.as_deref())),
        ),
    ] {
        values.extend(keep(errors, value).map(|value| (name, value)));
    }
    values
}

/// The services behind Envoy.
fn upstreams(profile: Profile, rules: &mut Rules<'_>, errors: &mut Vec<ConfigError>) -> Values {
    let (mut values, source) = (Vec::new(), rules.source);
    if let Some(control_plane) = keep(errors, upstream(source, &CONTROL_PLANE, profile.control_plane())) {
        let transport = keep(errors, transport(rules, &CONTROL_PLANE.secured, &control_plane));
        values.extend(transport.map(|transport| ("CONTROL_PLANE_TRANSPORT", transport)));
        values.push(("CONTROL_PLANE_ADDRESS", control_plane.to_envoy()));
    }
    if let Some(edge_cache) = keep(errors, upstream(source, &EDGE_CACHE, profile.edge_cache())) {
        let transport = keep(errors, transport(rules, &EDGE_CACHE.secured, &edge_cache));
        values.extend(transport.map(|transport| ("EDGE_CACHE_TRANSPORT", transport)));
        values.push(("EDGE_CACHE_ADDRESS", edge_cache.to_envoy()));
    }
    if let Some(service) = keep(errors, SharedLimit::read(rules)) {
        values.push(("SHARED_LIMIT_IS_OFF", service.is_off.into()));
        values.push(("RATE_LIMIT_SERVICE_ADDRESS", service.address));
        values.push(("RATE_LIMIT_SERVICE_TRANSPORT", service.transport));
    }
    values
}

/// The settings of Envoy and the filter themselves.
fn edge(profile: Profile, source: &Source, errors: &mut Vec<ConfigError>) -> Values {
    let mut values = Vec::new();
    if let Some(webhooks::Webhooks { settings, clusters }) = keep(errors, webhooks::read(source)) {
        let [(paypal_1, paypal_1_transport), (paypal_2, paypal_2_transport)] = clusters;
        values.push(("PAYPAL_CERTIFICATES_1_ADDRESS", paypal_1));
        values.push(("PAYPAL_CERTIFICATES_1_TRANSPORT", paypal_1_transport));
        values.push(("PAYPAL_CERTIFICATES_2_ADDRESS", paypal_2));
        values.push(("PAYPAL_CERTIFICATES_2_TRANSPORT", paypal_2_transport));
        let filter = keep(errors, filter_settings(profile, source, &settings));
        values.extend(filter.map(|filter| ("FILTER_SETTINGS", filter)));
        // An invalid cache timeout is already reported.
        values.extend(held_timeout(source).ok().map(|held| ("HELD_TIMEOUT", held.into())));
    }
    if let Some(credentials) = keep(errors, clients(profile, source)) {
        if let Some(limits) = keep(errors, limits::read(profile, source, &credentials)) {
            values.push(("ADDRESS_LIMIT", limits.address));
            values.push(("WEBHOOK_ADDRESS_LIMIT", limits.webhook_address));
            values.push(("CLIENT_LIMIT", limits.client));
            values.push(("GATEWAY_LIMIT", limits.gateway));
            values.push(("WEBHOOK_LIMIT", limits.webhooks));
            values.push(("TICKET_LIMIT", limits.tickets));
            values.push(("DOCS_LIMIT", limits.docs));
        }
        values.push(("CLIENT_CREDENTIALS", credentials));
    }
    if let Some(proxies) = keep(errors, number(source, "GATEWAY_TRUSTED_PROXIES", 0, 10, 0)) {
        let connections = keep(errors, limits::connections(profile, source, &proxies));
        values.extend(connections.map(|connections| ("CONNECTION_SETTINGS", connections)));
        values.push(("TRUSTED_PROXIES", proxies));
    }
    values
}

/// Longer than the filter ever holds a complete request: for a certificate, or for two consecutive calls to the cache.
/// If a request is held longer, its filter has died.
fn held_timeout(source: &Source) -> Result<String, ConfigError> {
    const CERTIFICATE_MS: u64 = 5_000;
    const SPARE_MS: u64 = 3_000;
    let cache_ms = cache_timeout_ms(source)?.as_u64().unwrap_or_default();
    let held_ms = CERTIFICATE_MS.max(cache_ms * 2) + SPARE_MS;
    Ok(format!("{}.{:03}s", held_ms / 1_000, held_ms % 1_000))
}

fn file<'a>(source: &'a Source, key: &'static str, expected: &'static str) -> Result<&'a str, ConfigError> {
    source.get(key).ok_or(ConfigError::Missing { key, expected })
}

/// The `common_tls_context` of the listener for clients.
fn listener_tls(certificates: &mut Certificates, files: (&str, &str)) -> Value {
    let mut context = certificates.identity("listener", files);
    context.insert("alpn_protocols".to_owned(), json!(["h2", "http/1.1"]));
    let versions =
        json!({ "tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3" });
    context.insert("tls_params".to_owned(), versions);
    context.into()
}

pub(super) fn number(
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

/// A service behind Envoy, with the settings for its address.
struct Upstream {
    secured: Secured,
    /// The service's own listen address, which is its address if all run on one machine.
    listen: &'static str,
    expected: &'static str,
}

const CONTROL_PLANE: Upstream = Upstream {
    secured: Secured {
        address: "CONTROL_PLANE_ADDRESS",
        authority: "CONTROL_PLANE_CA",
        wire: Wire::ControlPlane,
        name: "control_plane",
    },
    listen: "CONTROL_PLANE_LISTEN",
    expected: "host:port of the control plane",
};

const EDGE_CACHE: Upstream = Upstream {
    secured: Secured {
        address: "EDGE_CACHE_ADDRESS",
        authority: "EDGE_CACHE_CA",
        wire: Wire::EdgeCache,
        name: "edge_cache",
    },
    listen: "EDGE_CACHE_LISTEN",
    expected: "host:port of the edge cache",
};

fn upstream(source: &Source, service: &Upstream, default: Option<&str>) -> Result<Endpoint, ConfigError> {
    let Upstream { secured: Secured { address, .. }, listen, expected } = *service;
    if let Some(endpoint) = source.read_with(address, Endpoint::parse)? {
        return Ok(endpoint);
    }
    let Some(default) = default else { return Err(ConfigError::Missing { key: address, expected }) };
    let listen = source.read_with(listen, Endpoint::parse)?;
    listen.map_or_else(|| Endpoint::parse(default), Ok).map_err(|problem| source.invalid(address, problem))
}

fn cache_timeout_ms(source: &Source) -> Result<Value, ConfigError> {
    number(source, "EDGE_CACHE_TIMEOUT_MS", 1, 10_000, 500)
}

/// The largest body of a request that is not a webhook.
const BODY_BYTES_MAX: u32 = 65_536;

/// The filter's own configuration, as JSON in a string.
fn filter_settings(profile: Profile, source: &Source, webhooks: &Value) -> Result<Value, ConfigError> {
    let rules = source.read_with("EDGE_CACHE_DOWN", when_unavailable)?;
    let mut idempotency = rules.unwrap_or_default();
    for (name, setting) in [
        ("timeoutMs", cache_timeout_ms(source)?),
        ("leaseMs", number(source, "IDEMPOTENCY_LEASE_MS", 1, 600_000, 15_000)?),
        ("recentAnswers", number(source, "IDEMPOTENCY_RECENT_ANSWERS", 0, 65_536, 1_024)?),
    ] {
        idempotency.insert(name.to_owned(), setting);
    }
    let hosts = return_url_hosts(source)?;
    let settings = json!({
        // A ticket of a client that has been removed since opens nothing. An invalid list is reported elsewhere.
        "clients": client_names(&clients(profile, source).unwrap_or_default()),
        "maxBodyBytes": BODY_BYTES_MAX,
        "returnUrlHosts": hosts.names().collect::<Vec<_>>(),
        "inFlightPerClient": limits::in_flight(profile, source)?,
        "idempotency": idempotency,
        "webhooks": webhooks,
    });
    Ok(settings.to_string().into())
}

/// Reads `pass` or `reject`, optionally followed by exceptions: `pass,refund=reject`.
fn when_unavailable(text: &str) -> Result<Map<String, Value>, String> {
    let rule = |rule: &str| match rule {
        "pass" | "reject" => Ok(Map::from_iter([("whenUnavailable".to_owned(), Value::from(rule))])),
        _ => Err("must be `pass` or `reject`, with exceptions as in `pass,refund=reject`".to_owned()),
    };
    let mut parts = text.split(',').map(str::trim);
    let mut rules = rule(parts.next().unwrap_or_default())?;
    let mut routes = Map::new();
    for part in parts {
        let (route, exception) = part.split_once('=').unwrap_or((part, ""));
        if !["charge", "refund", "capture", "cancel"].contains(&route) {
            return Err("has an exception that is not for charge, refund, capture or cancel".to_owned());
        }
        routes.insert(route.to_owned(), rule(exception)?.into());
    }
    rules.insert("routes".to_owned(), routes.into());
    Ok(rules)
}

/// The names in `credentials`, each once.
pub(super) fn client_names(credentials: &Value) -> Vec<&str> {
    let clients = credentials.as_array().into_iter().flatten();
    // A client with two keys, one of which is being rolled, is one client.
    let mut names: Vec<_> = clients.filter_map(|client| client.get("client")?.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
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
