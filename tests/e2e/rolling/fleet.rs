//! Two of each part beside a stack's own, which can be restarted one after another.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gateway_tests::{OwnGateway, path_with_log_relay, until_within};
use local_stack::Programs;
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use test_services::free_port;

/// Time for a part to stop and to be ready again, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What [`FleetProcess::name`] says.
pub(super) const CONTROL_PLANE: &str = "a control plane";
pub(super) const EDGE_CACHE: &str = "an edge cache";
pub(super) const WORKER: &str = "a worker";
pub(super) const ENVOY: &str = "an Envoy";

fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

/// A process of one of the roles, which can be stopped like an orchestrator does, and restarted.
pub(super) struct FleetProcess {
    pub(super) name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Answers 200 once it is ready.
    ready: String,
    child: Option<Child>,
}

impl FleetProcess {
    pub(super) async fn start(&mut self, client: &Client) {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let (child, begun) = (self.child.as_mut().unwrap(), Instant::now());
        while !client.get(&self.ready).send().await.is_ok_and(|response| response.status().is_success()) {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended with {ended:?} at its start", self.name);
            assert!(begun.elapsed() < PATIENCE, "{} does not become ready", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sets a variable for its next start.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    fn terminate(&self) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), Signal::TERM).unwrap();
    }

    async fn end(&mut self) -> ExitStatus {
        self.terminate();
        let (begun, child) = (Instant::now(), self.child.as_mut().unwrap());
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{} does not end", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for FleetProcess {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        // Envoy's runner passes it on.
        let _ = kill_process(Pid::from_child(child), Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) && child.try_wait().is_ok_and(|ended| ended.is_none())
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = (child.kill(), child.wait());
    }
}

/// The second of each part, and everything that is restarted.
pub(super) struct Fleet {
    pub(super) parts: Vec<FleetProcess>,
    pub(super) gateways: [String; 2],
    pub(super) admins: [SocketAddr; 2],
    pub(super) control_planes: [SocketAddr; 2],
    /// The bootstrap of each Envoy.
    pub(super) bootstraps: Vec<PathBuf>,
    /// Since when all run, and what was restarted how many seconds later.
    begun: Instant,
    pub(super) restarted: Vec<String>,
}

impl Fleet {
    /// Beside the stack's own Envoy, which nobody calls.
    pub(super) fn of(own: &OwnGateway) -> Self {
        let programs = Programs::of_this_build().unwrap();
        let config = own.stack.run_dir().env_file().display().to_string();
        let pair = || [free(), free()];
        let (control_planes, caches, workers) = (pair(), pair(), pair());
        let (mut parts, mut bootstraps) = (Vec::new(), Vec::new());
        for (name, command, listen, addresses) in [
            (CONTROL_PLANE, "serve", "CONTROL_PLANE_LISTEN", control_planes),
            (EDGE_CACHE, "edge-cache", "EDGE_CACHE_LISTEN", caches),
            (WORKER, "worker", "WORKER_LISTEN", workers),
        ] {
            for address in addresses {
                let mut environment = vec![(listen.to_owned(), address.to_string())];
                if command == "serve" {
                    let apart = [("EDGE_CACHE_LISTEN", "off"), ("WORKERS", "0")];
                    environment.extend(apart.map(|(key, value)| (key.to_owned(), value.to_owned())));
                }
                parts.push(FleetProcess {
                    name,
                    program: programs.control_plane.clone(),
                    arguments: ["--config", &config, command].map(str::to_owned).into(),
                    environment,
                    ready: format!("http://{address}/readyz"),
                    child: None,
                });
            }
        }
        let (gateways, admins) = (pair(), pair());
        for (n, (gateway, admin)) in gateways.into_iter().zip(admins).enumerate() {
            let bootstrap = bootstrap(own, gateway, admin, control_planes, caches);
            let file = own.stack.run_dir().path().join(format!("rolling-{n}.yaml"));
            std::fs::write(&file, bootstrap).unwrap();
            parts.push(envoy(own, &programs, &file, admin));
            bootstraps.push(file);
        }
        let gateways = gateways.map(|address| format!("http://{address}"));
        let (begun, restarted) = (Instant::now(), Vec::new());
        Self { parts, gateways, admins, control_planes, bootstraps, begun, restarted }
    }

