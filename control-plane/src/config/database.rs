//! The database, and the limits on its concurrent use.

use std::time::Duration;

use payments_stores::{DatabaseSettings, MigrateOnStart};

use super::encryption::encryption;
use super::{ConfigError, Plaintext, Source, Wire, db_uri, keep, keep_all};

const CONNECTIONS_MAX: u32 = 200;
const TIMEOUT_MS_MAX: u64 = 60_000;

/// Reads every setting and reports everything that is wrong at once.
pub(crate) fn database(source: &Source) -> Result<DatabaseSettings, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let uri = db_uri(source).and_then(|uri| check_way(source, &uri).map(|()| uri));
    let settings = keep(&mut errors, uri).map(DatabaseSettings::new);
    let migrate = source.read_with("MIGRATE_ON_START", |text| match text {
        "on" => Ok(MigrateOnStart::Always),
        "if-empty" => Ok(MigrateOnStart::IfEmpty),
        "off" => Ok(MigrateOnStart::Never),
        _ => Err("must be `on`, `if-empty` or `off`".to_owned()),
    });
    let migrate = keep(&mut errors, migrate);
    let connections = keep(&mut errors, connections(source, "DB_CONNECTIONS", 2));
    let lists = keep(&mut errors, connections_of_lists(source));
    let timeout = keep(&mut errors, read_timeout(source));
    let encryption = keep_all(&mut errors, encryption(source));
    match (settings, migrate, connections, lists, timeout, encryption) {
        (Some(settings), Some(migrate), Some(connections), Some(lists), Some(timeout), Some(encryption)) => {
            Ok(DatabaseSettings {
                encryption,
                migrate_on_start: migrate.unwrap_or(settings.migrate_on_start),
                connections: connections.unwrap_or(settings.connections),
                list_connections: lists.unwrap_or(settings.list_connections),
                read_timeout: timeout.unwrap_or(settings.read_timeout),
                ..settings
            })
        }
        _ => Err(errors),
    }
}

/// Checks that a database elsewhere is reached as the profile demands.
fn check_way(source: &Source, uri: &str) -> Result<(), ConfigError> {
    if uri.starts_with("sqlite:") || payments_stores::postgres::is_protected(uri) {
        return Ok(());
    }
    let remedy = "use `sslmode=verify-full`, the default for a server elsewhere";
    Plaintext::read(source)?.check(source, Wire::Database, "DB_URI", remedy)
}

fn connections_of_lists(source: &Source) -> Result<Option<u32>, ConfigError> {
    connections(source, "DB_LIST_CONNECTIONS", 1)
}

fn connections(source: &Source, key: &'static str, least: u32) -> Result<Option<u32>, ConfigError> {
    source.read_with(key, |text| match text.parse() {
        Ok(connections) if (least..=CONNECTIONS_MAX).contains(&connections) => Ok(connections),
        _ => Err(format!("must be a whole number, {least} to {CONNECTIONS_MAX}")),
    })
}

fn read_timeout(source: &Source) -> Result<Option<Duration>, ConfigError> {
    source.read_with("DB_READ_TIMEOUT_MS", |text| match text.parse() {
        Ok(ms) if (50..=TIMEOUT_MS_MAX).contains(&ms) => Ok(Duration::from_millis(ms)),
        _ => Err(format!("must be a whole number of milliseconds, 50 to {TIMEOUT_MS_MAX}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<DatabaseSettings, Vec<String>> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        database(&Source::new(settings, None).unwrap())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_file_is_migrated_on_start_and_a_server_only_set_up() {
        assert_eq!(read(&[]).unwrap().migrate_on_start, MigrateOnStart::Always);
        let server = ("DB_URI", "postgres://u@db/gateway");
        assert_eq!(read(&[server]).unwrap().migrate_on_start, MigrateOnStart::IfEmpty);
        let off = ("MIGRATE_ON_START", "off");
        assert_eq!(read(&[server, off]).unwrap().migrate_on_start, MigrateOnStart::Never);
    }

    #[test]
    fn a_password_that_must_be_escaped_is_told_how() {
        for uri in [
            "postgres://u:pa/ss@db/gateway",
            "postgres://u:pa#ss@db/gateway",
            "postgres://u:pa?ss@db/gateway",
        ] {
            let errors = read(&[("DB_URI", uri)]).unwrap_err();
            assert!(errors[0].starts_with("DB_URI") && errors[0].contains("`%2F` for `/`"), "{errors:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_reported_at_once() {
        let wrong = [
            ("DB_URI", "mysql://x"),
            ("MIGRATE_ON_START", "yes"),
            ("DB_CONNECTIONS", "1"),
            ("DB_LIST_CONNECTIONS", "0"),
            ("DB_READ_TIMEOUT_MS", "0"),
            ("ENCRYPTION_KEYS", "k1"),
        ];
        let errors = read(&wrong).unwrap_err();
        for (key, _) in wrong {
            assert!(errors.iter().any(|error| error.starts_with(key)), "{key} in {errors:?}");
        }
    }
}
