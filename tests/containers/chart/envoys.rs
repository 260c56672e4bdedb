//! What the chart changes in the Envoys of Istio and of Envoy Gateway: the changes, made as those would make them, give
//! an Envoy that starts, asks for a key, and shows the filter each request.

use gateway_tests::BareEnvoy;
use local_stack::Programs;

use super::*;

const HTTP: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const KEY: &str = "a-long-random-key";

/// An Envoy of a mesh, before it is changed.
struct Mesh {
    manager: Value,
    clusters: Vec<Value>,
}

impl Mesh {
    /// With these routes, and these filters before the router.
    fn new(routes: &Value, mut filters: Vec<Value>) -> Self {
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }));
        let hosts = json!([{ "name": "mesh", "domains": ["*"], "routes": routes }]);
        let manager = json!({
            "@type": HTTP, "stat_prefix": "mesh", "http_filters": filters, "route_config": { "virtual_hosts": hosts },
        });
        Self { manager, clusters: Vec::new() }
    }

    /// Runs it, with files of this machine in place of those that pods mount.
    async fn started(self, places: &[(&str, String)]) -> BareEnvoy {
        let placed = |value: &Value| -> Value {
            let text = places
                .iter()
                .fold(value.to_string(), |text, (inside, outside)| text.replace(inside, outside));
            serde_json::from_str(&text).unwrap()
        };
        let keys = format!("k1:{}", "0f".repeat(32));
        let variables = [
            ("EDGE_ATTESTATION_KEYS", &*keys),
            ("STRIPE_WEBHOOK_SECRETS", "whsec_0123456789abcdef0123456789abcdef"),
        ];
        BareEnvoy::start(&placed(&self.manager), &self.clusters, &variables).await
    }
}

