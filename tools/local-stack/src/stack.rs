//! A whole gateway: started in order, checked end to end, stopped in order.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use reqwest::{Client, ClientBuilder};

use crate::{
    Addresses, Edge, Options, RunDir, envoy,
    health::{self, probe},
    part::StackProcess,
    run_dir::{RunDirLock, write_private},
    settings::Settings,
};

/// How long in-flight payments may take to finish once the gateway accepts no new ones; slightly more than a provider's
/// slowest response.
const DRAIN: Duration = Duration::from_secs(40);
const STOP: Duration = Duration::from_secs(10);

/// A running gateway. Dropping it kills it; [`Stack::stop`] lets in-flight payments finish first.
///
/// It is not tied to a runtime, so the tests of one binary can share it in a static.
#[derive(Debug)]
pub struct Stack {
    options: Options,
    addresses: Addresses,
    settings: Settings,
    run_dir: RunDir,
    // Dropped in this order: no part outlives the one that it calls.
    envoy: StackProcess,
    control_plane: StackProcess,
    /// A separate process with Redis; otherwise part of the control plane.
    edge_cache: Option<StackProcess>,
    /// Only with RabbitMQ.
    worker: Option<StackProcess>,
    sandbox: StackProcess,
    lock: RunDirLock,
}

impl Stack {
    /// Starts every part and returns when a client's request has been answered through all of them.
    pub async fn start(options: Options) -> Result<Self> {
        let run_dir = RunDir::open(&options.run_dir)?;
        let lock = run_dir.lock()?;
        let mut attempts = if options.addresses.has_free() { 3 } else { 1 };
        loop {
            let addresses = options.addresses.choose_ports()?;
            let settings = Settings::new(&options, addresses, &run_dir)?;
            write_private(&run_dir.env_file(), &settings.lines())?;
            match Parts::start(&options, addresses, &settings, &run_dir).await {
                Ok(Parts { envoy, control_plane, edge_cache, worker, sandbox }) => {
                    return Ok(Self {
                        options,
                        addresses,
                        settings,
                        run_dir,
                        envoy,
                        control_plane,
                        edge_cache,
                        worker,
                        sandbox,
                        lock,
                    });
                }
                Err(error) if attempts > 1 && Addresses::is_port_conflict(&error) => attempts -= 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The URL for clients.
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

    /// Envoy's listener for scrapers.
    pub fn stats_url(&self) -> String {
        format!("http://{}", self.addresses.envoy_stats)
    }

    /// The control plane's own port, bypassing the edge; for a client that [`Self::client`] prepared.
    pub fn control_plane_url(&self) -> String {
        self.settings.url(self.addresses.control_plane)
    }

    /// Prepares a client for the parts' own ports: with a certificate where they ask for one.
    pub fn client(&self, client: ClientBuilder) -> Result<ClientBuilder> {
        self.settings.client(client)
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

    /// A part that has ended unexpectedly, with the end of its log.
    pub fn ended(&mut self) -> Option<String> {
        self.parts().find_map(StackProcess::ended)
    }

    /// If this part has ended: how, and the end of its log. Parts are named like their logs: `envoy`, `control-plane`,
    /// `edge-cache`, `worker`, `sandbox`.
    pub fn end_of(&mut self, part: &str) -> Option<String> {
        self.parts().find(|one| one.name() == part)?.ended()
    }

    /// Restarts a part with the same command after it has ended or been killed, with `besides` added to its
    /// environment. Does not wait until it is ready.
    pub fn start_again(&mut self, part: &str, besides: &[(&str, &str)]) -> Result<()> {
        let found = self.parts().find(|one| one.name() == part);
        found.with_context(|| format!("this stack has no {part}"))?.start_again(besides)
    }

    fn parts(&mut self) -> impl Iterator<Item = &mut StackProcess> {
        let always = [&mut self.envoy, &mut self.control_plane, &mut self.sandbox];
        always.into_iter().chain(self.edge_cache.as_mut()).chain(self.worker.as_mut())
    }

    /// Restarts the control plane after it has ended or been killed, and returns when it is ready.
    pub async fn restart_control_plane(&mut self) -> Result<()> {
        self.control_plane.start_again(&[])?;
        control_plane_ready(
            &mut self.control_plane,
            self.addresses,
            &self.settings,
            self.options.start_within,
        )
        .await
    }

    /// A second Envoy in front of the same control plane and edge cache, on free ports.
    pub async fn second_edge(&self) -> Result<Edge> {
        Edge::start(&self.options, &self.settings, &self.run_dir).await
    }

    /// Marks the stack as ready in its run directory, with this announcement.
    pub fn announce(&self, announcement: &str) -> Result<()> {
        self.lock.mark_ready(announcement)
    }

    /// Stops in order: first the edge, so that no new requests come in, then the parts behind it.
    pub async fn stop(self) {
        self.lock.mark_stopping();
        drain(&self.admin_url()).await;
        self.envoy.stop(STOP).await;
        // By default the control plane gives in-flight payments 30 s.
        self.control_plane.stop(DRAIN).await;
        if let Some(worker) = self.worker {
            worker.stop(DRAIN).await;
        }
        if let Some(edge_cache) = self.edge_cache {
            edge_cache.stop(STOP).await;
        }
        self.sandbox.stop(STOP).await;
    }
}

struct Parts {
    envoy: StackProcess,
    control_plane: StackProcess,
    edge_cache: Option<StackProcess>,
    worker: Option<StackProcess>,
    sandbox: StackProcess,
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
            StackProcess::start(run_dir, "sandbox", &programs.sandbox, &["serve"], settings.of_sandbox())?;
        let url = format!("http://{}/_sandbox/requests?summary=1", addresses.sandbox);
        sandbox.ready(deadline, async || probe(client.get(&url)).await).await?;

        let environment = settings.of_control_plane();
        let mut control_plane =
            StackProcess::start(run_dir, "control-plane", &programs.control_plane, &["serve"], environment)?;
        control_plane_ready(&mut control_plane, addresses, settings, options.start_within).await?;

        let edge_cache = match settings.has_redis() {
            true => Some(start_edge_cache(options, addresses, settings, run_dir).await?),
            false => None,
        };
        let worker = match settings.has_worker() {
            true => Some(start_worker(options, addresses, settings, run_dir).await?),
            false => None,
        };
        let envoy = envoy::start(options, addresses, settings, run_dir).await?;

        Ok(Self { envoy, control_plane, edge_cache, worker, sandbox })
    }
}

async fn control_plane_ready(
    part: &mut StackProcess,
    addresses: Addresses,
    settings: &Settings,
    within: Duration,
) -> Result<()> {
    let client = health::client_inside(settings)?;
    let url = format!("{}/readyz", settings.url(addresses.control_plane));
    part.ready(Instant::now() + within, async || probe(client.get(&url)).await).await
}

async fn start_edge_cache(
    options: &Options,
    addresses: Addresses,
    settings: &Settings,
    run_dir: &RunDir,
) -> Result<StackProcess> {
    let program = &options.programs.control_plane;
    let mut part =
        StackProcess::start(run_dir, "edge-cache", program, &["edge-cache"], settings.of_edge_cache())?;
    let client = health::client_inside(settings)?;
    // Its Redis may be unavailable, which it then reports itself.
    let url = format!("{}/healthz", settings.url(addresses.edge_cache));
    part.ready(Instant::now() + options.start_within, async || probe(client.get(&url)).await).await?;
    Ok(part)
}

async fn start_worker(
    options: &Options,
    addresses: Addresses,
    settings: &Settings,
    run_dir: &RunDir,
) -> Result<StackProcess> {
    let program = &options.programs.control_plane;
    let mut part = StackProcess::start(run_dir, "worker", program, &["worker"], settings.of_worker())?;
    let client = health::client_inside(settings)?;
    let url = format!("{}/readyz", settings.url(addresses.worker));
    part.ready(Instant::now() + options.start_within, async || probe(client.get(&url)).await).await?;
    Ok(part)
}

/// Closes Envoy's listeners and waits for the requests in flight.
async fn drain(admin_url: &str) {
    let Ok(client) = health::client() else { return };
    // The first announces the end on open connections; the second stops accepting new ones.
    for order in ["healthcheck/fail", "drain_listeners"] {
        let _ = client.post(format!("{admin_url}/{order}")).send().await;
    }
    let deadline = Instant::now() + DRAIN;
    // Twice in a row: Envoy reads its numbers one after the other, and a stream may begin in between.
    let mut empty = 0;
    while Instant::now() < deadline && empty < 2 {
        match requests_inside(&client, admin_url).await {
            Some(0) => empty += 1,
            Some(_) => empty = 0,
            None => return,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many client requests Envoy is serving; `None` if it is gone.
async fn requests_inside(client: &Client, admin_url: &str) -> Option<u64> {
    let url = format!("{admin_url}/stats?filter=stream_rq_active");
    let stats = client.get(url).send().await.ok()?.text().await.ok()?;
    Some(waited_for(&stats))
}

/// The requests in Envoy's numbers that end by themselves, as `run-envoy.sh` counts them: streams of events do not.
fn waited_for(stats: &str) -> u64 {
    // The request for the numbers counts too, at the admin interface, and so may a scraper's.
    let of_clients = |name: &str| {
        let is_own = ["http.admin.", "http.stats."].iter().any(|own| name.starts_with(own));
        name.starts_with("http.") && name.ends_with(".downstream_rq_active") && !is_own
    };
    let sum_of = |counts: &dyn Fn(&str) -> bool| -> u64 {
        let lines = stats.lines().filter_map(|line| line.rsplit_once(": "));
        lines.filter(|(name, _)| counts(name)).filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
    };
    sum_of(&of_clients)
        .saturating_sub(sum_of(&|name: &str| name == "cluster.event_streams.upstream_rq_active"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_events_are_not_waited_for() {
        let stats = |clients: u64, streams: u64| {
            format!(
                "cluster.control_plane.upstream_rq_active: 1\ncluster.event_streams.upstream_rq_active: {streams}\n\
                 http.admin.downstream_rq_active: 1\nhttp.gateway.downstream_rq_active: {clients}\n\
                 http.gateway_tls.downstream_rq_active: 1\nhttp.stats.downstream_rq_active: 5\n"
            )
        };
        assert_eq!(waited_for(&stats(3, 4)), 0);
        assert_eq!(waited_for(&stats(3, 1)), 3);
        assert_eq!(waited_for(&stats(0, 2)), 0, "read one after the other");
        assert_eq!(waited_for(""), 0);
    }
}
