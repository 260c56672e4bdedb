//! Two of each part, restarted one after another while clients charge.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gateway_tests::{HttpResponse, OwnGateway, fresh_key, until_within};
use local_stack::Programs;
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use test_services::{PostgresServer, RabbitServer, RedisServer};
use tokio::task::JoinHandle;

/// Charges per second, unless `ROLLING_CHARGES_PER_SECOND` is set.
const RATE: u32 = 40;
/// For a part to stop, and to be ready again, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a part serves charges before the next one is restarted.
const SETTLED: Duration = Duration::from_secs(3);

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A process of one of the roles, which can be stopped like an orchestrator does, and restarted.
struct Part {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Answers 200 once it is ready.
    ready: String,
    child: Option<Child>,
}

impl Part {
    async fn start(&mut self, client: &Client) {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        until_within(PATIENCE, self.name, async || {
            let response = client.get(&self.ready).send().await.ok()?;
            response.status().is_success().then_some(())
        })
        .await;
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

impl Drop for Part {
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
struct Fleet {
    parts: Vec<Part>,
    gateways: [String; 2],
    admins: [SocketAddr; 2],
}

impl Fleet {
    /// Beside the stack's own Envoy, which nobody calls.
    fn of(own: &OwnGateway) -> Self {
        let programs = Programs::of_this_build().unwrap();
        let config = own.stack.run_dir().env_file().display().to_string();
        let pair = || [free(), free()];
        let (control_planes, caches, workers) = (pair(), pair(), pair());
        let mut parts = Vec::new();
        for (name, command, listen, addresses) in [
            ("a control plane", "serve", "CONTROL_PLANE_LISTEN", control_planes),
            ("an edge cache", "edge-cache", "EDGE_CACHE_LISTEN", caches),
            ("a worker", "worker", "WORKER_LISTEN", workers),
        ] {
            for address in addresses {
                let mut environment = vec![(listen.to_owned(), address.to_string())];
                if command == "serve" {
                    let apart = [("EDGE_CACHE_LISTEN", "off"), ("WORKERS", "0")];
                    environment.extend(apart.map(|(key, value)| (key.to_owned(), value.to_owned())));
                }
                parts.push(Part {
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
        }
        Self { parts, gateways: gateways.map(|address| format!("http://{address}")), admins }
    }

    /// Every Envoy sees every control plane and edge cache.
    async fn settled(&self, client: &Client) {
        for admin in self.admins {
            let url = format!(
                "http://{admin}/stats?filter=^cluster.(control_plane|edge_cache).membership_healthy$"
            );
            until_within(PATIENCE, "an Envoy that sees two of each", async || {
                let stats = client.get(&url).send().await.ok()?.text().await.ok()?;
                (stats.lines().count() == 2 && stats.lines().all(|line| line.ends_with(": 2"))).then_some(())
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
    ] {
        text = text.replace(&format!("\"port_value\":{was}"), &format!("\"port_value\":{}", is.port()));
    }
    for (was, [first, second]) in
        [(port(own.stack.control_plane_url()), control_planes), (setting("EDGE_CACHE_LISTEN"), caches)]
    {
        let (before, after) = text
            .split_once(&format!("\"port_value\":{was}"))
            .unwrap_or_else(|| panic!("the bootstrap names no port {was}"));
        let start = before.rfind("              - endpoint:").unwrap();
        let (entry, rest) = after.split_once('\n').unwrap();
        let endpoint =
            |address: SocketAddr| format!("{}\"port_value\":{}{entry}\n", &before[start..], address.port());
        text = format!("{}{}{}{rest}", &before[..start], endpoint(first), endpoint(second));
    }
    text
}

fn envoy(own: &OwnGateway, programs: &Programs, bootstrap: &std::path::Path, admin: SocketAddr) -> Part {
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
        ("DRAIN_NOTICE_SECONDS".to_owned(), "1".to_owned()),
    ];
    for name in ["EDGE_ATTESTATION_KEYS", "STRIPE_WEBHOOK_SECRETS"] {
        environment.push((name.to_owned(), own.stack.setting(name).unwrap().to_owned()));
    }
    Part {
        name: "an Envoy",
        program: "bash".into(),
        arguments: arguments.map(str::to_owned).into(),
        environment,
        ready: format!("http://{admin}/ready"),
        child: None,
    }
}

/// How often the load balancer probes each Envoy. Less than `DRAIN_NOTICE_SECONDS`.
const PROBED_EVERY: Duration = Duration::from_millis(100);

/// Whether each Envoy is ready, as a load balancer finds out.
type Ready = Arc<[AtomicBool; 2]>;

fn probe(admins: [SocketAddr; 2], client: &Client, until: &Arc<AtomicBool>) -> Ready {
    let ready: Ready = Arc::default();
    for (n, admin) in admins.into_iter().enumerate() {
        let (ready, client, until) = (ready.clone(), client.clone(), until.clone());
        ready[n].store(true, Ordering::SeqCst);
        tokio::spawn(async move {
            while !until.load(Ordering::SeqCst) {
                let probed = client.get(format!("http://{admin}/ready")).send().await;
                let is_ready = probed.is_ok_and(|response| response.status().is_success());
                ready[n].store(is_ready, Ordering::SeqCst);
                tokio::time::sleep(PROBED_EVERY).await;
            }
        });
    }
    ready
}

/// Charges at a steady rate, as by a load balancer in front of both Envoys, which opens connections to those that are
/// ready.
struct Load {
    begun: Instant,
    stop: Arc<AtomicBool>,
    charged: Arc<AtomicUsize>,
    clients: JoinHandle<Vec<String>>,
}

impl Load {
    fn start(fleet: &Fleet, client: Client) -> Self {
        let begun = Instant::now();
        let rate = env::var("ROLLING_CHARGES_PER_SECOND").map_or(RATE, |rate| rate.parse().unwrap());
        let (stop, charged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (until, counter) = (stop.clone(), charged.clone());
        let (gateways, ready) = (fleet.gateways.clone(), probe(fleet.admins, &client, &stop));
        let clients = tokio::spawn(async move {
            let mut charges = tokio::task::JoinSet::new();
            let mut every = tokio::time::interval(Duration::from_secs(1) / rate);
            for n in 0.. {
                every.tick().await;
                if until.load(Ordering::SeqCst) {
                    break;
                }
                let (mut gateways, client, counter) = (gateways.clone(), client.clone(), counter.clone());
                let turn = n % 2;
                gateways.rotate_left(if ready[turn].load(Ordering::SeqCst) { turn } else { 1 - turn });
                charges.spawn(async move {
                    let failed = charge(&gateways, &client).await.err();
                    counter.fetch_add(usize::from(failed.is_none()), Ordering::SeqCst);
                    failed.map(|response| format!("{:.1} s: {response}", begun.elapsed().as_secs_f32()))
                });
            }
            charges.join_all().await.into_iter().flatten().collect()
        });
        Self { begun, stop, charged, clients }
    }

    /// The number of successful charges, and the responses to the others.
    async fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        let failed = self.clients.await.unwrap();
        (self.charged.load(Ordering::SeqCst), failed)
    }
}

async fn charge(gateways: &[String; 2], client: &Client) -> Result<(), String> {
    let key = fresh_key();
    let mut last = String::new();
    for gateway in gateways {
        let request = client.post(format!("{gateway}/payments/charge")).bearer_auth("demo-key");
        let request = request.header("idempotency-key", &key).json(&json!({
            "provider": "stripe", "amount": 530, "currency": "USD", "paymentMethodId": "pm_card_visa",
        }));
        match request.send().await {
            Ok(response) if response.status() == 200 => return Ok(()),
            Ok(response) => {
                return Err(format!("{} {}", response.status(), response.text().await.unwrap_or_default()));
            }
            Err(error) if error.is_connect() => last = format!("{error:?}"),
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Err(last)
}

#[tokio::test]
async fn a_rolling_restart_of_every_part_fails_no_charge() {
    let (Some(postgres), Some(redis), Some(rabbit)) =
        (PostgresServer::own().await, RedisServer::own(&[]).await, RabbitServer::own().await)
    else {
        return;
    };
    let database = postgres.database().await;
    let own = OwnGateway::start(&[
        ("DB_URI", database.uri()),
        ("REDIS_URI", redis.uri()),
        ("AMQP_URI", rabbit.uri()),
    ])
    .await;
    // A new connection for each charge, as new clients make them.
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let mut fleet = Fleet::of(&own);
    for part in &mut fleet.parts {
        part.start(&client).await;
    }
    fleet.settled(&client).await;

    let load = Load::start(&fleet, client.clone());
    tokio::time::sleep(SETTLED).await;
    let mut restarts = Vec::new();
    for n in 0..fleet.parts.len() {
        let part = &mut fleet.parts[n];
        restarts.push(format!("{:.1} s: {}", load.begun.elapsed().as_secs_f32(), part.name));
        let status = part.end().await;
        assert!(status.success(), "{} ended with {status}", part.name);
        part.start(&client).await;
        fleet.settled(&client).await;
        tokio::time::sleep(SETTLED).await;
    }
    let (charged, failed) = load.end().await;
    assert_eq!(failed, Vec::<String>::new(), "of {charged}; restarted {restarts:?}");
    assert!(charged > 500, "{charged}");
    let ledger = format!("{}/_sandbox/ledger?summary=1&kind=charge", own.stack.sandbox_url());
    let summary = HttpResponse::of(client.get(ledger)).await.json();
    assert_eq!(summary["total"], charged, "each once: {summary}");
}
