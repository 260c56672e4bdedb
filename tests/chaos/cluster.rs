//! The system under test: gateways of real processes, their servers, and the wires between them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use gateway_tests::{LogDisk, LogPipe, Reader, Sandbox, resident_bytes};
use local_stack::{Addresses, Options, RunDir, Stack};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use test_services::proxy::{Mode, Proxy};
use test_services::{PostgresServer, RabbitServer, RedisServer, TestDatabase};

use crate::schedule::{Action, LEASE, Process, Shape, Wire};

pub(crate) struct Cluster {
    // Dropped in this order.
    stacks: Vec<Stack>,
    wires: HashMap<(Wire, usize), Proxy>,
    /// The pipes that our processes log to.
    log_pipes: HashMap<Process, LogPipe>,
    /// The disks with the access logs and the second control plane's log; none where disks cannot be mounted.
    log_disks: HashMap<usize, LogDisk>,
    servers: Option<Servers>,
    run_dirs: Vec<TempDir>,
    database: String,
    sandbox: Sandbox,
    /// Control planes with armed crash points, and processes that were killed on purpose.
    armed: Vec<Process>,
    down: Vec<Process>,
}

struct Servers {
    redis: RedisServer,
    rabbit: RabbitServer,
    database: TestDatabase,
    postgres: PostgresServer,
    /// `None` after it has taken over.
    standby: Option<PostgresServer>,
    /// The old primary, which keeps running, and its database.
    retired: Option<(PostgresServer, TestDatabase)>,
}

/// The secrets that both gateways share, and the trust anchor of their common sandbox.
const SHARED: [&str; 8] = [
    "EDGE_ATTESTATION_KEYS",
    "ENCRYPTION_KEYS",
    "STRIPE_SECRET_KEY",
    "PAYPAL_CLIENT_ID",
    "PAYPAL_CLIENT_SECRET",
    "STRIPE_WEBHOOK_SECRETS",
    "PAYPAL_WEBHOOK_ID",
    "PAYPAL_WEBHOOK_TRUST",
];

/// The parts that log to a pipe, of the first and the second gateway.
const LOGGED: [&[&str]; 2] =
    [&["control-plane", "edge-cache", "worker", "sandbox"], &["edge-cache", "worker"]];

/// The logs on a small disk.
const ON_DISK: [&[&str]; 2] = [&["access"], &["access", "control-plane"]];

/// Enough for minutes of logs at 300 charges per second.
const LOG_DISK_KIB: u64 = 64 * 1024;

impl Cluster {
    /// `None`: a required server is not installed, which was reported.
    pub(crate) async fn start(shape: Shape) -> Option<Self> {
        let servers = match shape {
            Shape::Embedded => None,
            Shape::Distributed => Some(Servers::start().await?),
        };
        let mut cluster = Self {
            stacks: Vec::new(),
            wires: HashMap::new(),
            log_pipes: HashMap::new(),
            log_disks: HashMap::new(),
            database: servers.as_ref().map_or_else(String::new, |servers| servers.database.uri().to_owned()),
            servers,
            run_dirs: Vec::new(),
            sandbox: Sandbox::at(String::new()),
            armed: Vec::new(),
            down: Vec::new(),
        };
        cluster.add_gateway().await;
        cluster.sandbox = Sandbox::at(cluster.stacks[0].sandbox_url());
        match shape {
            Shape::Embedded => cluster.database = cluster.stacks[0].setting("DB_URI").unwrap().to_owned(),
            Shape::Distributed => cluster.add_gateway().await,
        }
        Some(cluster)
    }

    async fn add_gateway(&mut self) {
        for _ in 0..5 {
            if self.start_gateway().await {
                return;
            }
        }
        panic!("a gateway does not start: another process has taken one of its ports, five times");
    }

