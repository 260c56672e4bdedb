//! PgBouncer for tests.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::free_port;
use crate::postgres::{own_by_server_user, unprivileged};
use crate::skip::skipped;
use crate::{PostgresServer, TestDatabase};

const START_MAX: Duration = Duration::from_secs(10);

/// A connection pool in front of PostgreSQL, stopped when dropped.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// With `mode`, `session`, `transaction` or `statement`, and more server connections than tests need.
    pub async fn before(server: &PostgresServer, mode: &str) -> Option<Self> {
        Self::of_size(server, mode, 50).await
    }

    /// With `size` server connections at most for each database.
    pub async fn of_size(server: &PostgresServer, mode: &str, size: u32) -> Option<Self> {
        Self::start(server, None, mode, size).await
    }

    /// Pools whole sessions to the server behind a local port: `server`, and later perhaps another one like it.
    pub async fn by_way(server: &PostgresServer, port: u16) -> Option<Self> {
        Self::start(server, Some(port), "session", 50).await
    }

    async fn start(server: &PostgresServer, way: Option<u16>, mode: &str, size: u32) -> Option<Self> {
        for _ in 0..5 {
            let folder = tempfile::Builder::new().prefix("pgbouncer-").tempdir().unwrap();
            let port = free_port();
            let file = folder.path().join("pgbouncer.ini");
            std::fs::write(&file, settings(server, way, mode, size, port)).unwrap();
            own_by_server_user(&[folder.path(), &file]);
            let mut command = unprivileged("pgbouncer".as_ref());
            command.arg(&file).current_dir(folder.path()).stdin(Stdio::null());
            let child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
                Ok(child) => child,
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                Err(error) => panic!("pgbouncer: {error}"),
            };
            let mut pool = Self { child, port, _folder: folder };
            if pool.answers().await {
                return Some(pool);
            }
        }
        skipped("no pgbouncer starts (Debian: apt-get install pgbouncer)");
        None
    }

    /// A database of the server, through this pool.
    #[must_use]
    pub fn uri(&self, database: &TestDatabase) -> String {
        // It knows the server's user and password itself.
        format!("postgres://anybody:anything@127.0.0.1:{}/{}", self.port, database.name())
    }

    async fn answers(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < START_MAX && self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(server: &PostgresServer, way: Option<u16>, mode: &str, size: u32, port: u16) -> String {
    let (credentials, place) = server.uri().strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (user, password) = credentials.split_once(':').unwrap();
    let (host, server_port) = place.split('/').next().unwrap().split_once(':').unwrap();
    let way = way.map(|port| port.to_string());
    let server_port = way.as_deref().unwrap_or(server_port);
    format!(
        "[databases]\n* = host={host} port={server_port} user={user} password={password}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n"
    )
}
