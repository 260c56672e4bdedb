//! A database of a test's own, opened with chosen keys, and looked into behind the store's back.

use std::sync::Arc;

use payments::ports::store::{Store, StoreError, Unreadable};
use payments_stores::keys::{KeyMaintenance, Reseal, open_keys};
use payments_stores::{DatabaseSettings, Encryption, OpenError};
use sealing::KeyRing;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use test_services::PostgresServer;

/// Each test once on each database.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::database::TestDatabase::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(database) = crate::database::TestDatabase::postgres().await {
                    super::$test(database).await;
                }
            })*
        }
    };
}
pub(crate) use on_both;

/// The row that could not be read.
pub(crate) fn unreadable(result: Result<impl std::fmt::Debug, StoreError>) -> Unreadable {
    match result {
        Err(StoreError::Inconsistent(unreadable)) => unreadable,
        other => panic!("{other:?}"),
    }
}

pub(crate) const OLD: &str = "old:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub(crate) const NEW: &str = "new:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

pub(crate) struct TestDatabase {
    pub(crate) uri: String,
    pub(crate) folder: tempfile::TempDir,
    _server: Option<test_services::TestDatabase>,
}

impl TestDatabase {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        Self { uri, folder, _server: None }
    }

    /// `None`, with a printed reason, where there is no PostgreSQL to be had.
    pub(crate) async fn postgres() -> Option<Self> {
        let server = PostgresServer::any().await?;
        let database = server.database().await;
        let (uri, folder) = (database.uri().to_owned(), tempfile::tempdir().unwrap());
        Some(Self { uri, folder, _server: Some(database) })
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.uri.starts_with("sqlite:")
    }

    /// With this list of keys; without any if it is empty.
    pub(crate) fn settings(&self, keys: &str) -> DatabaseSettings {
        let mut settings = DatabaseSettings::new(self.uri.as_str());
        if !keys.is_empty() {
            settings.encryption = Encryption::with(Arc::new(KeyRing::parse(keys).unwrap()));
        }
        settings
    }

    pub(crate) async fn open(&self, keys: &str) -> Arc<dyn Store> {
        payments_stores::open(self.settings(keys)).await.unwrap()
    }

    /// Why it is not opened, with all causes.
    pub(crate) async fn refused(&self, keys: &str) -> String {
        match payments_stores::open(self.settings(keys)).await {
            Err(problem @ OpenError::Keys(_)) => payments::causes::with_causes(&problem),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it was opened"),
        }
    }

    pub(crate) async fn maintenance(&self, keys: &str) -> Box<dyn KeyMaintenance> {
        open_keys(self.settings(keys)).await.unwrap()
    }

    /// Seals all that is there. Returns the number of rows in which something was sealed.
    pub(crate) async fn reseal(&self, keys: &str) -> u64 {
        let maintenance = self.maintenance(keys).await;
        let (mut reseal, mut sealed) = (Reseal::default(), 0);
        while let Some(part) = maintenance.reseal(&mut reseal).await.unwrap() {
            assert_eq!(part.unreadable, Vec::<String>::new());
            sealed += if part.is_done { part.rows_sealed } else { 0 };
        }
        maintenance.scrub(false).await.unwrap();
        sealed
    }

    pub(crate) async fn try_execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&self.uri).await?;
            Ok(sqlx::query(sql).execute(&mut connection).await?.rows_affected())
        } else {
            let mut connection = PgConnection::connect(&self.uri).await?;
            Ok(sqlx::query(sql).execute(&mut connection).await?.rows_affected())
        }
    }

    pub(crate) async fn execute(&self, sql: &str) {
        assert!(self.try_execute(sql).await.unwrap() > 0, "{sql}");
    }

    /// Flips one bit of the body of the only provider's event.
    pub(crate) async fn flip_body(&self, byte: usize) {
        const READ: &str = "SELECT body FROM webhook_events";
        const WRITE: &str = "UPDATE webhook_events SET body = $1";
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&self.uri).await.unwrap();
            let mut body: Vec<u8> = sqlx::query_scalar(READ).fetch_one(&mut connection).await.unwrap();
            body[byte] ^= 1;
            sqlx::query(WRITE).bind(body).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.uri).await.unwrap();
            let mut body: Vec<u8> = sqlx::query_scalar(READ).fetch_one(&mut connection).await.unwrap();
            body[byte] ^= 1;
            sqlx::query(WRITE).bind(body).execute(&mut connection).await.unwrap();
        }
    }

    /// The first column of all rows, as text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&self.uri).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection = PgConnection::connect(&self.uri).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    /// All that is in the tables: the files of SQLite, its log included, or every row of every table of PostgreSQL.
    pub(crate) async fn everything(&self) -> Vec<u8> {
        if self.is_sqlite() {
            let files = std::fs::read_dir(self.folder.path()).unwrap();
            return files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        }
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
        let mut all = Vec::new();
        for table in self.texts(tables).await {
            // Bytes as they are, as far as they are letters: nothing may hide in hex digits.
            let rows = self.texts(&format!("SELECT row_to_json(t)::text FROM {table} AS t")).await;
            all.extend(rows.concat().into_bytes());
        }
        for body in self.texts("SELECT encode(body, 'escape') FROM webhook_events").await {
            all.extend(body.into_bytes());
        }
        all
    }
}
