//! How a database is opened.

use std::time::Duration;

use super::{postgres, sqlite};

/// Whether the schema is brought up to date when the database is opened. `control-plane migrate` always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrateOnStart {
    Always,
    /// Only an empty database, which nobody can serve yet.
    IfEmpty,
    /// The schema is only checked, which needs no right to change it.
    Never,
}

/// Which database, and how much may be asked of it at the same time.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub uri: String,
    pub migrate_on_start: MigrateOnStart,
    /// Of PostgreSQL, for everything that is read or written by its key: payments, refunds, keys, events, due work.
    pub connections: u32,
    /// For clients' lists of payments, apart from the others: nobody's polling keeps money waiting.
    pub list_connections: u32,
    /// For one client's list; what takes longer is canceled.
    pub read_timeout: Duration,
}

impl DatabaseSettings {
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        let uri = uri.into();
        Self {
            // A file belongs to one control plane. A server is shared, and what serves it need not own its schema.
            migrate_on_start: if uri.starts_with("sqlite:") {
                MigrateOnStart::Always
            } else {
                MigrateOnStart::IfEmpty
            },
            uri,
            connections: 8,
            list_connections: 4,
            read_timeout: Duration::from_secs(2),
        }
    }
}

impl DatabaseSettings {
    /// How many connections to PostgreSQL one process opens at most.
    #[must_use]
    pub fn connections_of_a_process(&self) -> u32 {
        self.connections.saturating_add(self.list_connections).saturating_add(postgres::OTHER_CONNECTIONS)
    }

    /// Where the database is, without a password.
    #[must_use]
    pub fn place(&self) -> String {
        if let Some(file) = sqlite::file(&self.uri) {
            return format!("SQLite {}", std::path::absolute(&file).unwrap_or(file).display());
        }
        match postgres::options(&self.uri) {
            Ok(options) => {
                let host = options.get_socket().map_or_else(
                    || format!("{}:{}", options.get_host(), options.get_port()),
                    |socket| socket.display().to_string(),
                );
                let database = options.get_database().unwrap_or_else(|| options.get_username());
                format!("PostgreSQL {database} at {host} as {}", options.get_username())
            }
            Err(_) => "in memory".to_owned(),
        }
    }
}

impl From<String> for DatabaseSettings {
    fn from(uri: String) -> Self {
        Self::new(uri)
    }
}

impl From<&str> for DatabaseSettings {
    fn from(uri: &str) -> Self {
        Self::new(uri)
    }
}

impl From<&String> for DatabaseSettings {
    fn from(uri: &String) -> Self {
        Self::new(uri)
    }
}