    /// Returns false if another process took one of its ports: wires need the ports before the gateway binds them. The
    /// second gateway calls the first one's sandbox; its own is idle.
    async fn start_gateway(&mut self) -> bool {
        let gateway = self.stacks.len();
        let run_dir = tempfile::Builder::new().prefix("gateway-chaos-").tempdir().unwrap();
        self.direct_logs(gateway, &RunDir::open(run_dir.path()).unwrap());
        let mut options = Options::for_test(run_dir.path()).unwrap();
        options.addresses = Addresses::FREE.choose_ports().unwrap();
        let sandbox = self.stacks.first().map(Stack::sandbox_url);
        let sandbox =
            sandbox.map_or(options.addresses.sandbox, |url| url["http://".len()..].parse().unwrap());
        let to_sandbox = self.wire(Wire::ControlPlaneToProviders, gateway, sandbox).await;
        let to_control_plane =
            self.wire(Wire::EnvoyToControlPlane, gateway, options.addresses.control_plane).await;
        let providers = format!("http://{to_sandbox}");
        let mut settings = vec![
            ("STRIPE_API_BASE", providers.clone()),
            ("PAYPAL_API_BASE", providers.clone()),
            ("SANDBOX_PAYPAL_CERT_BASE", providers),
            ("SANDBOX_PAYPAL_REVIEW_SECONDS", "2".to_owned()),
            // As real providers do: many at once, in no order. With few, those that wait for their next try hold up the
            // rest for minutes at 300 charges per second.
            ("SANDBOX_WEBHOOK_CONCURRENCY", "64".to_owned()),
            ("CONTROL_PLANE_ADDRESS", to_control_plane.to_string()),
            ("IDEMPOTENCY_LEASE_MS", LEASE.as_millis().to_string()),
            ("PROVIDER_TIMEOUT_SECONDS", "2".to_owned()),
            ("RETRY_BASE_MS", "200".to_owned()),
            ("RETRY_CAP_SECONDS", "2".to_owned()),
        ];
        if let Some(servers) = &self.servers {
            let (redis, postgres) = (servers.redis.port(), servers.postgres.port());
            let database = servers.database.uri().to_owned();
            let (rabbit, uri) = (servers.rabbit.port(), servers.rabbit.uri().to_owned());
            let to_redis = self.wire(Wire::ToRedis, gateway, ([127, 0, 0, 1], redis).into()).await;
            let to_database =
                self.wire(Wire::ControlPlaneToDatabase, gateway, ([127, 0, 0, 1], postgres).into()).await;
            settings.push(("REDIS_URI", format!("redis://{to_redis}")));
            let to_rabbit = self.wire(Wire::ToRabbit, gateway, ([127, 0, 0, 1], rabbit).into()).await;
            settings.push(("AMQP_URI", uri.replace(&format!("127.0.0.1:{rabbit}"), &to_rabbit.to_string())));
            settings.push((
                "DB_URI",
                database.replace(&format!("127.0.0.1:{postgres}"), &to_database.to_string()),
            ));
        }
        if let Some(first) = self.stacks.first() {
            settings.extend(SHARED.map(|name| (name, first.setting(name).unwrap().to_owned())));
        }
        let options = settings.into_iter().fold(options, |options, (name, value)| options.with(name, value));
        match Stack::start(options).await {
            Ok(stack) => self.stacks.push(stack),
            Err(error) if Addresses::is_port_conflict(&error) => return false,
            Err(error) => panic!("{error:#}"),
        }
        self.run_dirs.push(run_dir);
        true
    }

    fn direct_logs(&mut self, gateway: usize, run_dir: &RunDir) {
        self.log_pipes.retain(|process, _| process.gateway != gateway);
        for &part in LOGGED[gateway] {
            let pipe = LogPipe::in_place_of(&run_dir.log(part));
            self.log_pipes.insert(Process { part, gateway }, pipe);
        }
        self.log_disks.remove(&gateway);
        if let Some(mut disk) = LogDisk::of(LOG_DISK_KIB) {
            ON_DISK[gateway].iter().for_each(|log| disk.hold(&run_dir.log(log)));
            self.log_disks.insert(gateway, disk);
        }
    }

