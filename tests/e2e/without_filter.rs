//! A mesh whose Envoy has no filter: it was left out, or could not be fetched and fails open. The control plane then
//! takes nothing.

use std::fs;

use gateway_tests::{BareEnvoy, Gateway, HttpResponse, sum_of, without_webhooks};
use local_stack::DEMO_KEY;
use reqwest::Method;
use serde_json::{Value, json};

/// Beside the operations of the API's description.
const BESIDE: [(Method, &str); 2] = [(Method::GET, "/events?ticket=evtk_1"), (Method::POST, "/graphql")];
const SOCKETS: [&str; 3] = ["/events/socket", "/events/socket?ticket=evtk_1", "/graphql/socket"];
/// The description itself, which is for everybody.
const PUBLIC: &str = "/openapi.json";

/// What a client and a provider would send: every operation that there is.
fn requests() -> Vec<(Method, String)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let description: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut requests = BESIDE.map(|(method, path)| (method, path.to_owned())).to_vec();
    for (path, operations) in description["paths"].as_object().unwrap() {
        let id = if path.starts_with("/refunds/") { "rfnd" } else { "txn" };
        let path = path.replace("{id}", &format!("{id}_01890000-0000-7000-8000-000000000000"));
        for method in operations.as_object().unwrap().keys().filter(|_| path != PUBLIC) {
            let method = match method.as_str() {
                "get" => Method::GET,
                "post" => Method::POST,
                other => panic!("{other} is not known here"),
            };
            requests.push((method, path.clone()));
        }
    }
    requests
}

/// That of RFC 6455, section 1.3.
const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Leads everything to the control plane.
async fn envoy_with(gateway: &Gateway<'_>, filters: &[Value]) -> BareEnvoy {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            // What the gateway's own Envoy does, too.
            "suppress_envoy_headers": true,
        },
    });
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "control_plane" } });
    let filters = [filters, &[router]].concat();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "mesh",
        "http_filters": filters,
        "upgrade_configs": [{ "upgrade_type": "websocket" }],
        "route_config": { "virtual_hosts": [{ "name": "mesh", "domains": ["*"], "routes": [route] }] },
    });
    let address = gateway.stack().control_plane_url();
    let clusters = [cluster("control_plane", address.trim_start_matches("http://"))];
    // Nobody listens on port 1.
    let clusters = [&clusters[..], &[cluster("registry", "127.0.0.1:1")]].concat();
    BareEnvoy::start(&manager, &clusters, &[]).await
}

fn cluster(name: &str, address: &str) -> Value {
    let (host, port) = address.rsplit_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let endpoint =
        json!({ "endpoint": { "address": { "socket_address": { "address": host, "port_value": port } } } });
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] },
    })
}

/// The filter, from where it cannot be fetched.
fn filter_away() -> Value {
    json!({
        "name": "gateway.edge",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "gateway_edge",
                "failure_policy": "FAIL_OPEN",
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "remote": {
                        "http_uri": { "uri": "http://registry/plugin.wasm", "cluster": "registry", "timeout": "1s" },
                        "sha256": "0".repeat(64),
                        "retry_policy": { "num_retries": 0 },
                    } },
                },
            },
        },
    })
}

#[tokio::test]
async fn without_the_filter_nothing_gets_past_an_envoy_that_lets_everything_through() {
    let gateway = without_webhooks().await;
    let requests = requests();
    for path in ["/payments/charge", "/events/tickets", "/wallets/config", "/webhooks/paypal"] {
        assert!(requests.iter().any(|(_, one)| one == path), "{path} in {requests:?}");
    }
    let effects = gateway.sandbox.requests("stripe", "charge").await;
    for filters in [vec![], vec![filter_away()]] {
        let envoy = envoy_with(&gateway, &filters).await;
        let before = refused(&gateway).await;
        for (method, path) in &requests {
            let charge = json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
            let request =
                envoy.http.request(method.clone(), envoy.url(path)).bearer_auth(DEMO_KEY).json(&charge);
            let request =
                request.header("idempotency-key", gateway_tests::fresh_key()).header("x-client-id", "demo");
            let answer = HttpResponse::of(request).await;
            answer.refuses(401, "EDGE_ATTESTATION_REQUIRED");
        }
        for path in SOCKETS {
            let request = envoy.http.get(envoy.url(path)).bearer_auth(DEMO_KEY).header("x-client-id", "demo");
            let request =
                HANDSHAKE.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            HttpResponse::of(request).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
        }
        // It was the control plane that refused them, so Envoy did let them through.
        let now = refused(&gateway).await;
        assert!(
            now - before >= (requests.len() + SOCKETS.len()) as u64,
            "{before} and then {now}: {filters:?}"
        );
    }
    assert_eq!(gateway.sandbox.requests("stripe", "charge").await, effects, "nothing was charged");
}

/// How many requests the control plane has refused because nothing attested them.
async fn refused(gateway: &Gateway<'_>) -> u64 {
    let url = format!("{}/metrics", gateway.stack().control_plane_url());
    let metrics = HttpResponse::of(gateway.http.get(url)).await.text();
    sum_of(&metrics, "attestations_refused_total", "")
}
