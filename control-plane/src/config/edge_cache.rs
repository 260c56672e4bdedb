//! Where the edge cache listens and stores its records.

use std::net::SocketAddr;
use std::time::Duration;

use edge_core::attestation::{Holder, Keys};
use logging::{Format, Level};

use super::client_tls::{REDIS, client_tls};
use super::service_tls::service_tls;
use super::{
    ConfigError, Plaintext, Source, Wire, check_listeners, keep, keep_all, log_format, log_level,
    verifying_keys,
};
use crate::cache::{KeepPolicy, RedisUri};
use crate::server::TlsSettings;

const LISTEN: &str = "EDGE_CACHE_LISTEN";
const PORT: u16 = 8082;

/// The edge cache beside a control plane.
#[derive(Debug)]
pub struct EdgeCacheSettings {
    /// `None`: the edge cache runs elsewhere, on the same Redis.
    pub listen: Option<SocketAddr>,
    /// `None`: the records are in this process's memory and are lost when it ends.
    pub redis: Option<RedisUri>,
    pub keep_policy: KeepPolicy,
}

impl EdgeCacheSettings {
    /// Reads every setting and reports everything that is wrong at once.
    pub(super) fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let redis = keep(&mut errors, redis_uri(source));
        let listen =
            match source.get(LISTEN) {
                Some("off") if matches!(redis, Some(None)) => Err(source
                    .invalid(LISTEN, "can be `off` only with a REDIS_URI, which another edge cache shares")),
                Some("off") => Ok(None),
                _ => source.listen(LISTEN, PORT).map(Some),
            };
        let listen = keep(&mut errors, listen);
        let keep_policy = keep_all(&mut errors, keep_policy(source));
        match (listen, redis, keep_policy) {
            (Some(listen), Some(redis), Some(keep_policy)) => Ok(Self { listen, redis, keep_policy }),
            _ => Err(errors),
        }
    }
}

/// Where it listens, whatever else is wrong.
pub(super) fn listens_at(source: &Source) -> Option<SocketAddr> {
    source.get(LISTEN).is_none_or(|text| text != "off").then(|| source.listen(LISTEN, PORT).ok()).flatten()
}

fn keep_policy(source: &Source) -> Result<KeepPolicy, Vec<ConfigError>> {
    let (mut errors, default) = (Vec::new(), KeepPolicy::default());
    let seconds = source.read_with("EDGE_CACHE_ANSWERS_SECONDS", |text| match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number of seconds, 1 to 86400".to_owned()),
    });
    let seconds = keep(&mut errors, seconds);
    let megabytes = source.read_with("EDGE_CACHE_CLIENT_MB", |text| match text.parse::<u64>() {
        Ok(megabytes @ 1..=65_536) => Ok(megabytes * 1024 * 1024),
        _ => Err("must be a whole number of megabytes, 1 to 65536".to_owned()),
    });
    let bytes = keep(&mut errors, megabytes);
    match (seconds, bytes) {
        (Some(seconds), Some(bytes)) => Ok(KeepPolicy {
            answers_for: seconds.unwrap_or(default.answers_for),
            client_bytes: bytes.unwrap_or(default.client_bytes),
        }),
        _ => Err(errors),
    }
}

/// The configuration of `edge-cache`.
#[derive(Debug)]
pub struct EdgeCacheConfig {
    pub listen: SocketAddr,
    /// `None`: the listener goes without TLS.
    pub tls: Option<TlsSettings>,
    pub redis: RedisUri,
    pub attestation_keys: Keys,
    pub log_level: Level,
    pub log_format: Format,
}

impl EdgeCacheConfig {
    /// Reads every setting and reports everything that is wrong at once.
    pub fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let listen = keep(&mut errors, source.listen(LISTEN, PORT));
        let redis = redis_uri(source).and_then(|uri| {
            uri.ok_or(ConfigError::Missing {
                key: "REDIS_URI",
                expected: "a separate edge cache shares its records with the control planes through Redis",
            })
        });
        let redis = keep(&mut errors, redis);
        let keys = keep(&mut errors, verifying_keys(source, Holder::EdgeCache));
        let log_level = keep(&mut errors, log_level(source));
        let log_format = keep(&mut errors, log_format(source));
        let tls = keep_all(&mut errors, service_tls(source));
        if let Some(tls) = &tls {
            check_listeners(&mut errors, source, &[(Wire::EdgeCache, LISTEN, listen)], tls.is_some());
        }
        match (listen, tls, redis, keys, log_level, log_format) {
            (
                Some(listen),
                Some(tls),
                Some(redis),
                Some(attestation_keys),
                Some(log_level),
                Some(log_format),
            ) if errors.is_empty() => {
                Ok(Self { listen, tls, redis, attestation_keys, log_level, log_format })
            }
            _ => Err(errors),
        }
    }
}

pub(super) fn redis_uri(source: &Source) -> Result<Option<RedisUri>, ConfigError> {
    let Some(uri) = source.read_with(REDIS.uri, str::parse::<RedisUri>)? else { return Ok(None) };
    if !uri.is_protected() {
        Plaintext::read(source)?.check(source, Wire::Redis, REDIS.uri, "use rediss://…")?;
    }
    match client_tls(source, &REDIS)? {
        None => Ok(Some(uri)),
        Some(tls) => uri.with_tls(&tls).map(Some).map_err(|problem| source.invalid(REDIS.uri, problem)),
    }
}