    async fn wire(&mut self, wire: Wire, gateway: usize, target: SocketAddr) -> SocketAddr {
        let proxy = Proxy::to(target).await;
        let address = proxy.address();
        self.wires.insert((wire, gateway), proxy);
        address
    }

    /// The URLs that clients call.
    pub(crate) fn gateways(&self) -> Vec<String> {
        self.stacks.iter().map(Stack::gateway_url).collect()
    }

    pub(crate) const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The database's own address, bypassing the wires.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// What its values are sealed with.
    pub(crate) fn encryption_keys(&self) -> &str {
        self.stacks[0].setting("ENCRYPTION_KEYS").unwrap()
    }

    /// Secrets that must not appear in any file of the gateways.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let names = ["STRIPE_SECRET_KEY", "PAYPAL_CLIENT_SECRET", "STRIPE_WEBHOOK_SECRETS"];
        let settings = names.iter().filter_map(|name| self.stacks[0].setting(name));
        let keys = self.encryption_keys().split(',').filter_map(|key| Some(key.split_once(':')?.1));
        settings.chain(keys).map(str::to_owned).collect()
    }

    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        self.run_dirs.iter().map(|run_dir| run_dir.path().join("logs")).collect()
    }

    /// Keeps the log folders when this is dropped.
    pub(crate) fn keep_logs(&mut self) {
        self.log_disks.values().for_each(LogDisk::copy_back);
        for run_dir in &mut self.run_dirs {
            run_dir.disable_cleanup(true);
        }
    }

    pub(crate) async fn carry_out(&mut self, action: &Action) {
        match action {
            Action::Kill(process) => {
                self.signal(*process, Signal::KILL);
                self.down.push(*process);
            }
            Action::Start(process) => self.start_again(*process, &[]),
            Action::Arm(process, point) => {
                self.start_again(*process, &[("CRASH_POINTS", point)]);
                self.armed.push(*process);
            }
            Action::Freeze(process) => self.signal(*process, Signal::STOP),
            Action::Thaw(process) => self.signal(*process, Signal::CONT),
            Action::Log(process, reader) => self.log_pipes[process].set(*reader),
            Action::FillLogDisk(gateway) => self.log_disks.get(gateway).into_iter().for_each(LogDisk::fill),
            Action::EmptyLogDisk(gateway) => {
                self.log_disks.get(gateway).into_iter().for_each(LogDisk::make_room);
            }
            Action::Provider(rule) => self.sandbox.fault(rule).await,
            Action::HealProviders => self.sandbox.heal().await,
            Action::FailOver => self.fail_over().await,
            Action::Set { wire, gateway, mode } => self.wires[&(*wire, *gateway)].set(*mode),
            on_servers => self.servers.as_mut().unwrap().carry_out(on_servers).await,
        }
    }

    /// Fails over and points the wires' new connections to the new primary. Does nothing without a standby.
    async fn fail_over(&mut self) {
        let Some(new) = self.servers.as_mut().unwrap().fail_over().await else { return };
        self.database = new.uri().to_owned();
        let port = self.servers.as_ref().unwrap().postgres.port();
        for ((wire, _), proxy) in &self.wires {
            if *wire == Wire::ControlPlaneToDatabase {
                proxy.lead_to_port(port);
            }
        }
    }

    /// Restarts processes that ended without being killed on purpose, and reports them.
    pub(crate) fn watch(&mut self) -> Vec<String> {
        let mut news = Vec::new();
        for process in self.processes() {
            if self.down.contains(&process) {
                continue;
            }
            if let Some(end) = self.stacks[process.gateway].end_of(process.part) {
                let how = end.lines().next().unwrap_or_default();
                news.push(format!("{process}: {how}; restarting it"));
                self.start_again(process, &[]);
            }
        }
        news
    }

    /// Repairs everything and disarms crash points.
    pub(crate) async fn repair(&mut self) {
        for pipe in self.log_pipes.values() {
            pipe.set(Reader::Reads);
        }
        self.log_disks.values().for_each(LogDisk::make_room);
        for proxy in self.wires.values() {
            proxy.set(Mode::Pass);
        }
        self.sandbox.heal().await;
        self.sandbox.release().await;
        for process in self.processes() {
            if self.armed.contains(&process) || self.down.contains(&process) {
                self.start_again(process, &[]);
            } else {
                self.signal(process, Signal::CONT);
            }
        }
        if let Some(servers) = &mut self.servers {
            servers.redis.signal(Signal::CONT);
            servers.rabbit.signal(Signal::CONT);
        }
    }

    fn processes(&self) -> Vec<Process> {
        let parts: &[&str] = match self.servers {
            Some(_) => &["envoy", "control-plane", "edge-cache", "worker"],
            None => &["envoy", "control-plane"],
        };
        let of = |gateway| parts.iter().map(move |part| Process { part, gateway });
        (0..self.stacks.len()).flat_map(of).collect()
    }

    fn start_again(&mut self, process: Process, besides: &[(&str, &str)]) {
        // Opening a pipe without a reader would block.
        if let Some(pipe) = self.log_pipes.get(&process) {
            pipe.set(Reader::Reads);
        }
        self.stacks[process.gateway].start_again(process.part, besides).unwrap();
        self.armed.retain(|armed| *armed != process);
        self.down.retain(|down| *down != process);
    }

    /// Has no effect on a process that has already ended.
    fn signal(&self, process: Process, signal: Signal) {
        let _ = kill_process(self.pid(process), signal);
    }

    fn pid(&self, process: Process) -> Pid {
        let pid_file = self.stacks[process.gateway].run_dir().path().join(format!("{}.pid", process.part));
        Pid::from_raw(std::fs::read_to_string(pid_file).unwrap().trim().parse().unwrap()).unwrap()
    }

    /// The resident memory of each of our processes, in bytes.
    pub(crate) fn memory(&self) -> Vec<(Process, u64)> {
        self.processes().into_iter().map(|process| (process, resident_bytes(self.pid(process)))).collect()
    }
}

