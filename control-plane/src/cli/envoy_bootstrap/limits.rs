//! Rate limits per address, per client and for the providers, from the settings.
//!
//! A request passes the limits in the order of [`Limits`]' fields, so a request refused by a narrower limit never
//! counts against a wider one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Profile;
use super::values::{client_names, number};
use crate::config::{ConfigError, Source};

const ADDRESS: &str = "GATEWAY_ADDRESS_REQUESTS_PER_SECOND";
const ADDRESS_WEBHOOKS: &str = "GATEWAY_ADDRESS_WEBHOOKS_PER_SECOND";
const CLIENT: &str = "GATEWAY_CLIENT_REQUESTS_PER_SECOND";
const GATEWAY: &str = "GATEWAY_REQUESTS_PER_SECOND";
const WEBHOOKS: &str = "GATEWAY_WEBHOOKS_PER_SECOND";
const TICKETS: &str = "GATEWAY_TICKET_STREAMS_PER_SECOND";

const CONNECTIONS: &str = "GATEWAY_ADDRESS_CONNECTIONS";
const NEW_CONNECTIONS: &str = "GATEWAY_ADDRESS_NEW_CONNECTIONS_PER_SECOND";
const IN_FLIGHT: &str = "GATEWAY_CLIENT_REQUESTS_IN_FLIGHT";

/// The default limits.
struct Defaults {
    /// Requests per second of one address, before authentication. A client that uses its whole limit from one address
    /// stays below it.
    address: u32,
    /// Webhooks per second of one address: half of the total, so that an address that forges webhooks leaves half to
    /// others. A provider delivers from about a dozen addresses, with several webhooks per payment.
    address_webhooks: u32,
    /// Requests per second of one client.
    client: u32,
    /// Requests per second of all clients together.
    gateway: u32,
    /// Webhooks per second of all providers together, independent of clients' requests.
    webhooks: u32,
    /// Streams per second that are opened with tickets, of all payers together. A caller that invents tickets uses up
    /// no more than this, and nothing of what clients and providers have.
    tickets: u32,
    /// Concurrent requests of one client per worker.
    in_flight: u32,
    /// Connections of one address per worker.
    connections: u32,
    /// New connections per second of one address, once it has half of `connections` open. Each may send a hundred
    /// requests in its first milliseconds, and even a refused request has a cost.
    new_connections: u32,
}

/// Two processors hold some 3,800 charges a second (docs/benchmarks.md): all clients together get about half of that, and
/// one client a quarter of their share. Connections and requests in flight are counted per worker; even those of several workers
/// are a small part of Envoy's limits (10,000 connections, 4,096 requests to the control plane).
const PRODUCTION: Defaults = Defaults {
    address: 1_000,
    address_webhooks: 500,
    client: 500,
    gateway: 2_000,
    webhooks: 1_000,
    tickets: 500,
    in_flight: 512,
    connections: 512,
    new_connections: 50,
};

/// Locally, all callers have the same address, and there is one worker and often one client: all together may ask for
/// more than the machine can do.
const LOCAL: Defaults = Defaults {
    address: 4_000,
    address_webhooks: 1_000,
    client: 2_000,
    gateway: 4_500,
    webhooks: 2_000,
    tickets: 1_000,
    in_flight: 1_024,
    connections: 4_000,
    new_connections: 2_000,
};

const fn defaults(profile: Profile) -> &'static Defaults {
    match profile {
        Profile::Local => &LOCAL,
        Profile::Production => &PRODUCTION,
    }
}

const RATE_MAX: u32 = 1_000_000;

/// Files of the documentation per second. Envoy keeps a whole file of some 200 KB for a reader until it is read or 40
/// seconds have passed (`stream_flush_timeout`), so readers that do not read hold 80 MB at most. A first visit takes
/// three files, a later one two.
const DOCS_PER_SECOND: u64 = 10;

/// Envoy's limit on all connections (`global_downstream_max_connections` of the template).
const CONNECTIONS_MAX: u32 = 10_000;

