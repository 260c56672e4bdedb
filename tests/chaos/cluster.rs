//! The system under test: gateways of real processes, their servers, and the wires between them.

use std::collections::HashMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gateway_tests::{LogDisk, LogPipe, PipeReader, Sandbox, resident_bytes};
use local_stack::{Addresses, Options, Programs, RunDir, Stack};
use rustix::process::{Pid, Signal, kill_process};
use test_services::ScratchFolder;
use test_services::proxy::{Mode, Proxy};
use tokio::process::Command;

use crate::commands::{self, Commands, Name, RESEAL, RETENTION, STATUS};
use crate::model::Broken;
use crate::schedule::{Action, LEASE, Process, Shape, Wire};
use crate::servers::Servers;

pub(crate) struct Cluster {
    // Dropped in this order.
    commands: Commands,
    stacks: Vec<Stack>,
    wires: HashMap<(Wire, usize), Proxy>,
    /// The pipes that our processes log to.
    log_pipes: HashMap<Process, LogPipe>,
    /// The disks with the access logs and the second control plane's log; none where disks cannot be mounted.
    log_disks: HashMap<usize, LogDisk>,
    servers: Option<Servers>,
    run_dirs: Vec<ScratchFolder>,
    database: String,
    sandbox: Sandbox,
    /// Control planes with armed crash points, and processes that were killed on purpose.
    armed: Vec<Process>,
    down: Vec<Process>,
}

/// The secrets that both gateways share, and the trust anchor of their common sandbox.
const SHARED: [&str; 9] = [
    "EDGE_ATTESTATION_KEYS",
    "ENCRYPTION_KEYS",
    "AUDIT_SIGNING_KEY",
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
            commands: Commands::default(),
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
        let run_dir = ScratchFolder::new("gateway-chaos-");
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
            // Often, so that faults strike while it is sealed, and that the shortest run has checkpoints.
            ("AUDIT_SEAL_SECONDS", "1".to_owned()),
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

    /// The id and the secret of our account at PayPal, which the script on a client's page uses.
    pub(crate) fn paypal_credentials(&self) -> [String; 2] {
        ["PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET"]
            .map(|name| self.stacks[0].setting(name).unwrap().to_owned())
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

    /// `None`: one gateway on SQLite.
    pub(crate) const fn servers(&self) -> Option<&Servers> {
        self.servers.as_ref()
    }

    /// The folder of the first gateway.
    pub(crate) fn run_dir(&self) -> &Path {
        self.run_dirs[0].path()
    }

    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        self.run_dirs.iter().map(|run_dir| run_dir.path().join("logs")).collect()
    }

    /// Keeps the log folders when this is dropped.
    pub(crate) fn keep_logs(&mut self) {
        self.log_disks.values().for_each(LogDisk::copy_back);
        self.run_dirs.iter_mut().for_each(ScratchFolder::keep);
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
            Action::Operate(command) => self.operate(command),
            Action::Interrupt => self.commands.interrupt(),
            Action::FailOver => self.fail_over().await,
            Action::Set { wire, gateway, mode } => self.wires[&(*wire, *gateway)].set(*mode),
            on_servers => self.servers.as_mut().unwrap().carry_out(on_servers).await,
        }
    }

    /// Starts a command of the control plane beside the services. It may fail: its database may be broken.
    fn operate(&mut self, command: Name) {
        let log = self.stacks[0].run_dir().log("operator");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let operator = self.operator(command).stdout(Stdio::null()).stderr(log).spawn();
        self.commands.add(command, operator.unwrap());
    }

    /// While nothing is broken: those that still run end, and each that was begun continues where it was interrupted.
    pub(crate) async fn finish_commands(&mut self) -> Vec<Broken> {
        let mut broken = self.commands.end().await;
        let begun = self.commands.begun();
        for &name in &begun {
            let mut operator = self.operator(name);
            if [RESEAL, RETENTION].contains(&name) {
                // Clients have ended, so it need not leave room for them.
                operator.args(["--per-second", "100000"]);
            }
            broken.extend(commands::finish(name, operator).await.err());
        }
        if begun.contains(&RESEAL) {
            match commands::finish(STATUS, self.operator(STATUS)).await {
                Ok(said) if said.contains("reseal is at") => {
                    broken.push(Broken::new("operator", format!("keys reseal has not gone on: {said}")));
                }
                told => broken.extend(told.err()),
            }
        }
        broken
    }

    /// A command of the control plane, with the settings of the first gateway.
    pub(crate) fn operator(&self, command: &[&str]) -> Command {
        let mut operator = Command::new(Programs::of_this_build().unwrap().control_plane);
        operator.arg("--config").arg(self.stacks[0].run_dir().env_file()).args(command);
        operator.env("USER", "chaos").stdin(Stdio::null()).kill_on_drop(true);
        operator
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
            pipe.set(PipeReader::Reads);
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
            servers.repair();
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
            pipe.set(PipeReader::Reads);
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
