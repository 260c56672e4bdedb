//! RabbitMQ for tests.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lapin::options::QueuePurgeOptions;
use lapin::{Connection, ConnectionProperties};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::leash::Leash;
use crate::ports::free_ports;
use crate::skip::or_skipped;
use crate::with_tls::ServerTls;

/// A start takes about eight seconds, longer on a busy machine.
const START_MAX: Duration = Duration::from_secs(90);
/// The client may wait forever for a node that cuts the connection while it boots.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A RabbitMQ for tests, with its data on disk.
#[derive(Debug)]
pub struct RabbitServer {
    uri: String,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    node: Child,
    leash: Leash,
    place: NodeIdentity,
    /// Nodes and their tools find each other through it; the machine's own is not used.
    _name_server: NameServer,
}

/// The identity of a node across restarts.
#[derive(Debug)]
struct NodeIdentity {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    distribution_port: u16,
    name_server_port: u16,
    /// For TLS, if it speaks it: lines of its configuration.
    encrypted: Option<(u16, String)>,
}

#[derive(Debug)]
struct NameServer(Child, Leash);

impl RabbitServer {
    /// The server of `TEST_AMQP_URI`, else this process's throwaway server. Tests share it, so they may only touch
    /// their own queues.
    pub async fn any() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<RabbitServer>> = OnceCell::const_new();
        let start = async || match std::env::var("TEST_AMQP_URI") {
            Ok(uri) => Some(Self { uri, process: None }),
            Err(_) => Self::start(None).await,
        };
        or_skipped(SHARED.get_or_init(start).await.as_ref(), MISSING)
    }

    /// A dedicated server, which the test may purge, stop and kill.
    pub async fn own() -> Option<Self> {
        or_skipped(Self::start(None).await, MISSING)
    }

    /// The same, with a second port for TLS 1.3, which takes no connection without a client certificate.
    pub async fn own_encrypted(tls: &ServerTls) -> Option<Self> {
        or_skipped(Self::start(Some(tls)).await, MISSING)
    }

    async fn start(tls: Option<&ServerTls>) -> Option<Self> {
        let programs = programs()?;
        let mut last_words = String::new();
        for _ in 0..5 {
            let [port, distribution_port, name_server_port, tls_port] = free_ports();
            let folder = tempfile::Builder::new().prefix("rabbitmq-").tempdir().unwrap();
            let encrypted = tls.map(|tls| (tls_port, tls_lines(tls_port, tls.write(folder.path()))));
            let programs = programs.clone();
            let place =
                NodeIdentity { folder, programs, port, distribution_port, name_server_port, encrypted };
            let name_server = NameServer::start(&place)?;
            let (node, leash) = place.start_node();
            let process = Process { node, leash, place, _name_server: name_server };
            let mut server =
                Self { uri: format!("amqp://guest:guest@127.0.0.1:{port}"), process: Some(process) };
            if server.answers().await {
                return Some(server);
            }
            last_words = server.process.as_ref().map(|process| process.place.log()).unwrap_or_default();
        }
        panic!(
            "rabbitmq-server does not start, five times; another process may have taken its ports:\n{last_words}"
        );
    }

    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.process.as_ref().unwrap().place.port
    }

    /// The address of its port for TLS.
    #[must_use]
    pub fn encrypted_uri(&self) -> String {
        let (port, _) = self.process.as_ref().unwrap().place.encrypted.as_ref().unwrap();
        format!("amqps://guest:guest@localhost:{port}")
    }

    /// Every file of the node, its queues and logs among them; none of a server that is not ours.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut folders: Vec<_> =
            self.process.iter().map(|process| process.place.folder.path().to_owned()).collect();
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

    /// A direct connection, bypassing the system under test, like an operator's.
    pub async fn connection(&self) -> Connection {
        Connection::connect(&self.uri, ConnectionProperties::default()).await.unwrap()
    }

    /// Purges the ready messages of these queues; unacknowledged ones stay.
    pub async fn purge(&self, queues: &[String]) {
        let connection = self.connection().await;
        let channel = connection.create_channel().await.unwrap();
        for queue in queues {
            channel.queue_purge(queue.as_str().into(), QueuePurgeOptions::default()).await.unwrap();
        }
        connection.close(200, "OK".into()).await.unwrap();
    }

    /// Purges the ready messages of every queue of a dedicated server.
    pub async fn purge_all(&self) {
        self.ctl(&["eval", "[rabbit_amqqueue:purge(Queue) || Queue <- rabbit_amqqueue:list()]."]).await;
    }

    /// Runs `rabbitmqctl` on a dedicated server and returns its output.
    pub async fn ctl(&self, arguments: &[&str]) -> String {
        let mut command = self.process.as_ref().unwrap().place.command("rabbitmqctl");
        command.args(arguments);
        let output = tokio::process::Command::from(command).output().await.unwrap();
        assert!(output.status.success(), "rabbitmqctl: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Like `kill -9`: every connection is cut silently.
    pub fn kill(&mut self) {
        self.process.as_mut().unwrap().end(Signal::KILL);
    }

    /// A clean stop that notifies its clients.
    pub fn stop(&mut self) {
        self.process.as_mut().unwrap().end(Signal::TERM);
    }

    /// Restarts it at the same address and with its data, after [`Self::kill`] or [`Self::stop`].
    pub async fn start_again(&mut self) {
        let process = self.process.as_mut().unwrap();
        (process.node, process.leash) = process.place.start_node();
        assert!(self.answers().await, "rabbitmq-server does not start again");
    }

    /// Freezes and resumes it, e.g. [`Signal::STOP`].
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.as_ref().unwrap().node), signal).unwrap();
    }

    /// Waits for its first response; false if it ended instead.
    async fn answers(&mut self) -> bool {
        let started = Instant::now();
        let node = &mut self.process.as_mut().unwrap().node;
        while started.elapsed() < START_MAX && node.try_wait().unwrap().is_none() {
            let asking = async {
                let connection = Connection::connect(&self.uri, ConnectionProperties::default()).await?;
                connection.close(200, "OK".into()).await
            };
            if let Ok(Ok(())) = tokio::time::timeout(ANSWER_MAX, asking).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

impl Process {
    fn end(&mut self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.node), signal);
        self.leash.let_go();
        let _ = self.node.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}

impl NameServer {
    /// `None` without Erlang.
    fn start(place: &NodeIdentity) -> Option<Self> {
        let mut command = Command::new("epmd");
        command.args(["-address", "127.0.0.1", "-port", &place.name_server_port.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let leash = Leash::on(child.id(), place.folder.path());
        Some(Self(child, leash))
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let Self(child, leash) = self;
        let _ = child.kill();
        leash.let_go();
        let _ = child.wait();
    }
}

impl NodeIdentity {
    /// The node's output so far.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn start_node(&self) -> (Child, Leash) {
        let folder = self.folder.path();
        let listen =
            format!("listeners.tcp.1 = 127.0.0.1:{}\nlog.console = true\nlog.file = false\n", self.port);
        let listen = self.encrypted.iter().fold(listen, |listen, (_, lines)| listen + lines);
        // The size of a production node's would take half a gigabyte of each test's disk.
        std::fs::write(folder.join("rabbitmq.conf"), listen + "raft.wal_max_size_bytes = 16777216\n")
            .unwrap();
        let mut command = self.command("rabbitmq-server");
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let node = command.spawn().unwrap();
        let leash = Leash::on(node.id(), folder);
        (node, leash)
    }

    /// One of RabbitMQ's programs, for this node.
    fn command(&self, program: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(folder).env("HOME", folder);
        command.env("ERL_EPMD_PORT", self.name_server_port.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
        let settings: [(&str, OsString); 9] = [
            ("NODENAME", format!("test-{}@localhost", self.port).into()),
            ("DIST_PORT", self.distribution_port.to_string().into()),
            ("MNESIA_BASE", folder.join("data").into()),
            ("LOG_BASE", folder.into()),
            ("CONFIG_FILE", folder.join("rabbitmq.conf").into()),
            ("CONF_ENV_FILE", "/dev/null".into()),
            ("ENABLED_PLUGINS_FILE", folder.join("plugins").into()),
            // An idle node must not keep a CPU busy.
            ("SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none".into()),
            ("CTL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}".into()),
        ];
        for (name, value) in settings {
            command.env(format!("RABBITMQ_{name}"), value);
        }
        // The script then becomes the node, so that the known process is the one to kill.
        command.env("RUNNING_UNDER_SYSTEMD", "true").env_remove("NOTIFY_SOCKET");
        command
    }
}

fn tls_lines(port: u16, [certificate, key, authority]: [PathBuf; 3]) -> String {
    let [certificate, key, authority] = [certificate, key, authority].map(|path| path.display().to_string());
    format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\n\
         ssl_options.cacertfile = {authority}\nssl_options.versions.1 = tlsv1.3\nssl_options.verify = verify_peer\n\
         ssl_options.fail_if_no_peer_cert = true\n"
    )
}

const MISSING: &str = "no rabbitmq-server and epmd on the PATH (Debian: apt-get install rabbitmq-server)";

/// The folder with the programs. Debian's on the PATH only switch to its own server's user.
fn programs() -> Option<PathBuf> {
    let debian = PathBuf::from("/usr/lib/rabbitmq/bin");
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(debian).chain(std::env::split_paths(&on_path)).find(|folder: &PathBuf| has_both(folder))
}

fn has_both(folder: &Path) -> bool {
    ["rabbitmq-server", "rabbitmqctl"].iter().all(|program| folder.join(program).exists())
}
