//! The measured gateway: a whole stack with one Envoy worker, and an additional route that bypasses the filter.

use std::fs;
use std::net::SocketAddr;

use local_stack::{DEMO_KEY, Options, Stack};
use serde_json::{Value, json};
use test_services::{PostgresServer, RedisServer, ScratchFolder};

use crate::{cpu, sink};

/// Proxied like any other request, but bypassing the filter and client keys, to a server that does nothing.
pub(crate) const PLAIN: &str = "/bench/plain";
const SINK: &str = "bench_sink";

pub(crate) struct BenchStack {
    pub(crate) stack: Stack,
    /// The processes by their names in the tables.
    processes: Vec<(&'static str, u32)>,
    postgres: Option<u32>,
    _redis: Option<RedisServer>,
    _run_dir: ScratchFolder,
}

impl BenchStack {
    pub(crate) async fn set(settings: &[(&str, &str)], redis: Option<RedisServer>) -> Self {
        Self::ending_at(&[], settings, redis).await
    }

    /// Requests to `paths` that pass the filter go to the same sink as the plain requests, not to a database.
    pub(crate) async fn ending_at(
        paths: &[&str],
        settings: &[(&str, &str)],
        redis: Option<RedisServer>,
    ) -> Self {
        let run_dir = ScratchFolder::new("gateway-bench-");
        let mut options = Options::for_test(run_dir.path()).expect("everything is built");
        options = options.with("LOG_LEVEL", "warn");
        // Independent of whether the providers' contracts are beside the repository: this folder has none.
        options = options.with("GATEWAY_SHARED", run_dir.path().display().to_string());
        for (name, value) in settings {
            options = options.with(name, *value);
        }
        if let Some(redis) = &redis {
            options = options.with("REDIS_URI", redis.uri());
        }
        let sink = sink::start();
        options.extra_clusters = vec![sink_cluster(sink).to_string()];
        let to_sink = paths.iter().map(|path| route(path, &[]));
        let routes = [plain_route(), webhook_route()].into_iter().chain(to_sink);
        options.extra_routes = routes.map(|route| route.to_string()).collect();
        let stack = Stack::start(options).await.unwrap_or_else(|error| panic!("{error:#}"));

        let mut processes = vec![("load", std::process::id())];
        for (name, part) in [
            ("Envoy", "envoy"),
            ("control plane", "control-plane"),
            ("edge cache", "edge-cache"),
            ("sandbox", "sandbox"),
        ] {
            let pid = fs::read_to_string(stack.run_dir().path().join(format!("{part}.pid")));
            processes.extend(pid.ok().and_then(|pid| Some((name, pid.trim().parse().ok()?))));
        }
        if let Some(redis) = &redis {
            let info: String = redis.run(&["INFO", "server"]).await;
            let pid = info.lines().find_map(|line| line.strip_prefix("process_id:"));
            processes.extend(pid.and_then(|pid| Some(("Redis", pid.trim().parse().ok()?))));
        }
        Self { stack, processes, postgres: None, _redis: redis, _run_dir: run_dir }
    }

    /// Also measures PostgreSQL's CPU time.
    pub(crate) fn on(self, postgres: &PostgresServer) -> Self {
        Self { postgres: Some(postgres.pid()), ..self }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.stack.gateway_url().trim_start_matches("http://").parse().expect("an address")
    }

    /// The headers of every charge.
    pub(crate) fn client_headers(key: &str) -> Vec<(&'static str, String)> {
        vec![
            ("authorization", format!("Bearer {DEMO_KEY}")),
            ("content-type", "application/json".to_owned()),
            ("idempotency-key", key.to_owned()),
        ]
    }

    /// CPU seconds used so far by each process.
    pub(crate) fn cpu_seconds(&self) -> Vec<(&'static str, f64)> {
        let known = self.processes.iter().filter_map(|(name, pid)| Some((*name, cpu::seconds(*pid)?)));
        let postgres = self.postgres.and_then(cpu::seconds_of_family).map(|seconds| ("PostgreSQL", seconds));
        known.chain(postgres).collect()
    }
}

/// Bypasses the filter and the client keys.
fn plain_route() -> Value {
    route(PLAIN, &["envoy.filters.http.api_key_auth", "client_limit", "gateway.edge"])
}

/// Webhooks that pass the filter go to the same sink as the plain requests, not to a database.
fn webhook_route() -> Value {
    route("/webhooks/stripe", &["envoy.filters.http.api_key_auth", "client_limit"])
}

fn route(path: &str, filters_off: &[&str]) -> Value {
    let off = json!({
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
        "disabled": true,
    });
    let off: serde_json::Map<_, _> =
        filters_off.iter().map(|name| ((*name).to_owned(), off.clone())).collect();
    json!({
        "name": format!("bench_{}", path.rsplit('/').next().unwrap_or_default()),
        "match": { "path": path },
        "route": { "cluster": SINK, "timeout": "35s" },
        "request_body_buffer_limit": 524_288,
        "typed_per_filter_config": off,
    })
}

/// Like the control plane's cluster, as far as it affects speed.
fn sink_cluster(address: SocketAddr) -> Value {
    let endpoint = json!({ "address": {
        "socket_address": { "address": address.ip().to_string(), "port_value": address.port() },
    } });
    json!({
        "name": SINK,
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": 32_768,
        "load_assignment": { "cluster_name": SINK, "endpoints": [{ "lb_endpoints": [{ "endpoint": endpoint }] }] },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {
                    "max_concurrent_streams": 200,
                    "initial_stream_window_size": 65_536,
                    "initial_connection_window_size": 1_048_576,
                } },
            },
        },
        "circuit_breakers": { "thresholds": [{ "max_requests": 4_096, "max_pending_requests": 1_024 }] },
    })
}
