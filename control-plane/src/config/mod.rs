//! The configuration: every setting, its default and its validation, in one place.

mod audit;
mod background;
mod client_tls;
mod database;
mod edge_cache;
mod encryption;
mod envoy_settings;
mod explain;
mod gateway;
mod graphql;
mod liability;
mod outgoing;
mod plaintext;
mod process;
mod providers;
mod reconcile;
mod retention;
mod retries;
mod return_url;
mod service_tls;
mod setting_names;
mod settings;
mod settings_file;
mod source;
mod wallets;

use std::net::SocketAddr;
use std::time::Duration;

use edge_core::attestation::{Holder, Keys};
use edge_core::request::ReturnUrlHosts;
use logging::{Format, Level, WrongLevel};
use payments_stores::postgres::InvalidUri;

pub use audit::{anchor_file, signing_key};
pub use background::{BackgroundSettings, WorkerConfig};
pub(crate) use database::database;
pub use edge_cache::{EdgeCacheConfig, EdgeCacheSettings};
pub(crate) use envoy_settings::HELP as ENVOY_HELP;
pub use envoy_settings::envoy_setting_names;
pub use explain::{ExplainFormat, explain};
pub use gateway::GatewaySettings;
pub(crate) use outgoing::outgoing;
pub(crate) use plaintext::{PROFILE, Plaintext, Wire};
pub use process::ProcessSettings;
pub(crate) use providers::{PAYPAL_API, api_base, providers as provider_settings};
pub use reconcile::reconcile_per_second;
pub(crate) use retention::schedule;
pub(crate) use return_url::return_url_hosts;
pub(crate) use service_tls::service_tls;
pub use setting_names::IN_FILES;
pub use settings::{SETTINGS, Setting};
pub(crate) use source::listen_address;
pub use source::{ConfigError, Source};

use crate::escapes::ESCAPES;
use crate::http::Graphql;
pub use crate::http::WalletSettings;
pub use crate::jobs::settings::{AuditSettings, QueueSettings, ReconcileSettings, WitnessSettings};
use crate::server::TlsSettings;

/// The configuration of `serve`.
#[derive(Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// `None`: the listeners go without TLS.
    pub tls: Option<TlsSettings>,
    pub attestation_keys: Keys,
    pub edge_cache: EdgeCacheSettings,
    pub return_url_hosts: ReturnUrlHosts,
    pub graphql: Graphql,
    /// How long a connection that watches events lasts at most before its client must authenticate again.
    pub stream_tenure: Duration,
    /// Whole days that the event log goes back at least; `None`: for good.
    pub events_days: Option<u32>,
    pub wallets: WalletSettings,
    pub gateway: GatewaySettings,
    pub background: BackgroundSettings,
    pub process: ProcessSettings,
}

impl Config {
    /// Reads every setting and reports everything that is wrong at once.
    pub fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let listen = keep(&mut errors, source.listen("CONTROL_PLANE_LISTEN", 8081));
        let keys = keep(&mut errors, verifying_keys(source, Holder::ControlPlane));
        let edge_cache = keep_all(&mut errors, EdgeCacheSettings::read(source));
        let return_url_hosts = keep(&mut errors, return_url_hosts(source));
        let graphql = keep(&mut errors, graphql::graphql(source));
        let stream_tenure = keep(&mut errors, stream_tenure(source));
        let wallets = keep_all(&mut errors, WalletSettings::read(source));
        let gateway = keep_all(&mut errors, GatewaySettings::read(source));
        let background = keep_all(&mut errors, BackgroundSettings::of_a_service(source));
        let process = keep_all(&mut errors, ProcessSettings::read(source));
        // The command uses the rest, but a check of the settings reports what is wrong with it.
        let events_days = keep_all(&mut errors, schedule(source)).and_then(|schedule| schedule.events_days);
        let tls = keep_all(&mut errors, service_tls(source));
        if let Some(tls) = &tls {
            let listeners = [
                (Wire::ControlPlane, "CONTROL_PLANE_LISTEN", listen),
                (Wire::EdgeCache, "EDGE_CACHE_LISTEN", edge_cache::listens_at(source)),
            ];
            check_listeners(&mut errors, source, &listeners, tls.is_some());
        }
        match (
            listen,
            tls,
            keys,
            edge_cache,
            return_url_hosts,
            graphql,
            stream_tenure,
            wallets,
            gateway,
            background,
            process,
        ) {
            (
                Some(listen),
                Some(tls),
                Some(attestation_keys),
                Some(edge_cache),
                Some(return_url_hosts),
                Some(graphql),
                Some(stream_tenure),
                Some(wallets),
                Some(gateway),
                Some(background),
                Some(process),
            ) if errors.is_empty() => Ok(Self {
                listen,
                tls,
                attestation_keys,
                edge_cache,
                return_url_hosts,
                graphql,
                stream_tenure,
                events_days,
                wallets,
                gateway,
                background,
                process,
            }),
            _ => Err(errors),
        }
    }
}

