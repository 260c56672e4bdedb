//! Which process does the due work, and how much of it concurrently.

use std::net::SocketAddr;

use super::client_tls::{AMQP, client_tls};
use super::edge_cache::redis_uri;
use super::service_tls::service_tls;
use super::{
    AuditSettings, ConfigError, GatewaySettings, Plaintext, ProcessSettings, QueueSettings,
    ReconcileSettings, Source, Wire, check_listeners, keep, keep_all, schedule,
};
use crate::cache::RedisUri;
use crate::jobs::rabbit::{AmqpUri, QueuePrefix};
use crate::server::TlsSettings;

const WORKERS: &str = "WORKERS";
const WORKERS_DEFAULT: u16 = 16;
const WORKERS_MAX: u16 = 256;

/// The background work of one process.
#[derive(Debug)]
pub struct BackgroundSettings {
    /// The number of concurrent pieces of work, 0 to 256; 0 leaves due work to other processes.
    pub workers: u16,
    /// `None`: due work is found by polling the database only.
    pub queue: Option<QueueSettings>,
    /// `None`: reconciliation runs only by the command.
    pub reconcile: Option<ReconcileSettings>,
    /// `None`: this process does not seal the audit trail.
    pub audit: Option<AuditSettings>,
}

impl BackgroundSettings {
    pub(super) fn of_a_service(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let settings = Self::read(source, 0)?;
        if settings.workers == 0 && !is_shared(source) {
            let problem = "can be 0 only on PostgreSQL: on SQLite no other process can do the work";
            return Err(vec![source.invalid(WORKERS, problem)]);
        }
        Ok(settings)
    }

    fn read(source: &Source, least: u16) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let workers = keep(&mut errors, workers(source, least));
        let uri = keep(&mut errors, amqp_uri(source));
        let prefix =
            source.read_with("AMQP_QUEUE_PREFIX", |text| text.parse::<QueuePrefix>().map_err(str::to_owned));
        let prefix = keep(&mut errors, prefix);
        let reconcile = keep_all(&mut errors, ReconcileSettings::read(source));
        let audit = keep_all(&mut errors, AuditSettings::read(source));
        match (workers, uri, prefix, reconcile, audit) {
            (Some(workers), Some(uri), Some(prefix), Some(reconcile), Some(audit)) => {
                let prefix = prefix.unwrap_or_default();
                Ok(Self { workers, queue: uri.map(|uri| QueueSettings { uri, prefix }), reconcile, audit })
            }
            _ => Err(errors),
        }
    }
}

/// The configuration of `worker`.
#[derive(Debug)]
pub struct WorkerConfig {
    pub listen: SocketAddr,
    /// `None`: the listener goes without TLS.
    pub tls: Option<TlsSettings>,
    /// Where new events are announced to other processes.
    pub redis: Option<RedisUri>,
    pub gateway: GatewaySettings,
    pub background: BackgroundSettings,
    pub process: ProcessSettings,
}

impl WorkerConfig {
    /// Reads every setting and reports everything that is wrong at once.
    pub fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let listen = keep(&mut errors, source.listen("WORKER_LISTEN", 8083));
        let redis = keep(&mut errors, redis_uri(source));
        let gateway = keep_all(&mut errors, GatewaySettings::read(source));
        if gateway.is_some() && !is_shared(source) {
            let problem = "must be postgres://…: a SQLite database belongs to one control plane, which does the work itself";
            errors.push(source.invalid("DB_URI", problem));
        }
        let background = keep_all(&mut errors, BackgroundSettings::read(source, 1));
        let process = keep_all(&mut errors, ProcessSettings::read(source));
        // Only the command uses it, but a check of the settings reports what is wrong with it.
        keep_all(&mut errors, schedule(source));
        let tls = keep_all(&mut errors, service_tls(source));
        if let Some(tls) = &tls {
            let listeners = [(Wire::Worker, "WORKER_LISTEN", listen)];
            check_listeners(&mut errors, source, &listeners, tls.is_some());
        }
        match (listen, tls, redis, gateway, background, process) {
            (Some(listen), Some(tls), Some(redis), Some(gateway), Some(background), Some(process))
                if errors.is_empty() =>
            {
                Ok(Self { listen, tls, redis, gateway, background, process })
            }
            _ => Err(errors),
        }
    }
}

