//! What the chart changes in the Envoys of Istio and of Envoy Gateway: the changes, made as those would make them, give
//! an Envoy that starts, asks for a key, and shows the filter each request.

use std::collections::BTreeSet;

use gateway_tests::BareEnvoy;
use local_stack::Programs;

use super::*;

const HTTP: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const KEY: &str = "a-long-random-key";

/// The headers that open a WebSocket (RFC 6455, section 1.3).
const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

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
            // As both meshes have it.
            "upgrade_configs": [{ "upgrade_type": "websocket" }],
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

/// Where a route of a VirtualService leads.
fn host_of(http: &Value) -> &str {
    http["route"][0]["destination"]["host"].as_str().unwrap()
}

/// A cluster for HTTP/2 as the meshes make one, without an endpoint.
fn cluster(name: &str) -> Value {
    let options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": { "http2_protocol_options": { "initial_stream_window_size": 65_536 } },
    });
    json!({
        "name": name, "type": "STATIC", "load_assignment": { "cluster_name": name },
        "typed_extension_protocol_options": { OPTIONS: options },
    })
}

/// Whether WebSockets can come to it (RFC 8441).
fn takes_sockets(cluster: &Value) -> bool {
    let http = &cluster["typed_extension_protocol_options"][OPTIONS]["explicit_http_config"];
    http["http2_protocol_options"]["allow_connect"] == true
}

/// Envoy's routes for those of a VirtualService, under its names and to clusters of its hosts' names.
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
                json!({ "name": http["name"], "match": condition, "route": { "cluster": host_of(http) } }),
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
            "CLUSTER" if change["patch"]["operation"] == "MERGE" => {
                let host = &change["match"]["cluster"]["service"];
                merge(mesh.clusters.iter_mut().find(|one| one["name"] == *host).unwrap(), value);
            }
            "CLUSTER" => mesh.clusters.push(value.clone()),
            other => panic!("{other} is not made here"),
        }
    }
}

/// The file of clients' keys that the chart's README shows.
fn clients_file() -> tempfile::TempDir {
    let readme = fs::read_to_string(chart().join("README.md")).unwrap();
    let mut blocks = readme.split("```yaml\n").skip(1).filter_map(|text| text.split("```").next());
    let example = blocks.find(|block| block.contains(KEY)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("clients.yaml"), example).unwrap();
    folder
}

/// Method, path and headers of a request; status and error code of the answer.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16, &'a str);

