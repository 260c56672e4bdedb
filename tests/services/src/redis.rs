//! Redis or Valkey for tests.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::redis::FromRedisValue;
use ::redis::aio::MultiplexedConnection;
use rustix::process::{Pid, Signal, kill_process};

use crate::ports::free_port;
use crate::scratch_folder::ScratchFolder;
use crate::skip::skipped;
use crate::with_tls::ServerTls;

const START_MAX: Duration = Duration::from_secs(10);

/// A Redis (or Valkey) for tests.
#[derive(Debug)]
pub struct RedisServer {
    uri: String,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    port: u16,
    options: Vec<String>,
    /// Its working folder, for whatever files it writes, and for its certificates.
    folder: ScratchFolder,
    /// Whether its port is for TLS alone.
    is_encrypted: bool,
}

impl RedisServer {
    /// The server of `TEST_REDIS_URI`, else a throwaway server. Tests share it, so they may only touch their own
    /// scopes.
    pub async fn any() -> Option<Self> {
        match std::env::var("TEST_REDIS_URI") {
            Ok(uri) => Some(Self { uri, process: None }),
            Err(_) => Self::own(&[]).await,
        }
    }

    /// A dedicated server, which the test may flush, stop and kill; `options` are added to its command line.
    pub async fn own(options: &'static [&'static str]) -> Option<Self> {
        Self::start(options, None).await
    }

    /// The same, with TLS alone: its port takes no other connection, and none without a client certificate. Its address
    /// is `rediss://127.0.0.1:PORT`. `options` may limit `--tls-protocols`.
    pub async fn own_encrypted(tls: &ServerTls, options: &[&str]) -> Option<Self> {
        Self::start(options, Some(tls)).await
    }

    async fn start(options: &[&str], tls: Option<&ServerTls>) -> Option<Self> {
        for _ in 0..5 {
            let port = free_port();
            let mut options: Vec<_> = options.iter().map(ToString::to_string).collect();
            let folder = ScratchFolder::new("redis-");
            if let Some(tls) = tls {
                let files = tls.write(folder.path()).map(|path| path.display().to_string());
                let names = ["--tls-cert-file", "--tls-key-file", "--tls-ca-cert-file"].map(str::to_owned);
                options.extend(names.into_iter().zip(files).flat_map(<[String; 2]>::from));
            }
            let is_encrypted = tls.is_some();
            let scheme = if is_encrypted { "rediss" } else { "redis" };
            let child = spawn(port, &options, is_encrypted, folder.path())?;
            let process = Process { child, port, options, folder, is_encrypted };
            let mut server = Self { uri: format!("{scheme}://127.0.0.1:{port}"), process: Some(process) };
            if server.answers().await {
                return Some(server);
            }
        }
        panic!("redis-server does not start; another process may have taken its port, five times");
    }

    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.process.as_ref().unwrap().port
    }

    /// Where a dedicated server keeps its files. It saves none unless it is told to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.process.as_ref().unwrap().folder.path()
    }

    /// A direct connection, bypassing the cache, like an operator's.
    pub async fn connection(&self) -> MultiplexedConnection {
        let client = ::redis::Client::open(self.uri.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Runs a command directly, bypassing the cache.
    pub async fn run<T: FromRedisValue>(&self, command: &[&str]) -> T {
        run(&mut self.connection().await, command).await
    }

    /// Like `kill -9`: its data is lost.
    pub fn kill(&mut self) {
        let child = &mut self.process.as_mut().unwrap().child;
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Restarts it at the same address, after [`Self::kill`].
    pub async fn start_again(&mut self) {
        let process = self.process.as_mut().unwrap();
        process.child =
            spawn(process.port, &process.options, process.is_encrypted, process.folder.path()).unwrap();
        assert!(self.answers().await, "redis-server does not start again");
    }

    /// Freezes and resumes it, e.g. [`Signal::STOP`].
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.as_ref().unwrap().child), signal).unwrap();
    }

    /// Waits for its first response; false if it ended instead.
    async fn answers(&mut self) -> bool {
        let started = Instant::now();
        let client = ::redis::Client::open(self.uri.as_str()).unwrap();
        let process = self.process.as_mut().unwrap();
        while started.elapsed() < START_MAX && process.child.try_wait().unwrap().is_none() {
            // One that wants a certificate at least listens.
            let is_there = if process.is_encrypted {
                TcpStream::connect(("127.0.0.1", process.port)).is_ok()
            } else {
                client.get_multiplexed_async_connection().await.is_ok()
            };
            if is_there {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// Runs one command on the test's connection.
pub async fn run<T: FromRedisValue>(connection: &mut MultiplexedConnection, command: &[&str]) -> T {
    ::redis::cmd(command[0]).arg(&command[1..]).query_async(connection).await.unwrap()
}

fn spawn(port: u16, options: &[String], is_encrypted: bool, folder: &Path) -> Option<Child> {
    let port = port.to_string();
    let ports = if is_encrypted { &["--port", "0", "--tls-port", &port][..] } else { &["--port", &port] };
    for program in ["redis-server", "valkey-server"] {
        let mut command = Command::new(program);
        command.args(ports).args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(options).current_dir(folder);
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => return Some(child),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{program}: {error}"),
        }
    }
    let why = "neither redis-server nor valkey-server is on the PATH (Debian: apt-get install redis-server)";
    skipped(why);
    None
}
