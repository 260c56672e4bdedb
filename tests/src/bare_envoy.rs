//! An Envoy by itself, with a configuration of the test's own.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use local_stack::Programs;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_services::free_port;

/// How long a start may take: it compiles the filter.
const START: Duration = Duration::from_secs(30);

/// One listener on a free port of this machine, with one connection manager. Ends with the test.
#[derive(Debug)]
pub struct BareEnvoy {
    envoy: Child,
    address: SocketAddr,
    pub http: Client,
    _folder: TempDir,
}

impl BareEnvoy {
    /// Starts it with a connection manager (its `typed_config`), clusters, and these variables.
    ///
    /// # Panics
    /// If Envoy does not accept that, or does not listen in time; its log says why.
    pub async fn start(manager: &Value, clusters: &[Value], variables: &[(&str, &str)]) -> Self {
        let port = free_port();
        let socket = |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
        let manager =
            json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
        let chain = json!({ "filters": [manager] });
        let listener = json!({ "name": "bare", "address": socket(port), "filter_chains": [chain] });
        let bootstrap = json!({
            "node": { "id": "bare", "cluster": "bare" },
            "admin": { "address": socket(0) },
            "static_resources": { "listeners": [listener], "clusters": clusters },
        });
        let folder = tempfile::tempdir().unwrap();
        let [file, log] = ["envoy.json", "envoy.log"].map(|name| folder.path().join(name));
        fs::write(&file, bootstrap.to_string()).unwrap();
        let mut envoy = Command::new(Programs::of_this_build().unwrap().envoy);
        envoy.args(["--disable-hot-restart", "--concurrency", "1", "--config-path"]).arg(file);
        envoy.arg("--log-path").arg(&log).stdout(Stdio::null()).stderr(Stdio::null());
        envoy
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .envs(variables.iter().copied());
        let http = Client::builder().no_proxy().timeout(START).build().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut this = Self { envoy: envoy.spawn().unwrap(), address, http, _folder: folder };
        let deadline = Instant::now() + START;
        while this.http.get(this.url("/")).send().await.is_err() {
            let ended = this.envoy.try_wait().unwrap();
            let log = || fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}: {}", log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        this
    }

    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for BareEnvoy {
    fn drop(&mut self) {
        let _ = self.envoy.kill();
        let _ = self.envoy.wait();
    }
}
