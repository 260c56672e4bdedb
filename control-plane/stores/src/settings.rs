//! Settings of the database.

use std::time::Duration;

use super::encryption::Encryption;
use super::{postgres, sqlite};

/// When opening a database applies missing migrations. `control-plane migrate` always applies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrateOnStart {
    Always,
    /// Only to an empty database, which no process can serve yet.
    IfEmpty,
    /// Only checks the schema, which needs no right to change it.
    Never,
}

/// The database to open, and limits on its concurrent use.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub uri: String,
    pub migrate_on_start: MigrateOnStart,
    /// PostgreSQL connections for all access by key: payments, refunds, idempotency keys, events, due work.
    pub connections: u32,
    /// PostgreSQL connections for clients' lists of payments, separate so that polling never delays payments.
    pub list_connections: u32,
    /// Time limit for one client's list; a query that takes longer is canceled.
    pub read_timeout: Duration,
    pub encryption: Encryption,
}

impl DatabaseSettings {
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        let uri = uri.into();
        Self {
            // A file belongs to one control plane. A server is shared, and the role that serves it need not own the
            // schema.
            migrate_on_start: if uri.starts_with("sqlite:") {
                MigrateOnStart::Always
            } else {
                MigrateOnStart::IfEmpty
            },
            uri,
            connections: 8,
            list_connections: 4,
            read_timeout: Duration::from_secs(2),
            encryption: Encryption::default(),
        }
    }
}

impl DatabaseSettings {
    /// The maximum number of PostgreSQL connections of one process.
    #[must_use]
    pub fn connections_of_a_process(&self) -> u32 {
        self.connections.saturating_add(self.list_connections).saturating_add(postgres::OTHER_CONNECTIONS)
    }

    /// The location of the database, without a password.
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