/// A worker's limit on all requests (`REQUESTS_MAX` of the filter).
const IN_FLIGHT_MAX: u32 = 16_384;

/// The most addresses with a bucket at once, in some 30 MB. Beyond that, the longest idle address loses its bucket, and
/// starts with a full one when it returns: more addresses than this get more than their share, but take nothing from
/// others' buckets.
const ADDRESSES_MAX: u32 = 65_536;

/// The configurations of Envoy's `local_ratelimit` for the template.
pub(super) struct Limits {
    /// Per address, before authentication.
    pub(super) address: Value,
    /// Per address for webhooks, which are not authenticated before the filter.
    pub(super) webhook_address: Value,
    /// Per client.
    pub(super) client: Value,
    /// All clients together.
    pub(super) gateway: Value,
    /// All webhooks together, instead of `gateway`.
    pub(super) webhooks: Value,
    /// All streams that are opened with tickets, instead of `gateway`.
    pub(super) tickets: Value,
    /// All requests for the documentation, instead of `gateway`.
    pub(super) docs: Value,
}

/// Reads the limits. `credentials` are the clients in the format of `api_key_auth`.
pub(super) fn read(profile: Profile, source: &Source, credentials: &Value) -> Result<Limits, ConfigError> {
    let defaults = defaults(profile);
    let rate = |key, default| rate(source, key, default);
    Ok(Limits {
        address: per_address("address", rate(ADDRESS, defaults.address)?),
        webhook_address: per_address("webhook_address", rate(ADDRESS_WEBHOOKS, defaults.address_webhooks)?),
        client: per_client(&ClientRates::read(source, defaults.client, credentials)?),
        gateway: of_all("gateway", rate(GATEWAY, defaults.gateway)?),
        webhooks: of_all("webhooks", rate(WEBHOOKS, defaults.webhooks)?),
        tickets: of_all("tickets", rate(TICKETS, defaults.tickets)?),
        docs: of_all("docs", DOCS_PER_SECOND),
    })
}

/// The configuration of the filter that counts connections, as JSON in a string.
///
/// Behind a proxy, all connections are the proxy's, so the proxy has to limit connections itself.
pub(super) fn connections(
    profile: Profile,
    source: &Source,
    trusted_proxies: &Value,
) -> Result<Value, ConfigError> {
    let max = number(source, CONNECTIONS, 1, CONNECTIONS_MAX, defaults(profile).connections)?;
    let max = if trusted_proxies == 0 { max } else { Value::Null };
    let new = number(source, NEW_CONNECTIONS, 1, CONNECTIONS_MAX, defaults(profile).new_connections)?;
    Ok(json!({ "perAddress": max, "newPerSecond": new }).to_string().into())
}

/// Concurrent requests of one client per worker, limited by the filter.
pub(super) fn in_flight(profile: Profile, source: &Source) -> Result<Value, ConfigError> {
    number(source, IN_FLIGHT, 1, IN_FLIGHT_MAX, defaults(profile).in_flight)
}

fn rate(source: &Source, key: &'static str, default: u32) -> Result<u64, ConfigError> {
    Ok(number(source, key, 1, RATE_MAX, default)?.as_u64().unwrap_or_default())
}

/// Requests per second of each client.
struct ClientRates {
    /// The rate of clients without an exception.
    default: u64,
    named: BTreeMap<String, u64>,
}

impl ClientRates {
    /// Reads the default rate, followed by exceptions: `500,shop=1000,batch=50`.
    fn read(source: &Source, default: u32, credentials: &Value) -> Result<Self, ConfigError> {
        let names = client_names(credentials);
        let read = source.read_with(CLIENT, |text| Self::parse(text, &names))?;
        let Self { default, mut named } =
            read.unwrap_or(Self { default: default.into(), named: BTreeMap::new() });
        for name in names {
            named.entry(name.to_owned()).or_insert(default);
        }
        Ok(Self { default, named })
    }