impl Servers {
    async fn start() -> Option<Self> {
        let (redis, postgres) = (RedisServer::own(&[]).await?, PostgresServer::own().await?);
        let rabbit = RabbitServer::own().await?;
        let database = postgres.database().await;
        let standby = Some(postgres.standby().await);
        Some(Self { redis, rabbit, database, postgres, standby, retired: None })
    }

    /// Promotes the standby and returns its database; `None` if there is no standby.
    async fn fail_over(&mut self) -> Option<&TestDatabase> {
        let standby = self.standby.take()?;
        self.postgres.set_read_only(true).await;
        standby.promote().await;
        let new = self.database.on(&standby);
        let database = std::mem::replace(&mut self.database, new);
        self.retired = Some((std::mem::replace(&mut self.postgres, standby), database));
        Some(&self.database)
    }

    async fn carry_out(&mut self, action: &Action) {
        match action {
            Action::CrashPostgres => self.postgres.kill(),
            Action::StartPostgres => self.postgres.start_again().await,
            Action::EndDatabaseSessions => self.postgres.terminate(self.database.name()).await,
            Action::DenyWrites => self.postgres.set_read_only(true).await,
            Action::AllowWrites => self.postgres.set_read_only(false).await,
            Action::AddStandby => {
                self.retired = None;
                self.standby = Some(self.postgres.standby().await);
            }
            Action::KillRedis => self.redis.kill(),
            Action::StartRedis => self.redis.start_again().await,
            Action::FreezeRedis => self.redis.signal(Signal::STOP),
            Action::ThawRedis => self.redis.signal(Signal::CONT),
            Action::KillRabbit => self.rabbit.kill(),
            Action::StartRabbit => self.rabbit.start_again().await,
            Action::FreezeRabbit => self.rabbit.signal(Signal::STOP),
            Action::ThawRabbit => self.rabbit.signal(Signal::CONT),
            Action::PurgeQueues => self.rabbit.purge_all().await,
            Action::Redis(command) => self.redis.run::<()>(command).await,
            other => panic!("{other} is not for a server"),
        }
    }
}
