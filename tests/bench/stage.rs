//! The gateway that is measured: a whole stack with one worker of Envoy, and beside its routes one that leads
//! past the filter.

use std::fs;
use std::net::SocketAddr;

use local_stack::{DEMO_KEY, Options, Stack};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_services::RedisServer;

use crate::cpu;

/// Proxied like any other request, but unseen by filter and client keys, to the control plane's cheapest endpoint.
pub(crate) const PLAIN: &str = "/bench/plain";

pub(crate) struct Stage {
    pub(crate) stack: Stack,
    /// Each process by its name in the tables.
    processes: Vec<(&'static str, u32)>,
    _redis: Option<RedisServer>,
    _run_dir: TempDir,
}

impl Stage {
    pub(crate) async fn set(settings: &[(&str, &str)], redis: Option<RedisServer>) -> Self {
        let run_dir =
            tempfile::Builder::new().prefix("gateway-bench-").tempdir().expect("a temporary folder");
        let mut options = Options::for_test(run_dir.path()).expect("everything is built");
        // More than this machine can send.
        options = options.with("GATEWAY_REQUESTS_PER_SECOND", "1000000").with("LOG_LEVEL", "warn");
        for (name, value) in settings {
            options = options.with(name, *value);
        }
        if let Some(redis) = &redis {
            options = options.with("REDIS_URI", redis.uri());
        }
        options.extra_routes = vec![plain_route().to_string()];
        let stack = Stack::start(options).await.unwrap_or_else(|error| panic!("{error:#}"));

        let mut processes = vec![("load", std::process::id())];
        for (name, part) in
            [("Envoy", "envoy"), ("control plane", "control-plane"), ("edge cache", "edge-cache")]
        {
            let pid = fs::read_to_string(stack.run_dir().path().join(format!("{part}.pid")));
            processes.extend(pid.ok().and_then(|pid| Some((name, pid.trim().parse().ok()?))));
        }
        if let Some(redis) = &redis {
            let info: String = redis.run(&["INFO", "server"]).await;
            let pid = info.lines().find_map(|line| line.strip_prefix("process_id:"));
            processes.extend(pid.and_then(|pid| Some(("Redis", pid.trim().parse().ok()?))));
        }
        Self { stack, processes, _redis: redis, _run_dir: run_dir }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.stack.gateway_url().trim_start_matches("http://").parse().expect("an address")
    }

    /// What a client sends with every charge.
    pub(crate) fn client_headers(key: &str) -> Vec<(&'static str, String)> {
        vec![
            ("authorization", format!("Bearer {DEMO_KEY}")),
            ("content-type", "application/json".to_owned()),
            ("idempotency-key", key.to_owned()),
        ]
    }

    /// Processor seconds that each process has used so far.
    pub(crate) fn cpu_seconds(&self) -> Vec<(&'static str, f64)> {
        let known = self.processes.iter().filter_map(|(name, pid)| Some((*name, cpu::seconds(*pid)?)));
        known.collect()
    }
}

fn plain_route() -> Value {
    let off = json!({
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
        "disabled": true,
    });
    json!({
        "name": "bench_plain",
        "match": { "path": PLAIN },
        "route": { "cluster": "control_plane", "prefix_rewrite": "/healthz", "timeout": "35s" },
        "typed_per_filter_config": { "envoy.filters.http.api_key_auth": off, "gateway.edge": off },
    })
}