    fn parse(text: &str, names: &[&str]) -> Result<Self, String> {
        let rate = |text: &str| {
            let rate = text.parse().ok().filter(|rate| (1..=u64::from(RATE_MAX)).contains(rate));
            rate.ok_or_else(|| {
                format!("must be a whole number from 1 to {RATE_MAX}, with exceptions as in `500,shop=1000`")
            })
        };
        let mut parts = text.split(',').map(str::trim);
        let default = rate(parts.next().unwrap_or_default())?;
        let mut named = BTreeMap::new();
        for part in parts {
            let (name, exception) = part.split_once('=').unwrap_or((part, ""));
            if !names.contains(&name) {
                return Err(format!("has an exception for `{name}`, which is no client of GATEWAY_CLIENTS"));
            }
            if named.insert(name.to_owned(), rate(exception)?).is_some() {
                return Err(format!("has two exceptions for `{name}`"));
            }
        }
        Ok(Self { default, named })
    }
}

/// One bucket per client address as determined by Envoy; for IPv6 one per /64, which belongs to one host or household.
fn per_address(name: &str, rate: u64) -> Value {
    let masks = json!({ "v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64 });
    let of_any = json!([{ "entries": [{ "key": "masked_remote_address" }], "token_bucket": bucket(rate) }]);
    let also = [
        ("rate_limits", json!([{ "actions": [{ "masked_remote_address": masks }] }])),
        ("descriptors", of_any),
        ("max_dynamic_descriptors", ADDRESSES_MAX.into()),
        ("always_consume_default_token_bucket", false.into()),
        ("response_headers_to_add", exhausted("address", rate)),
    ];
    limit(name, rate, also)
}

fn per_client(rates: &ClientRates) -> Value {
    let named = rates.named.iter().map(|(name, rate)| {
        json!({ "entries": [{ "key": "client", "value": name }], "token_bucket": bucket(*rate) })
    });
    let client = json!({ "header_name": "x-client-id", "descriptor_key": "client" });
    let also = [
        ("rate_limits", json!([{ "actions": [{ "request_headers": client }] }])),
        ("descriptors", named.collect()),
        ("always_consume_default_token_bucket", false.into()),
        // For the filter `rate_limit_headers`, which converts them to the standard's headers.
        ("enable_x_ratelimit_headers", "DRAFT_VERSION_03".into()),
    ];
    limit("client", rates.default, also)
}

fn of_all(name: &str, rate: u64) -> Value {
    limit(name, rate, [("response_headers_to_add", exhausted(name, rate))])
}

fn limit<const N: usize>(name: &str, rate: u64, also: [(&str, Value); N]) -> Value {
    let all = json!({ "default_value": { "numerator": 100 } });
    let kind = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
    let limit = [
        ("@type", kind.into()),
        ("stat_prefix", name.into()),
        ("token_bucket", bucket(rate)),
        ("filter_enabled", all.clone()),
        ("filter_enforced", all),
        ("enable_retry_after_header", true.into()),
    ];
    Value::Object(limit.into_iter().chain(also).map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A bucket that refills completely within one second.
fn bucket(rate: u64) -> Value {
    json!({ "max_tokens": rate, "tokens_per_fill": rate, "fill_interval": "1s" })
}

/// The headers of a refusal that describe the exhausted limit (draft-ietf-httpapi-ratelimit-headers).
fn exhausted(name: &str, rate: u64) -> Value {
    json!([
        { "header": { "key": "ratelimit-policy", "value": format!("\"{name}\";q={rate};w=1") } },
        { "header": { "key": "ratelimit", "value": format!("\"{name}\";r=0;t=1") } },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(settings: &[(&str, &str)]) -> Result<Limits, String> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let clients = json!([
            { "client": "shop", "key": "old" },
            { "client": "shop", "key": "new" },
            { "client": "batch", "key": "other" },
        ]);
        read(Profile::Production, &Source::new(settings, None).unwrap(), &clients)
            .map_err(|error| error.to_string())
    }

    fn client_rates(settings: &[(&str, &str)]) -> Vec<(String, u64)> {
        let client = limits(settings).unwrap().client;
        let descriptors = client["descriptors"].as_array().unwrap().iter();
        let rates = descriptors.map(|descriptor| {
            let name = descriptor["entries"][0]["value"].as_str().unwrap().to_owned();
            (name, descriptor["token_bucket"]["max_tokens"].as_u64().unwrap())
        });
        rates.collect()
    }

    #[test]
    fn the_documentation_names_the_defaults_of_both_profiles() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let text = std::fs::read_to_string(path).unwrap();
        let each = |of: &Defaults| {
            [
                (ADDRESS, of.address),
                (ADDRESS_WEBHOOKS, of.address_webhooks),
                (CLIENT, of.client),
                (GATEWAY, of.gateway),
                (WEBHOOKS, of.webhooks),
                (TICKETS, of.tickets),
                (IN_FLIGHT, of.in_flight),
                (CONNECTIONS, of.connections),
                (NEW_CONNECTIONS, of.new_connections),
            ]
        };
        for ((name, production), (_, local)) in each(&PRODUCTION).into_iter().zip(each(&LOCAL)) {
            let (setting, defaults) = (format!("| `{name}`"), format!("| {production} ({local}) |"));
            let is_said = text.lines().any(|line| line.contains(&setting) && line.contains(&defaults));
            assert!(is_said, "{setting} … {defaults}");
        }
    }

    #[test]
    fn each_client_has_one_bucket_of_the_rate_that_the_setting_gives_it() {
        let rates = |shop, batch| vec![("batch".to_owned(), batch), ("shop".to_owned(), shop)];
        assert_eq!(client_rates(&[]), rates(500, 500));
        assert_eq!(client_rates(&[(CLIENT, "7")]), rates(7, 7));
        assert_eq!(client_rates(&[(CLIENT, "7, shop=1000,batch=1")]), rates(1_000, 1));
    }

    #[test]
    fn a_wrong_rate_of_a_client_is_named_with_what_would_be_right() {
        for (value, told) in [
            ("0", "from 1 to 1000000"),
            ("fast", "from 1 to 1000000"),
            ("5,shop", "`500,shop=1000`"),
            ("5,shop=0", "`500,shop=1000`"),
            ("5,shap=1", "`shap`"),
            ("5,shop=1,shop=2", "two exceptions"),
            ("shop=1", "from 1 to 1000000"),
        ] {
            let error = limits(&[(CLIENT, value)]).err().unwrap();
            assert!(error.starts_with(CLIENT) && error.contains(told), "{error}");
        }
    }

    #[test]
    fn connections_are_counted_where_they_are_the_callers_own() {
        let connections = |settings: &[(&str, &str)], proxies: u32| {
            let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            connections(Profile::Production, &Source::new(settings, None).unwrap(), &proxies.into())
                .map_err(|error| error.to_string())
        };
        assert_eq!(connections(&[], 0).unwrap(), r#"{"newPerSecond":50,"perAddress":512}"#);
        assert_eq!(connections(&[(CONNECTIONS, "9")], 0).unwrap(), r#"{"newPerSecond":50,"perAddress":9}"#);
        assert_eq!(
            connections(&[(CONNECTIONS, "9")], 1).unwrap(),
            r#"{"newPerSecond":50,"perAddress":null}"#
        );
        assert!(connections(&[(CONNECTIONS, "0")], 1).unwrap_err().starts_with(CONNECTIONS));
    }

    /// Narrower limits come first, so that no one's excess reaches a shared limit.
    #[test]
    fn by_default_two_clients_fit_in_the_gateways_limit_two_addresses_in_the_reserve() {
        for Defaults {
            address, address_webhooks, client, gateway, webhooks, in_flight, connections, ..
        } in [PRODUCTION, LOCAL]
        {
            assert!(client < address && 2 * client < gateway);
            assert!(2 * address_webhooks <= webhooks);
            assert!(2 * in_flight <= 4_096 && 2 * connections < CONNECTIONS_MAX);
        }
    }
}