    /// Starts all of them.
    pub(super) async fn start(&mut self, client: &Client) {
        for part in &mut self.parts {
            part.start(client).await;
        }
        self.all_healthy(client).await;
        self.begun = Instant::now();
    }

    /// Ends a part, which must succeed, and starts it again.
    pub(super) async fn restart(&mut self, n: usize, client: &Client) {
        let part = &mut self.parts[n];
        self.restarted.push(format!("{:.1} s: {}", self.begun.elapsed().as_secs_f32(), part.name));
        let status = part.end().await;
        assert!(status.success(), "{} ended with {status}", part.name);
        part.start(client).await;
        self.all_healthy(client).await;
    }

    /// Every Envoy sees every control plane and edge cache.
    async fn all_healthy(&self, client: &Client) {
        for admin in self.admins {
            let url = format!(
                "http://{admin}/stats?filter=^cluster.(control_plane|event_streams|edge_cache).membership_healthy$"
            );
            until_within(PATIENCE, "an Envoy that sees two of each", async || {
                let stats = client.get(&url).send().await.ok()?.text().await.ok()?;
                (stats.lines().count() == 3 && stats.lines().all(|line| line.ends_with(": 2"))).then_some(())
            })
            .await;
        }
    }
}

/// The stack's bootstrap at other addresses, and with two of each behind it.
fn bootstrap(
    own: &OwnGateway,
    gateway: SocketAddr,
    admin: SocketAddr,
    control_planes: [SocketAddr; 2],
    caches: [SocketAddr; 2],
) -> String {
    let port = |url: String| url.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let mut text = std::fs::read_to_string(own.stack.run_dir().path().join("envoy.yaml")).unwrap();
    let setting = |name: &str| port(own.stack.setting(name).unwrap().to_owned());
    for (was, is) in [
        (port(own.stack.gateway_url()), gateway),
        (port(own.stack.gateway_tls_url()), free()),
        (port(own.stack.admin_url()), admin),
        (port(own.stack.stats_url()), free()),
    ] {
        text = text.replace(&format!("\"port_value\":{was}"), &format!("\"port_value\":{}", is.port()));
    }
    for (was, [first, second]) in
        [(port(own.stack.control_plane_url()), control_planes), (setting("EDGE_CACHE_LISTEN"), caches)]
    {
        let named = format!("\"port_value\":{was}");
        assert!(text.contains(&named), "the bootstrap names no port {was}");
        // Charges and streams of events have a cluster each.
        while let Some((before, after)) = text.split_once(&named) {
            let start = before.rfind("              - endpoint:").unwrap();
            let (entry, rest) = after.split_once('\n').unwrap();
            let endpoint = |address: SocketAddr| {
                format!("{}\"port_value\":{}{entry}\n", &before[start..], address.port())
            };
            text = format!("{}{}{}{rest}", &before[..start], endpoint(first), endpoint(second));
        }
    }
    text
}

fn envoy(
    own: &OwnGateway,
    programs: &Programs,
    bootstrap: &std::path::Path,
    admin: SocketAddr,
) -> FleetProcess {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/run-envoy.sh");
    let arguments = [
        script,
        "--config-path",
        &bootstrap.display().to_string(),
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "--log-level",
        "error",
    ];
    let mut environment = vec![
        ("ENVOY".to_owned(), programs.envoy.display().to_string()),
        ("ENVOY_ADMIN_LISTEN".to_owned(), admin.to_string()),
        ("DRAIN_NOTICE_SECONDS".to_owned(), "4".to_owned()),
        ("PATH".to_owned(), path_with_log_relay()),
    ];
    for name in ["EDGE_ATTESTATION_KEYS", "STRIPE_WEBHOOK_SECRETS"] {
        environment.push((name.to_owned(), own.stack.setting(name).unwrap().to_owned()));
    }
    FleetProcess {
        name: ENVOY,
        program: "bash".into(),
        arguments: arguments.map(str::to_owned).into(),
        environment,
        ready: format!("http://{admin}/ready"),
        child: None,
    }
}
