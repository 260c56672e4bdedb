//! The filter is replaced while Envoy serves: it has a configuration file of its own (`EDGE_FILTER_CONFIG`).
//!
//! Uses another build of the filter, with crash points: `make crashing-filter`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_tests::{BareEnvoy, Gateway, HttpResponse, OwnGateway, fresh_key, until, without_webhooks};
use local_stack::{DEMO_KEY, Programs, Stack};
use reqwest::Client;
use serde_json::{Value, json};
use test_services::ScratchFolder;
use tokio::task::JoinHandle;

use crate::filter_crash::crashing_filter;

const CLIENTS: usize = 4;
/// Between two charges of a client.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a filter serves requests before the next one is put in its place.
const STEADY: Duration = Duration::from_secs(2);

fn charge() -> Value {
    json!({ "provider": "stripe", "amount": 540, "currency": "USD", "paymentMethodId": "pm_card_visa" })
}

/// Charges under load: each client makes one after the other.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<(usize, Vec<String>)>>,
}

impl Load {
    fn start(stack: &Stack) -> Self {
        let (stop, url) =
            (Arc::new(AtomicBool::new(false)), format!("{}/payments/charge", stack.gateway_url()));
        let clients = (0..CLIENTS).map(|_| tokio::spawn(charges(url.clone(), stop.clone()))).collect();
        Self { stop, clients }
    }

    /// The number of charges, and the responses that were none.
    async fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        let (mut charged, mut failed) = (0, Vec::new());
        for client in self.clients {
            let (of_client, failed_of_client) = client.await.unwrap();
            charged += of_client;
            failed.extend(failed_of_client);
        }
        (charged, failed)
    }
}

async fn charges(url: String, stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let client = Client::builder().no_proxy().build().unwrap();
    let (mut charged, mut failed) = (0, Vec::new());
    while !stop.load(Ordering::SeqCst) {
        let request = client.post(&url).bearer_auth(DEMO_KEY).header("idempotency-key", fresh_key());
        match request.json(&charge()).send().await {
            Ok(response) if response.status() == 200 => charged += 1,
            Ok(response) => {
                failed.push(format!("{} {}", response.status(), response.text().await.unwrap_or_default()));
            }
            Err(error) => failed.push(format!("{error:?}")),
        }
        tokio::time::sleep(PAUSE).await;
    }
    (charged, failed)
}