pub(crate) fn keep<T>(errors: &mut Vec<ConfigError>, result: Result<T, ConfigError>) -> Option<T> {
    result.map_err(|error| add(errors, error)).ok()
}

fn keep_all<T>(errors: &mut Vec<ConfigError>, result: Result<T, Vec<ConfigError>>) -> Option<T> {
    result.map_err(|found| found.into_iter().for_each(|error| add(errors, error))).ok()
}

/// Several settings may depend on one that is invalid, which is reported once.
fn add(errors: &mut Vec<ConfigError>, error: ConfigError) {
    if !errors.contains(&error) {
        errors.push(error);
    }
}

/// Refuses plain listeners that the profile does not allow.
fn check_listeners(
    errors: &mut Vec<ConfigError>,
    source: &Source,
    listeners: &[(Wire, &'static str, Option<SocketAddr>)],
    has_tls: bool,
) {
    let Some(plaintext) = keep(errors, Plaintext::read(source)) else { return };
    for (wire, key, address) in listeners {
        if let Some(address) = address {
            keep(errors, plaintext.check_listener(source, *wire, key, (*address, has_tls)));
        }
    }
}

/// Combines all configuration errors into the error of a command.
#[must_use]
pub fn unusable(errors: &[ConfigError]) -> anyhow::Error {
    let lines: Vec<_> = errors.iter().map(|error| format!("\n  {error}")).collect();
    anyhow::anyhow!("the configuration is invalid:{}", lines.concat())
}

/// The database's URI, for commands that need no other setting.
pub fn db_uri(source: &Source) -> Result<String, ConfigError> {
    let uri = source.get("DB_URI").unwrap_or("sqlite://gateway.db");
    match uri.split_once("://") {
        Some(("sqlite", _)) => match payments_stores::sqlite::check_uri(uri) {
            Ok(()) => Ok(uri.to_owned()),
            Err(problem) => Err(source.invalid("DB_URI", problem.to_string())),
        },
        Some(("postgres" | "postgresql", _)) => match payments_stores::postgres::check_files(uri) {
            Ok(()) => Ok(uri.to_owned()),
            Err(problem @ InvalidUri::Malformed) => {
                Err(source.invalid("DB_URI", format!("{problem}; {ESCAPES}")))
            }
            Err(problem) => Err(source.invalid("DB_URI", problem.to_string())),
        },
        _ => {
            Err(source
                .invalid("DB_URI", "must be sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE"))
        }
    }
}

/// The keys of a service that verifies what the edge attests.
fn verifying_keys(source: &Source, holder: Holder) -> Result<Keys, ConfigError> {
    let keys = attestation_keys(source, holder)?;
    let rejects_earlier = source.read_with("EDGE_ATTESTATION_V1", |text| match text {
        "accept" => Ok(false),
        "reject" => Ok(true),
        _ => Err("must be `accept` or `reject`".to_owned()),
    })?;
    Ok(if rejects_earlier == Some(true) { keys.rejecting_earlier() } else { keys })
}

/// The keys that `holder` shares with the edge.
pub(crate) fn attestation_keys(source: &Source, holder: Holder) -> Result<Keys, ConfigError> {
    source
        .read_with("EDGE_ATTESTATION_KEYS", |list| Keys::parse_for(holder, list).map_err(|e| e.to_string()))?
        .ok_or(ConfigError::Missing {
            key: "EDGE_ATTESTATION_KEYS",
            expected: "the keys shared with the edge, `id:hex` with at least 64 hex digits, separated by commas",
        })
}

/// Below a minute: a client whose key was removed learns nothing that happens a minute later.
const STREAM_TENURE: Duration = Duration::from_secs(55);

fn stream_tenure(source: &Source) -> Result<Duration, ConfigError> {
    let read = |text: &str| match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number of seconds, 1 to 86400".to_owned()),
    };
    Ok(source.read_with("EVENT_STREAM_SECONDS", read)?.unwrap_or(STREAM_TENURE))
}

fn seconds(source: &Source, key: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    let read = |text: &str| match text.parse() {
        Ok(seconds @ 1..=300) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number of seconds, 1 to 300".to_owned()),
    };
    Ok(source.read_with(key, read)?.unwrap_or(default))
}

fn log_format(source: &Source) -> Result<Format, ConfigError> {
    let read = |text: &str| match text {
        "json" => Ok(Format::Json),
        "human" => Ok(Format::Human),
        _ => Err("must be `json` or `human`".to_owned()),
    };
    Ok(source.read_with("LOG_FORMAT", read)?.unwrap_or(Format::Json))
}

pub(crate) fn log_level(source: &Source) -> Result<Level, ConfigError> {
    Ok(source
        .read_with("LOG_LEVEL", |text| text.parse().map_err(|e: WrongLevel| e.to_string()))?
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";

    fn read(settings: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let source = Source::new(settings, None).unwrap();
        Config::read(&source).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_attestation_keys_are_all_it_needs() {
        let config = read(&[("EDGE_ATTESTATION_KEYS", KEY)]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8081");
        assert_eq!(config.edge_cache.listen.map(|a| a.to_string()).as_deref(), Some("127.0.0.1:8082"));
        assert!(config.gateway.providers.stripe.is_none() && config.gateway.providers.paypal.is_none());
    }

    #[test]
    fn attestations_without_an_audience_are_refused_once_a_setting_says_so() {
        let key = ("EDGE_ATTESTATION_KEYS", KEY);
        // Nothing but the secret itself verifies them, and gives others their own lists.
        let has_secret =
            |settings: &[(&str, &str)]| read(settings).unwrap().attestation_keys.of(Holder::Edge).is_some();
        assert!(has_secret(&[key]) && has_secret(&[key, ("EDGE_ATTESTATION_V1", "accept")]));
        assert!(!has_secret(&[key, ("EDGE_ATTESTATION_V1", "reject")]));
        let errors = read(&[key, ("EDGE_ATTESTATION_V1", "off")]).unwrap_err();
        assert!(errors[0].starts_with("EDGE_ATTESTATION_V1"), "{errors:?}");
    }

    #[test]
    fn the_schema_is_told_only_where_a_setting_says_so() {
        let tells = |settings: &[(&str, &str)]| read(settings).unwrap().graphql.introspects;
        let key = ("EDGE_ATTESTATION_KEYS", KEY);
        assert!(!tells(&[key]));
        assert!(!tells(&[key, ("GRAPHQL_INTROSPECTION", "off")]));
        assert!(tells(&[key, ("GRAPHQL_INTROSPECTION", "on")]));
    }

    #[test]
    fn everything_wrong_is_reported_at_once_by_its_key() {
        let errors = read(&[
            ("CONTROL_PLANE_LISTEN", "here"),
            ("STRIPE_SECRET_KEY", "pk_test_1"),
            ("DB_URI", "mysql://x"),
            ("LOG_FORMAT", "xml"),
            ("LOG_LEVEL", "warning"),
            ("REDIS_URI", "localhost"),
            ("EDGE_CACHE_ANSWERS_SECONDS", "0"),
            ("EDGE_CACHE_CLIENT_MB", "much"),
            ("PAYMENT_RETURN_URL", "https://user@shop.example"),
            ("RETURN_URL_HOSTS", "shop.example,https://shop.example"),
            ("GRAPHQL_INTROSPECTION", "yes"),
            ("WALLET_DOMAINS", "shop.example"),
            ("WALLET_LIABILITY_SHIFT", "POSSIBLE,demo=no"),
            ("EVENT_STREAM_SECONDS", "0"),
            ("CRASH_POINTS", "after_lunch:1"),
            ("ENCRYPTION_KEYS", "k1"),
            ("RETENTION_EVENTS_DAYS", "abc"),
        ])
        .unwrap_err();
        for key in [
            "CONTROL_PLANE_LISTEN",
            "EDGE_ATTESTATION_KEYS",
            "STRIPE_SECRET_KEY",
            "DB_URI",
            "LOG_FORMAT",
            "LOG_LEVEL",
            "REDIS_URI",
            "EDGE_CACHE_ANSWERS_SECONDS",
            "EDGE_CACHE_CLIENT_MB",
            "PAYMENT_RETURN_URL",
            "RETURN_URL_HOSTS",
            "GRAPHQL_INTROSPECTION",
            "WALLET_DOMAINS",
            "WALLET_LIABILITY_SHIFT",
            "EVENT_STREAM_SECONDS",
            "CRASH_POINTS",
            "ENCRYPTION_KEYS",
            "RETENTION_EVENTS_DAYS",
        ] {
            assert!(errors.iter().any(|e| e.starts_with(key)), "{key} in {errors:?}");
        }
    }

    #[test]
    fn an_edge_cache_that_nobody_shares_cannot_be_elsewhere() {
        let off = ("EDGE_CACHE_LISTEN", "off");
        let errors = read(&[("EDGE_ATTESTATION_KEYS", KEY), off]).unwrap_err();
        assert!(errors[0].starts_with("EDGE_CACHE_LISTEN"), "{errors:?}");
        let redis = ("REDIS_URI", "redis://127.0.0.1:6379");
        assert_eq!(read(&[("EDGE_ATTESTATION_KEYS", KEY), off, redis]).unwrap().edge_cache.listen, None);
    }

    #[test]
    fn half_of_paypals_credentials_is_an_error() {
        let errors = read(&[("EDGE_ATTESTATION_KEYS", KEY), ("PAYPAL_CLIENT_ID", "a")]).unwrap_err();
        assert!(errors[0].starts_with("PAYPAL_CLIENT_SECRET"), "{errors:?}");
    }

    #[test]
    fn a_refused_secret_is_not_repeated() {
        let errors = read(&[("EDGE_ATTESTATION_KEYS", "k1:abcd"), ("STRIPE_SECRET_KEY", "oops_hidden")]);
        let text = errors.unwrap_err().join("\n");
        assert!(!text.contains("abcd") && !text.contains("oops_hidden"), "{text}");
    }
}
