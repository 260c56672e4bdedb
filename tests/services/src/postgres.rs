//! PostgreSQL for tests.

mod programs;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use self::programs::{init, programs, spawn};
pub(crate) use self::programs::{own_by_server_user, unprivileged};
use crate::leash::Leash;
use crate::ports::free_port;
use crate::skip::or_skipped;
use crate::with_tls::ServerTls;

const START_MAX: Duration = Duration::from_secs(30);
const PASSWORD: &str = "throwaway-secret";

/// A PostgreSQL for tests, with durable commits.
#[derive(Debug)]
pub struct PostgresServer {
    /// The maintenance database.
    uri: String,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    leash: Leash,
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

/// A test's own database, dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    uri: String,
    server: String,
    name: String,
    /// The whole server is removed with the process, so its databases need not be dropped.
    kept: bool,
}

impl PostgresServer {
    /// The server of `TEST_POSTGRES_URI`, else this process's throwaway server. Tests share it, so they may only touch
    /// their own databases.
    pub async fn any() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<PostgresServer>> = OnceCell::const_new();
        let start = async || match std::env::var("TEST_POSTGRES_URI") {
            Ok(uri) => Some(Self { uri, process: None }),
            Err(_) => Self::start(None).await,
        };
        or_skipped(SHARED.get_or_init(start).await.as_ref(), MISSING)
    }

    /// A dedicated server, which the test may stop and kill.
    pub async fn own() -> Option<Self> {
        or_skipped(Self::start(None).await, MISSING)
    }

    /// The same, with TLS 1.3 for clients that want it.
    pub async fn own_encrypted(tls: &ServerTls) -> Option<Self> {
        or_skipped(Self::start(Some(tls)).await, MISSING)
    }

    async fn start(tls: Option<&ServerTls>) -> Option<Self> {
        let programs = programs()?;
        for _ in 0..5 {
            let folder = tempfile::Builder::new().prefix("postgres-").tempdir().unwrap();
            let port = free_port();
            init(&programs, folder.path());
            if let Some(tls) = tls {
                let files = tls.write(folder.path());
                own_by_server_user(&files.each_ref().map(PathBuf::as_path));
                // In its file, so that `speak_tls_1_2_alone` can override it.
                let settings = folder.path().join("data/postgresql.conf");
                let mut settings = File::options().append(true).open(settings).unwrap();
                writeln!(settings, "ssl_min_protocol_version = 'TLSv1.3'").unwrap();
            }
            let mut server = Self::run(&programs, folder, port);
            if server.answers().await {
                return Some(server);
            }
        }
        panic!("postgres does not start; another process may have taken its port, five times");
    }

    fn run(programs: &Path, folder: TempDir, port: u16) -> Self {
        let child = spawn(programs, folder.path(), port);
        let leash = Leash::on(child.id(), folder.path());
        let uri = format!("postgres://gateway:{PASSWORD}@127.0.0.1:{port}/postgres");
        let process = Process { child, leash, folder, programs: programs.to_owned(), port };
        Self { uri, process: Some(process) }
    }

    /// A synchronous standby: from now on commits wait for it.
    pub async fn standby(&self) -> Self {
        /// It waits for no standby when it is the primary, and resumes soon when its primary is back.
        const SETTINGS: &str = "synchronous_standby_names = ''\nwal_retrieve_retry_interval = '100ms'\n";
        let process = self.process.as_ref().unwrap();
        let folder = tempfile::Builder::new().prefix("postgres-standby-").tempdir().unwrap();
        own_by_server_user(&[folder.path()]);
        let mut copy = unprivileged(&process.programs.join("pg_basebackup"));
        copy.args(["--host=127.0.0.1", "--username=gateway", "--write-recovery-conf", "--checkpoint=fast"]);
        // As operators limit it: a copy of a large database must not keep commits from the disk.
        copy.arg("--max-rate=48M");
        copy.arg(format!("--port={}", process.port)).arg("--pgdata").arg(folder.path().join("data"));
        copy.env("PGPASSWORD", PASSWORD).current_dir(folder.path());
        let output = tokio::process::Command::from(copy).output().await.unwrap();
        assert!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
        // The last line about a setting counts, until `ALTER SYSTEM` overrides it.
        let settings = File::options().append(true).open(folder.path().join("data/postgresql.auto.conf"));
        settings.unwrap().write_all(SETTINGS.as_bytes()).unwrap();
        let port = free_port();
        let mut standby = Self::run(&process.programs, folder, port);
        assert!(standby.answers().await, "the standby does not start");
        self.set("synchronous_standby_names", "'*'").await;
        standby
    }

    /// Promotes a standby. Its primary continues unchanged.
    pub async fn promote(&self) {
        self.run_sql("SELECT pg_promote()").await;
    }

    /// Makes the server read-only, including open connections, like the old primary after a failover; or writable
    /// again.
    pub async fn set_read_only(&self, is_read_only: bool) {
        self.set("default_transaction_read_only", if is_read_only { "on" } else { "off" }).await;
        // The processes of open connections reload it with a delay.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// Makes commits wait for a standby that does not exist; or for none again.
    pub async fn miss_standby(&self, is_missing: bool) {
        self.set("synchronous_standby_names", if is_missing { "missing" } else { "''" }).await;
        // As above.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// New connections get TLS 1.2 and nothing newer. For a server of [`Self::own_encrypted`].
    pub async fn speak_tls_1_2_alone(&self) {
        for setting in ["ssl_min_protocol_version", "ssl_max_protocol_version"] {
            self.set(setting, "'TLSv1.2'").await;
        }
        // As above.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// New connections need TLS and a certificate of the authority. For a server of [`Self::own_encrypted`].
    pub async fn ask_for_client_certificates(&self) {
        let process = self.process.as_ref().unwrap();
        let file = process.folder.path().join("data/pg_hba.conf");
        // The first line that fits a connection counts.
        let rest = std::fs::read_to_string(&file).unwrap();
        let first = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n";
        std::fs::write(&file, format!("{first}host all all 127.0.0.1/32 reject\n{rest}")).unwrap();
        self.run_sql("SELECT pg_reload_conf()").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    async fn set(&self, setting: &str, value: &str) {
        self.run_sql(&format!("ALTER SYSTEM SET {setting} = {value}")).await;
        self.run_sql("SELECT pg_reload_conf()").await;
    }

    /// The maintenance database.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.process.as_ref().unwrap().port
    }

    /// The pid of its postmaster, the parent of all its processes.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().child.id()
    }

    /// The folder with `initdb`, `pgbench` and so on; `None` for an external server.
    #[must_use]
    pub fn programs(&self) -> Option<&Path> {
        self.process.as_ref().map(|process| process.programs.as_path())
    }

    /// Every file of the server, its write-ahead log and its own log among them; none of a server that is not ours.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut folders: Vec<_> =
            self.process.iter().map(|process| process.folder.path().to_owned()).collect();
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                // One may disappear in between.
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => {
                        files.extend(std::fs::read(&path).ok().map(|contents| (path, contents)));
                    }
                    _ => {}
                }
            }
        }
        files
    }

    /// An empty database.
    pub async fn database(&self) -> TestDatabase {
        self.create("template0").await
    }

    /// An empty database whose text is in `encoding`.
    pub async fn database_in(&self, encoding: &str) -> TestDatabase {
        self.create(&format!("template0 ENCODING '{encoding}' LOCALE 'C'")).await
    }

    /// A copy of the database that `fill` created the first time in this process.
    pub async fn database_like(&self, fill: impl AsyncFnOnce(&str)) -> TestDatabase {
        static TEMPLATE: OnceCell<TestDatabase> = OnceCell::const_new();
        let template = TEMPLATE
            .get_or_init(async || {
                let template = self.database().await;
                fill(&template.uri).await;
                self.terminate(&template.name).await;
                template
            })
            .await;
        self.create(&template.name).await
    }

    async fn create(&self, template: &str) -> TestDatabase {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        self.run_sql(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let uri = with_database(&self.uri, &name);
        TestDatabase { uri, server: self.uri.clone(), name, kept: self.process.is_some() }
    }

    /// Terminates every connection to a database, as an operator might.
    pub async fn terminate(&self, database: &str) {
        self.run_sql(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'"
        ))
        .await;
    }

    async fn run_sql(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.uri).await.unwrap();
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Like `kill -9` or a crash of the machine: every connection is cut silently, and committed data is recovered from
    /// disk at the next start.
    pub fn kill(&mut self) {
        self.process.as_mut().unwrap().end(Signal::QUIT);
    }

    /// A clean stop that does not wait for clients.
    pub fn stop(&mut self) {
        self.process.as_mut().unwrap().end(Signal::INT);
    }

    /// Restarts it at the same address, after [`Self::kill`] or [`Self::stop`].
    pub async fn start_again(&mut self) {
        let process = self.process.as_mut().unwrap();
        process.child = spawn(&process.programs, process.folder.path(), process.port);
        process.leash = Leash::on(process.child.id(), process.folder.path());
        assert!(self.answers().await, "postgres does not start again");
    }

    /// Freezes and resumes its postmaster, e.g. [`Signal::STOP`]; its backends keep running.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.as_ref().unwrap().child), signal).unwrap();
    }

    /// Waits for its first response; false if it ended instead.
    async fn answers(&mut self) -> bool {
        let started = Instant::now();
        let process = self.process.as_mut().unwrap();
        while started.elapsed() < START_MAX && process.child.try_wait().unwrap().is_none() {
            match PgConnection::connect(&self.uri).await {
                Ok(connection) => {
                    connection.close().await.unwrap();
                    return true;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        false
    }
}

impl Process {
    fn end(&mut self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
        self.leash.let_go();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Signal::QUIT);
    }
}

impl TestDatabase {
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database of this name on another server, e.g. a standby.
    #[must_use]
    pub fn on(&self, server: &PostgresServer) -> Self {
        let uri = with_database(&server.uri, &self.name);
        Self { uri, server: server.uri.clone(), name: self.name.clone(), kept: true }
    }

    /// The same database with another role.
    #[must_use]
    pub fn uri_of(&self, role: &str, password: &str) -> String {
        let (_, place) = self.uri.split_once('@').unwrap();
        format!("postgres://{role}:{password}@{place}")
    }

    /// As [`Self::execute`], with dynamic SQL.
    pub async fn run(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.uri).await.unwrap();
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Connects directly, bypassing the system under test, like an operator with a database shell.
    pub async fn execute(&self, sql: &'static str) {
        let mut connection = PgConnection::connect(&self.uri).await.unwrap();
        connection.execute(sql).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (server, sql) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // Not on the test's own runtime, which may be shutting down.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                connection.execute(AssertSqlSafe(sql)).await
            })
        });
        let _ = dropped.join();
    }
}

const MISSING: &str =
    "no PostgreSQL 14 or newer on the PATH or in /usr/lib/postgresql (Debian: apt-get install postgresql)";

fn with_database(uri: &str, name: &str) -> String {
    let (before, query) = uri.split_once('?').map_or((uri, None), |(before, query)| (before, Some(query)));
    let server = before.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    query.map_or_else(|| format!("{server}/{name}"), |query| format!("{server}/{name}?{query}"))
}