/// The configuration that operators would render: the bootstrap, which it returns, and the filter's own file.
fn render(stack: &Stack, folder: &Path, config: &Path, filter: &Path) -> PathBuf {
    let bootstrap = folder.join("bootstrap/envoy.yaml");
    fs::create_dir_all(bootstrap.parent().unwrap()).unwrap();
    let mut command = Command::new(Programs::of_this_build().unwrap().control_plane);
    command.arg("--config").arg(stack.run_dir().env_file());
    command.args(["envoy-bootstrap", "--profile", "local", "--output"]).arg(&bootstrap);
    command.env("EDGE_FILTER_CONFIG", config).env("EDGE_FILTER_WASM", filter);
    command.env("ENVOY_ACCESS_LOG", folder.join("access"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    bootstrap
}

/// Half of a filter.
fn corrupt_filter(folder: &Path) -> PathBuf {
    let filter = fs::read(Programs::of_this_build().unwrap().filter).unwrap();
    let corrupt = folder.join("corrupt.wasm");
    fs::write(&corrupt, &filter[..filter.len() / 2]).unwrap();
    corrupt
}

async fn updates(gateway: &Gateway<'_>, stat: &str) -> u64 {
    gateway.envoy_count(&format!("extension_config_discovery.http_filter.gateway.edge.{stat}")).await
}

async fn until_more(gateway: &Gateway<'_>, stat: &str, before: u64) {
    until(stat, async || (updates(gateway, stat).await > before).then_some(())).await;
}

/// Which only a build with crash points dies of.
async fn deadly_charge(gateway: &Gateway<'_>) -> HttpResponse {
    let charge = gateway.raw_charge().header("x-crash-at", "head").body(charge().to_string());
    gateway.send_raw(&charge).await
}

#[tokio::test]
async fn the_filter_is_replaced_under_load_without_a_failed_charge() {
    let folder = ScratchFolder::new("filter-");
    let config = folder.path().join("filter.yaml");
    let own = OwnGateway::start(&[
        ("EDGE_FILTER_CONFIG", config.to_str().unwrap()),
        ("SANDBOX_STRIPE_WEBHOOK_URL", ""),
        ("SANDBOX_PAYPAL_WEBHOOK_URL", ""),
    ])
    .await;
    let (gateway, stack) = (own.gateway(), &own.stack);
    let put = |filter: &Path| render(stack, folder.path(), &config, filter);
    let key = fresh_key();
    let first = gateway.charge_under(&key, &charge()).await;
    first.succeeds(200, &json!({ "status": "completed" }));

    let load = Load::start(stack);
    tokio::time::sleep(STEADY).await;
    let reloads = updates(&gateway, "config_reload").await;
    put(&crashing_filter());
    until_more(&gateway, "config_reload", reloads).await;
    assert_eq!(updates(&gateway, "config_fail").await, 0);
    tokio::time::sleep(STEADY).await;

    put(&corrupt_filter(folder.path()));
    until_more(&gateway, "update_rejected", 0).await;
    assert_eq!(updates(&gateway, "config_fail").await, 1);
    tokio::time::sleep(STEADY).await;
    let broken = folder.path().join("broken");
    fs::write(&broken, "resources: [").unwrap();
    fs::rename(&broken, &config).unwrap();
    until_more(&gateway, "config_fail", 1).await;
    tokio::time::sleep(STEADY).await;

    let (charged, failed) = load.end().await;
    assert_eq!(failed, Vec::<String>::new(), "of {charged}");
    assert!(charged > 100, "{charged}");
    let ledger = format!("{}/_sandbox/ledger?summary=1&kind=charge", stack.sandbox_url());
    let summary = HttpResponse::of(gateway.http.get(ledger)).await.json();
    assert_eq!(summary["total"], charged + 1, "each once: {summary}");
    let asked = gateway.control_plane_charges().await;
    let again = gateway.charge_under(&key, &charge()).await;
    assert_eq!((again.status, again.text()), (200, first.text()));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(gateway.control_plane_charges().await, asked, "by the edge cache");

    // The second filter is in force, in spite of what came after it, and gives way to a third.
    deadly_charge(&gateway).await.refuses(503, "GATEWAY_UNAVAILABLE");
    until("its return", async || (gateway.charge(&charge()).await.status == 200).then_some(())).await;
    assert_eq!(gateway.filter_reloads().await, 1);
    let reloads = updates(&gateway, "config_reload").await;
    put(&Programs::of_this_build().unwrap().filter);
    until_more(&gateway, "config_reload", reloads).await;
    deadly_charge(&gateway).await.succeeds(200, &json!({ "status": "completed" }));
}

#[tokio::test]
async fn an_envoy_that_has_no_usable_filter_yet_lets_nothing_through() {
    let gateway = without_webhooks().await;
    let (stack, folder) = (gateway.stack(), ScratchFolder::new("filter-"));
    let config = folder.path().join("filter.yaml");
    let bootstrap = render(stack, folder.path(), &config, &corrupt_filter(folder.path()));
    let bootstrap: Value = serde_yaml_ng::from_str(&fs::read_to_string(bootstrap).unwrap()).unwrap();
    let manager = bootstrap
        .pointer("/static_resources/listeners/0/filter_chains/0/filters/1/typed_config")
        .expect("the bootstrap has a connection manager");
    let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
    let secrets = ["EDGE_ATTESTATION_KEYS", "STRIPE_WEBHOOK_SECRETS"];
    let secrets = secrets.map(|name| (name, stack.setting(name).unwrap()));
    let envoy = BareEnvoy::start(manager, clusters, &secrets).await;

    let list = async || {
        let request = envoy.http.get(envoy.url("/payments?limit=1")).bearer_auth(DEMO_KEY);
        HttpResponse::of(request).await
    };
    list().await.refuses(503, "GATEWAY_UNAVAILABLE");
    let webhook = HttpResponse::of(envoy.http.post(envoy.url("/webhooks/stripe")).body("{}")).await;
    webhook.refuses(503, "GATEWAY_UNAVAILABLE");
    render(stack, folder.path(), &config, &Programs::of_this_build().unwrap().filter);
    until("the filter", async || (list().await.status == 200).then_some(())).await;
}
