//! A store for one test, in SQLite or PostgreSQL.

use std::sync::Arc;

use payments::ports::store::Store;
use payments_stores::{DatabaseSettings, Encryption};
use sealing::KeyRing;
use sqlx::{Connection, PgConnection, SqliteConnection};
use test_services::{PostgresServer, TestDatabase};

/// A store in a database of its own that goes away with it.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn Store>,
    uri: String,
    _database: Database,
}

enum Database {
    Sqlite { _folder: tempfile::TempDir },
    Postgres { _database: TestDatabase },
}

impl TestStore {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        Self { store: open(&uri).await, uri, _database: Database::Sqlite { _folder: folder } }
    }

    /// `None`, with a printed reason, where there is no PostgreSQL to be had.
    pub(crate) async fn postgres() -> Option<Self> {
        let server = PostgresServer::any().await?;
        let database = server.database_like(async |uri| drop(open(uri).await)).await;
        let uri = database.uri().to_owned();
        Some(Self { store: open(&uri).await, uri, _database: Database::Postgres { _database: database } })
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// The same database opened again, as after a restart or by a second process.
    pub(crate) async fn reopen(&self) -> Arc<dyn Store> {
        open(&self.uri).await
    }

    /// Behind the store's back, as an operator with a database shell.
    pub(crate) async fn try_execute(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        if self.uri.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.uri).await?;
            sqlx::query(sql).execute(&mut connection).await.map(|_| ())
        } else {
            let mut connection = PgConnection::connect(&self.uri).await?;
            sqlx::query(sql).execute(&mut connection).await.map(|_| ())
        }
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        self.try_execute(sql).await.unwrap();
    }
}

/// What the values of every test store are sealed with.
pub(crate) const ENCRYPTION_KEYS: &str =
    "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Values are sealed, as in production.
pub(crate) fn settings(uri: &str) -> DatabaseSettings {
    let encryption = Encryption::with(Arc::new(KeyRing::parse(ENCRYPTION_KEYS).unwrap()));
    DatabaseSettings { encryption, ..DatabaseSettings::new(uri) }
}

async fn open(uri: &str) -> Arc<dyn Store> {
    payments_stores::open(settings(uri)).await.unwrap()
}