fn amqp_uri(source: &Source) -> Result<Option<AmqpUri>, ConfigError> {
    let Some(uri) = source.read_with(AMQP.uri, str::parse::<AmqpUri>)? else { return Ok(None) };
    if !uri.is_protected() {
        Plaintext::read(source)?.check(source, Wire::Queue, AMQP.uri, "use amqps://…")?;
    }
    Ok(Some(match client_tls(source, &AMQP)? {
        Some(tls) => uri.with_tls(tls),
        None => uri,
    }))
}

/// Whether processes can share the database. On SQLite, a process takes any call that it did not begin for abandoned.
fn is_shared(source: &Source) -> bool {
    source.get("DB_URI").is_some_and(|uri| uri.starts_with("postgres"))
}

fn workers(source: &Source, least: u16) -> Result<u16, ConfigError> {
    let read = |text: &str| match text.parse() {
        Ok(workers) if (least..=WORKERS_MAX).contains(&workers) => Ok(workers),
        _ => Err(format!("must be a whole number, {least} to {WORKERS_MAX}")),
    };
    Ok(source.read_with(WORKERS, read)?.unwrap_or(WORKERS_DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: (&str, &str) = ("DB_URI", "postgres://u:hidden@db/gateway");

    fn source(settings: &[(&str, &str)]) -> Source {
        Source::new(settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())), None).unwrap()
    }

    fn read(settings: &[(&str, &str)]) -> Result<WorkerConfig, Vec<String>> {
        WorkerConfig::read(&source(settings))
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_database_that_can_be_shared_is_all_a_worker_needs() {
        let config = read(&[POSTGRES]).unwrap();
        assert_eq!((config.listen.to_string().as_str(), config.background.workers), ("127.0.0.1:8083", 16));
        assert!(config.background.queue.is_none());
        for alone in [&[][..], &[("DB_URI", "sqlite://gateway.db")]] {
            let errors = read(alone).unwrap_err();
            assert!(errors[0].starts_with("DB_URI"), "{errors:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_worker_is_reported_at_once_and_no_password_with_it() {
        let errors = read(&[
            ("WORKER_LISTEN", "here"),
            ("WORKERS", "0"),
            ("AMQP_URI", "http://u:hidden@broker"),
            ("DB_URI", "mysql://u:hidden@x"),
        ])
        .unwrap_err();
        for key in ["WORKER_LISTEN", "WORKERS", "AMQP_URI", "DB_URI"] {
            assert!(errors.iter().any(|e| e.starts_with(key)), "{key} in {errors:?}");
        }
        assert!(!errors.concat().contains("hidden"), "{errors:?}");
        let queue =
            BackgroundSettings::of_a_service(&source(&[("AMQP_URI", "amqp://u:hidden@broker")])).unwrap();
        assert!(queue.queue.is_some() && !format!("{queue:?}").contains("hidden"));
    }

    #[test]
    fn work_can_be_left_to_others_only_where_there_can_be_others() {
        let none = ("WORKERS", "0");
        assert_eq!(BackgroundSettings::of_a_service(&source(&[none, POSTGRES])).unwrap().workers, 0);
        let error = BackgroundSettings::of_a_service(&source(&[none])).unwrap_err()[0].to_string();
        assert!(error.starts_with("WORKERS"), "{error}");
    }

    #[test]
    fn a_prefix_that_is_no_name_is_refused_even_without_a_broker() {
        let error = BackgroundSettings::of_a_service(&source(&[("AMQP_QUEUE_PREFIX", "a b")])).unwrap_err()
            [0]
        .to_string();
        assert!(error.starts_with("AMQP_QUEUE_PREFIX"), "{error}");
    }
}
