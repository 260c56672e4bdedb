//! A whole gateway: started in order, checked from end to end, stopped in order.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use reqwest::Client;

use crate::{
    Addresses, Options, RunDir,
    health::{self, probe},
    part::Part,
    run_dir::{Claim, write_private},
    settings::Settings,
};

/// How long payments under way may take to end once the gateway accepts no new ones; a provider's slowest
/// answer is a little quicker.
const DRAIN: Duration = Duration::from_secs(40);
const STOP: Duration = Duration::from_secs(10);

/// A running gateway. Dropping it kills it; [`Stack::stop`] lets payments under way end first.
///
/// It belongs to no runtime, so that the tests of one binary may share it in a static.
#[derive(Debug)]
pub struct Stack {
    addresses: Addresses,
    settings: Settings,
    run_dir: RunDir,
    // Dropped in this order: no part loses the one that it calls.
    envoy: Part,
    control_plane: Part,
    sandbox: Part,
    claim: Claim,
}

impl Stack {
    /// Starts every part and returns when a client's call has been answered through all of them.
    pub async fn start(options: Options) -> Result<Self> {
        let run_dir = RunDir::open(&options.run_dir)?;
        let claim = run_dir.claim()?;
        let mut attempts = if options.addresses.has_free() { 3 } else { 1 };
        loop {
            let addresses = options.addresses.settle()?;
            let settings = Settings::new(&options, addresses, &run_dir)?;
            write_private(&run_dir.env_file(), &settings.lines())?;
            match Parts::start(&options, addresses, &settings, &run_dir).await {
                Ok(Parts { envoy, control_plane, sandbox }) => {
                    return Ok(Self { addresses, settings, run_dir, envoy, control_plane, sandbox, claim });
                }
                // Somebody took one of the free ports before the part did.
                Err(error) if attempts > 1 && format!("{error:#}").contains("ddress already in use") => {
                    attempts -= 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where clients call.
    pub fn gateway_url(&self) -> String {
        format!("http://{}", self.addresses.gateway)
    }

    /// The same with TLS 1.3; the certificate is `TLS_CERTIFICATE` of the settings.
    pub fn gateway_tls_url(&self) -> String {
        format!("https://{}", self.addresses.gateway_tls)
    }

    /// Envoy's admin interface.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.addresses.envoy_admin)
    }

    /// The control plane's own port, past the edge.
    pub fn control_plane_url(&self) -> String {
        format!("http://{}", self.addresses.control_plane)
    }

    pub fn sandbox_url(&self) -> String {
        format!("http://{}", self.addresses.sandbox)
    }

    pub fn run_dir(&self) -> &RunDir {
        &self.run_dir
    }

    /// A setting of this stack by its variable's name, as in `.run/env`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name)
    }

    /// The part that has ended by itself, if any, and the end of its log.
    pub fn ended(&mut self) -> Option<String> {
        [&mut self.envoy, &mut self.control_plane, &mut self.sandbox].into_iter().find_map(Part::ended)
    }

    /// Tells whoever asks for this run directory that the stack is ready, in the words of `announcement`.
    pub fn announce(&self, announcement: &str) -> Result<()> {
        self.claim.mark_ready(announcement)
    }

    /// Stops in order: the edge first, so that nothing new comes in, then what it calls.
    pub async fn stop(self) {
        self.claim.mark_stopping();
        drain(&self.admin_url()).await;
        self.envoy.stop(STOP).await;
        // By its own default the control plane gives payments under way 30 s.
        self.control_plane.stop(DRAIN).await;
        self.sandbox.stop(STOP).await;
    }
}

struct Parts {
    envoy: Part,
    control_plane: Part,
    sandbox: Part,
}

impl Parts {
    async fn start(
        options: &Options,
        addresses: Addresses,
        settings: &Settings,
        run_dir: &RunDir,
    ) -> Result<Self> {
        let deadline = Instant::now() + options.start_within;
        let client = health::client()?;
        let programs = &options.programs;

        let mut sandbox =
            Part::start(run_dir, "sandbox", &programs.sandbox, &["serve"], settings.of_sandbox())?;
        let url = format!("http://{}/_sandbox/requests?summary=1", addresses.sandbox);
        sandbox.ready(deadline, async || probe(client.get(&url)).await).await?;

        let environment = settings.of_control_plane();
        let mut control_plane =
            Part::start(run_dir, "control-plane", &programs.control_plane, &["serve"], environment)?;
        let url = format!("http://{}/readyz", addresses.control_plane);
        control_plane.ready(deadline, async || probe(client.get(&url)).await).await?;

        let mut envoy = start_envoy(options, settings, run_dir)?;
        let url = format!("http://{}/ready", addresses.envoy_admin);
        envoy.ready(deadline, async || probe(client.get(&url)).await).await?;
        let key = first_client_key(settings)?;
        let url = format!("http://{}/payments?limit=1", addresses.gateway);
        envoy.ready(deadline, async || probe(client.get(&url).bearer_auth(key)).await).await?;

        Ok(Self { envoy, control_plane, sandbox })
    }
}

fn start_envoy(options: &Options, settings: &Settings, run_dir: &RunDir) -> Result<Part> {
    let bootstrap = run_dir.path().join("envoy.yaml");
    write_private(&bootstrap, &render_bootstrap(&options.programs.control_plane, settings)?)?;
    let bootstrap = bootstrap.display().to_string();
    let workers = options.envoy_workers.to_string();
    // Several Envoys share this machine, and a test reads what was logged a moment ago.
    let arguments = [
        ["--config-path", &bootstrap],
        ["--concurrency", &workers],
        ["--file-flush-interval-msec", "50"],
        ["--log-level", "info"],
    ];
    let arguments = [&["--use-dynamic-base-id"], arguments.as_flattened()].concat();
    Part::start(run_dir, "envoy", &options.programs.envoy, &arguments, settings.of_envoy())
}

fn render_bootstrap(control_plane: &Path, settings: &Settings) -> Result<String> {
    let mut command = Command::new(control_plane);
    command.args(["envoy-bootstrap", "--profile", "local"]).env_clear().envs(settings.of_control_plane());
    let output = command.output().with_context(|| format!("{} does not start", control_plane.display()))?;
    if !output.status.success() {
        bail!("control-plane envoy-bootstrap fails: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn first_client_key(settings: &Settings) -> Result<&str> {
    let first = settings.get("GATEWAY_CLIENTS").and_then(|clients| clients.split(',').next());
    let key = first.and_then(|client| client.split_once(':')).map(|(_, key)| key);
    key.context("GATEWAY_CLIENTS names no client; write `name:key,name:key`")
}

/// Closes Envoy's doors and waits for the requests that are inside.
async fn drain(admin_url: &str) {
    let Ok(client) = health::client() else { return };
    // The first makes it say goodbye on connections that are open, the second accepts no more.
    for order in ["healthcheck/fail", "drain_listeners"] {
        let _ = client.post(format!("{admin_url}/{order}")).send().await;
    }
    let deadline = Instant::now() + DRAIN;
    while Instant::now() < deadline
        && requests_inside(&client, admin_url).await.is_some_and(|inside| inside > 0)
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many requests of clients Envoy is serving; `None` if it is gone.
async fn requests_inside(client: &Client, admin_url: &str) -> Option<u64> {
    let url = format!("{admin_url}/stats?filter=downstream_rq_active");
    let stats = client.get(url).send().await.ok()?.text().await.ok()?;
    // Our own question is inside too, at the admin interface.
    let listeners =
        stats.lines().filter(|line| line.starts_with("http.") && !line.starts_with("http.admin."));
    Some(listeners.filter_map(|line| line.rsplit_once(": ")?.1.parse::<u64>().ok()).sum())
}