#[tokio::test]
async fn istios_envoy_asks_for_a_key_and_shows_the_filter_each_request() {
    let Some(example) = example("istio") else { return };
    let service = example.one("VirtualService", "envoy");
    let mut mesh = Mesh::new(&routes_of(service), Vec::new());
    let hosts: BTreeSet<_> = service["spec"]["http"].as_array().unwrap().iter().map(host_of).collect();
    mesh.clusters.extend(hosts.into_iter().map(cluster));
    patch(&mut mesh, example.one("EnvoyFilter", "envoy"));
    let routes = mesh.manager["route_config"]["virtual_hosts"][0]["routes"].as_array().unwrap();
    assert!(!routes.is_empty());
    for route in routes {
        let is_stream = route["name"].as_str().unwrap().ends_with("-streams");
        let flushed = if is_stream { json!("10s") } else { Value::Null };
        assert_eq!(route["route"]["flush_timeout"], flushed, "{route}");
    }
    let streams = example.one("DestinationRule", "event-streams")["spec"]["host"].clone();
    let for_sockets = mesh.clusters.iter().filter(|one| takes_sockets(one)).map(|one| &one["name"]);
    assert_eq!(for_sockets.collect::<Vec<_>>(), [&streams]);
    let clients = clients_file();
    let places = [
        ("/var/lib/gateway/plugin.wasm", Programs::of_this_build().unwrap().filter.display().to_string()),
        ("/etc/gateway/clients", clients.path().display().to_string()),
    ];
    let envoy = mesh.started(&places).await;
    let key = [("authorization", KEY)];
    let socket_by_key = [&HANDSHAKE[..], &key].concat();
    let cases: [Case<'_>; 12] = [
        ("GET", "/payments", &[], 401, ""),
        ("GET", "/payments", &[("x-client-id", "shop")], 401, ""),
        ("GET", "/events", &[], 401, ""),
        ("POST", "/payments/charge", &key, 400, "IDEMPOTENCY_KEY_REQUIRED"),
        ("POST", "/webhooks/stripe", &[], 401, "SIGNATURE_INVALID"),
        ("GET", "/events?ticket=none", &[], 401, "TICKET_INVALID"),
        ("GET", "/events?ticket=none", &[("accept", "text/event-stream")], 401, "TICKET_INVALID"),
        // Decided at the headers: a socket's request has no end to wait for.
        ("GET", "/events/socket", &HANDSHAKE, 401, ""),
        ("GET", "/events/socket?ticket=none", &HANDSHAKE, 401, "TICKET_INVALID"),
        ("GET", "/events/socket", &socket_by_key, 503, ""),
        ("GET", "/payments", &socket_by_key, 400, "INVALID_REQUEST"),
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

/// Each rule of an HTTPRoute, as Envoy Gateway names its cluster.
fn clusters_of_routes(example: &Example) -> Vec<Value> {
    let mut clusters = Vec::new();
    for route in example.all("HTTPRoute") {
        let (place, name) = (&route["metadata"]["namespace"], &route["metadata"]["name"]);
        let prefix = format!("httproute/{}/{}", place.as_str().unwrap(), name.as_str().unwrap());
        let rules = 0..route["spec"]["rules"].as_array().unwrap().len();
        clusters.extend(rules.map(|rule| cluster(&format!("{prefix}/rule/{rule}"))));
    }
    clusters
}

/// Makes a JSON patch of a cluster: a new one, or a new field of one that is there.
fn patch_cluster(clusters: &mut Vec<Value>, name: &Value, operation: &Value) {
    assert_eq!(operation["op"], "add");
    let path = operation["path"].as_str().unwrap();
    let Some((parent, field)) = path.rsplit_once('/') else {
        return clusters.push(operation["value"].clone());
    };
    let cluster = clusters.iter_mut().find(|one| one["name"] == *name);
    let cluster = cluster.unwrap_or_else(|| panic!("no cluster {name}"));
    let parent = cluster.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    parent[field] = operation["value"].clone();
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
    mesh.clusters = clusters_of_routes(example);
    for change in example.one("EnvoyPatchPolicy", "envoy")["spec"]["jsonPatches"].as_array().unwrap() {
        let operation = &change["operation"];
        if change["type"] == "type.googleapis.com/envoy.config.cluster.v3.Cluster" {
            patch_cluster(&mut mesh.clusters, &change["name"], operation);
            continue;
        }
        assert_eq!(change["name"], "payments/shop-envoy/https");
        let place = "$.filter_chains[0].filters[0].typed_config.http_filters[?(@.name == 'NAME')].typed_config.config";
        assert_eq!(operation["jsonPath"], place.replace("NAME", name));
        let field = operation["path"].as_str().unwrap().trim_start_matches('/');
        mesh.manager["http_filters"][0]["typed_config"]["config"][field] = operation["value"].clone();
    }
    let for_sockets = mesh.clusters.iter().filter(|one| takes_sockets(one)).map(|one| &one["name"]);
    let streams = ["event-streams", "ticket-streams"]
        .map(|route| Value::from(format!("httproute/payments/shop-{route}/rule/0")));
    assert_eq!(for_sockets.collect::<Vec<_>>(), streams.each_ref());
    let filter = Programs::of_this_build().unwrap().filter.display().to_string();
    let envoy = mesh.started(&[("/plugin.wasm", filter)]).await;
    // It has no key here, which Envoy Gateway's SecurityPolicy asks for. That the signature is looked for means that
    // the filter has seen the whole body: without its patch this request hangs.
    let answer = asked(&envoy, "POST", "/webhooks/stripe", &[]).await;
    assert_eq!(answer, (401, "SIGNATURE_INVALID".to_owned()));
}