/// Status and error code of the answer; an Envoy's own words count as none.
async fn asked(envoy: &BareEnvoy, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let request = envoy.http.request(method.parse().unwrap(), envoy.url(path));
    let request = if method == "POST" { request.json(&json!({})) } else { request };
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Puts every field of the second object into the first, objects in objects field by field, as protobuf merges.
fn merge(into: &mut Value, from: &Value) {
    match (into.as_object_mut(), from.as_object()) {
        (Some(into), Some(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        _ => *into = from.clone(),
    }
}

/// Envoy's routes for those of a VirtualService, under its names. Each leads to the only cluster that there is.
fn routes_of(service: &Value) -> Value {
    let mut routes = Vec::new();
    for http in service["spec"]["http"].as_array().unwrap() {
        for wanted in http["match"].as_array().unwrap() {
            let uri = &wanted["uri"];
            let (kind, path) =
                if uri["exact"].is_string() { ("path", &uri["exact"]) } else { ("prefix", &uri["prefix"]) };
            let by = |of: &Value| -> Vec<Value> {
                let all = of.as_object().into_iter().flatten();
                all.map(|(name, value)| json!({ "name": name, "string_match": { "safe_regex": value } }))
                    .collect()
            };
            let mut condition =
                json!({ "query_parameters": by(&wanted["queryParams"]), "headers": by(&wanted["headers"]) });
            condition[kind] = path.clone();
            for regex in ["query_parameters", "headers"] {
                for one in condition[regex].as_array_mut().unwrap() {
                    one["string_match"]["safe_regex"] =
                        json!({ "regex": one["string_match"]["safe_regex"]["regex"] });
                }
            }
            routes.push(
                json!({ "name": http["name"], "match": condition, "route": { "cluster": "edge_cache" } }),
            );
        }
    }
    routes.into()
}

/// Makes the changes of an EnvoyFilter.
fn patch(mesh: &mut Mesh, filter: &Value) {
    for change in filter["spec"]["configPatches"].as_array().unwrap() {
        let value = &change["patch"]["value"];
        let host = &mut mesh.manager["route_config"]["virtual_hosts"][0];
        match change["applyTo"].as_str().unwrap() {
            "NETWORK_FILTER" => merge(&mut mesh.manager, &value["typed_config"]),
            "HTTP_FILTER" => {
                let filters = mesh.manager["http_filters"].as_array_mut().unwrap();
                filters.insert(filters.len() - 1, value.clone());
            }
            "VIRTUAL_HOST" => merge(host, value),
            "HTTP_ROUTE" => {
                let name = &change["match"]["routeConfiguration"]["vhost"]["route"]["name"];
                let routes = host["routes"].as_array_mut().unwrap();
                let named: Vec<_> = routes.iter_mut().filter(|route| route["name"] == *name).collect();
                assert!(!named.is_empty(), "no route {name}");
                named.into_iter().for_each(|route| merge(route, value));
            }
            "CLUSTER" => mesh.clusters.push(value.clone()),
            other => panic!("{other} is not made here"),
        }
    }
}

/// The file of clients' keys that the chart's README shows.
fn clients_file() -> tempfile::TempDir {
    let readme = fs::read_to_string(chart().join("README.md")).unwrap();
    let example = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(example.contains(KEY));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("clients.yaml"), example).unwrap();
    folder
}

/// Method, path and headers of a request; status and error code of the answer.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16, &'a str);

#[tokio::test]
async fn istios_envoy_asks_for_a_key_and_shows_the_filter_each_request() {
    let Some(example) = example("istio") else { return };
    let mut mesh = Mesh::new(&routes_of(example.one("VirtualService", "envoy")), Vec::new());
    patch(&mut mesh, example.one("EnvoyFilter", "envoy"));
    let clients = clients_file();
    let places = [
        ("/var/lib/gateway/plugin.wasm", Programs::of_this_build().unwrap().filter.display().to_string()),
        ("/etc/gateway/clients", clients.path().display().to_string()),
    ];
    let envoy = mesh.started(&places).await;
    let key = [("authorization", KEY)];
    let cases: [Case<'_>; 7] = [
        ("GET", "/payments", &[], 401, ""),
        ("GET", "/payments", &[("x-client-id", "shop")], 401, ""),
        ("GET", "/events", &[], 401, ""),
        ("POST", "/payments/charge", &key, 400, "IDEMPOTENCY_KEY_REQUIRED"),
        ("POST", "/webhooks/stripe", &[], 401, "SIGNATURE_INVALID"),
        ("GET", "/events?ticket=none", &[], 401, "TICKET_INVALID"),
        // It got past the filter; nobody is behind it here.
        ("GET", "/payments", &key, 503, ""),
    ];
    for (method, path, headers, status, code) in cases {
        let (found, reason) = asked(&envoy, method, path, headers).await;
        assert_eq!((found, reason.as_str()), (status, code), "{method} {path} {headers:?}");
    }
}

#[test]
fn istios_changes_reach_the_gateway_of_this_release_and_no_other() {
    let Some(example) = example("istio") else { return };
    let filter = &example.one("EnvoyFilter", "envoy")["spec"]["workloadSelector"]["labels"];
    let gateway = &example.one("Gateway", "envoy")["spec"]["selector"];
    let pod = &example.one("Deployment", "envoy")["spec"]["template"]["metadata"]["labels"];
    for labels in [filter, gateway] {
        assert_eq!(labels["app.kubernetes.io/instance"], "shop");
        assert!(matches(&json!({ "matchLabels": labels }), pod), "{labels}");
        assert!(labels["istio"].is_null(), "the mesh's own gateways have this label");
    }
}

#[tokio::test]
async fn envoy_gateways_envoy_shows_the_filter_whole_requests() {
    let Some(example) = example("envoy-gateway") else { return };
    // As Envoy Gateway names and fills the filter of the policy.
    let wasm = &example.one("EnvoyExtensionPolicy", "envoy")["spec"]["wasm"][0];
    let name = "envoy.filters.http.wasm/envoyextensionpolicy/payments/shop-envoy/wasm/0";
    let filter = json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": wasm["name"],
                "configuration": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": wasm["config"].to_string() },
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": "/plugin.wasm" } },
                    "environment_variables": { "host_env_keys": wasm["env"]["hostKeys"] },
                },
            },
        },
    });
    let route = json!([{ "match": { "prefix": "/" }, "route": { "cluster": "edge_cache" } }]);
    let mut mesh = Mesh::new(&route, vec![filter]);
    for change in example.one("EnvoyPatchPolicy", "envoy")["spec"]["jsonPatches"].as_array().unwrap() {
        let operation = &change["operation"];
        if change["type"] == "type.googleapis.com/envoy.config.cluster.v3.Cluster" {
            mesh.clusters.push(operation["value"].clone());
            continue;
        }
        assert_eq!(change["name"], "payments/shop-envoy/https");
        let place = "$.filter_chains[0].filters[0].typed_config.http_filters[?(@.name == 'NAME')].typed_config.config";
        assert_eq!(operation["jsonPath"], place.replace("NAME", name));
        let field = operation["path"].as_str().unwrap().trim_start_matches('/');
        mesh.manager["http_filters"][0]["typed_config"]["config"][field] = operation["value"].clone();
    }
    let filter = Programs::of_this_build().unwrap().filter.display().to_string();
    let envoy = mesh.started(&[("/plugin.wasm", filter)]).await;
    // It has no key here, which Envoy Gateway's SecurityPolicy asks for. That the signature is looked for means that
    // the filter has seen the whole body: without its patch this request hangs.
    let answer = asked(&envoy, "POST", "/webhooks/stripe", &[]).await;
    assert_eq!(answer, (401, "SIGNATURE_INVALID".to_owned()));
}
