//! The Envoys of a stack.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use reqwest::Client;

use crate::{
    Addresses, Environment, Options, RunDir,
    addresses::{ENVOY_ADMIN, ENVOY_STATS, GATEWAY, GATEWAY_TLS},
    health::{self, probe},
    part::StackProcess,
    run_dir::write_private,
    settings::Settings,
};

const EDGE_CACHE_SEEN: Duration = Duration::from_secs(3);

/// The first Envoy, at the addresses of its stack.
pub(crate) async fn start(
    options: &Options,
    addresses: Addresses,
    settings: &Settings,
    run_dir: &RunDir,
) -> Result<StackProcess> {
    let bootstrap = write_bootstrap(options, settings.of_bootstrap(), run_dir, "envoy")?;
    let envoy = start_envoy(options, "envoy", &bootstrap, settings, run_dir)?;
    envoy_ready(envoy, addresses.gateway, addresses.envoy_admin, options, settings).await
}

/// An additional Envoy of a stack. It is killed when dropped.
#[derive(Debug)]
pub struct Edge {
    gateway: SocketAddr,
    admin: SocketAddr,
    _envoy: StackProcess,
}

impl Edge {
    pub(crate) async fn start(options: &Options, settings: &Settings, run_dir: &RunDir) -> Result<Self> {
        let Addresses { gateway, gateway_tls, envoy_admin, envoy_stats, .. } =
            Addresses::FREE.choose_ports()?;
        let mut environment = settings.of_bootstrap();
        let access_log = run_dir.log("access-2").display().to_string();
        environment.extend(
            [
                (GATEWAY, gateway.to_string()),
                (GATEWAY_TLS, gateway_tls.to_string()),
                (ENVOY_ADMIN, envoy_admin.to_string()),
                (ENVOY_STATS, envoy_stats.to_string()),
                ("ENVOY_ACCESS_LOG", access_log),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let bootstrap = write_bootstrap(options, environment, run_dir, "envoy-2")?;
        let envoy = start_envoy(options, "envoy-2", &bootstrap, settings, run_dir)?;
        let envoy = envoy_ready(envoy, gateway, envoy_admin, options, settings).await?;
        Ok(Self { gateway, admin: envoy_admin, _envoy: envoy })
    }

    /// The address for clients.
    pub fn gateway_url(&self) -> String {
        format!("http://{}", self.gateway)
    }

    /// The address of its admin interface.
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }
}

/// Waits until a client's request is answered through it.
async fn envoy_ready(
    mut envoy: StackProcess,
    gateway: SocketAddr,
    admin: SocketAddr,
    options: &Options,
    settings: &Settings,
) -> Result<StackProcess> {
    let deadline = Instant::now() + options.start_within;
    let client = health::client()?;
    let url = format!("http://{admin}/ready");
    envoy.ready(deadline, async || probe(client.get(&url)).await).await?;
    await_edge_cache(&client, admin).await;
    let key = first_client_key(settings)?;
    let url = format!("http://{gateway}/payments?limit=1");
    envoy.ready(deadline, async || probe(client.get(&url).bearer_auth(key)).await).await?;
    Ok(envoy)
}

/// Waits until Envoy considers the edge cache healthy and so uses it; not for long, since its Redis may be unavailable,
/// and the gateway works without it.
async fn await_edge_cache(client: &Client, admin: SocketAddr) {
    let url = format!("http://{admin}/stats?filter=^cluster.edge_cache.membership_healthy$");
    let deadline = Instant::now() + EDGE_CACHE_SEEN;
    while Instant::now() < deadline {
        let stats = async { client.get(&url).send().await?.text().await }.await;
        if stats.is_ok_and(|stats| stats.trim_end().ends_with(": 1")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn start_envoy(
    options: &Options,
    name: &'static str,
    bootstrap: &Path,
    settings: &Settings,
    run_dir: &RunDir,
) -> Result<StackProcess> {
    let bootstrap = bootstrap.display().to_string();
    let workers = options.envoy_workers.to_string();
    // Several Envoys share this machine, and tests read log lines immediately.
    let arguments = [
        ["--config-path", &bootstrap],
        ["--concurrency", &workers],
        ["--file-flush-interval-msec", "50"],
        ["--log-level", "info"],
    ];
    let arguments = [&["--disable-hot-restart"], arguments.as_flattened()].concat();
    StackProcess::start(run_dir, name, &options.programs.envoy, &arguments, settings.of_envoy())
}

/// Writes an Envoy's configuration and returns its path. What it names of certificates is written beside it.
fn write_bootstrap(
    options: &Options,
    environment: Environment,
    run_dir: &RunDir,
    name: &str,
) -> Result<PathBuf> {
    let control_plane = &options.programs.control_plane;
    let file = run_dir.path().join(format!("{name}.yaml"));
    let mut command = Command::new(control_plane);
    command.args(["envoy-bootstrap", "--profile", "local", "--output"]).arg(&file);
    command.env_clear().envs(environment);
    let output = command.output().with_context(|| format!("{} does not start", control_plane.display()))?;
    if !output.status.success() {
        bail!("control-plane envoy-bootstrap fails: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let bootstrap = with_first(&fs::read_to_string(&file)?, ROUTES, &options.extra_routes)?;
    write_private(&file, &with_first(&bootstrap, CLUSTERS, &options.extra_clusters)?)?;
    Ok(file)
}

/// The lists in a bootstrap that can be extended: how each begins, and how its entries are indented.
const ROUTES: (&str, &str) = ("\n                      routes:\n", "                        ");
const CLUSTERS: (&str, &str) = ("\n  clusters:\n", "    ");

/// Inserts entries at the beginning of a list. JSON on one line is valid YAML.
fn with_first(bootstrap: &str, (list, indent): (&str, &str), entries: &[String]) -> Result<String> {
    if entries.is_empty() {
        return Ok(bootstrap.to_owned());
    }
    let (head, tail) = bootstrap.split_once(list).context("the bootstrap lacks one of its lists")?;
    let entries: String = entries.iter().map(|entry| format!("{indent}- {entry}\n")).collect();
    Ok([head, list, &entries, tail].concat())
}

fn first_client_key(settings: &Settings) -> Result<&str> {
    let first = settings.get("GATEWAY_CLIENTS").and_then(|clients| clients.split(',').next());
    let key = first.and_then(|client| client.split_once(':')).map(|(_, key)| key);
    key.context("GATEWAY_CLIENTS names no client; write `name:key,name:key`")
}
