//! Every path that the gateway serves has a route in both meshes, and streams of events have their own.

use super::*;

/// What the OpenAPI description leaves out.
const UNDESCRIBED: [&str; 3] = ["/events/socket", "/graphql", "/graphql/socket"];

/// The paths that the gateway serves.
fn paths() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/openapi.json")).unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    let described = description["paths"].as_object().unwrap().keys().map(|path| path.replace("{id}", "1"));
    described.chain(UNDESCRIBED.map(str::to_owned)).collect()
}

/// What paths begin with that the bootstrap routes to the control plane.
fn prefixes_of_the_bootstrap() -> Vec<String> {
    let text = fs::read_to_string(root().join("envoy/bootstrap.yaml")).unwrap();
    let prefix = |line: &str| {
        let rest = line.trim().strip_prefix("match: { path_separated_prefix: ")?;
        rest.strip_suffix(" }").map(str::to_owned)
    };
    text.lines().filter_map(prefix).collect()
}

/// Whether a match is about the path, and perhaps about a stream being asked for, and not about a ticket.
fn is_without_ticket(wanted: &Value, stream: bool) -> bool {
    let headers = &wanted["headers"];
    let is_for_streams = !headers["accept"].is_null() || headers[0]["name"] == "accept";
    wanted["queryParams"].is_null() && (headers.is_null() || (stream && is_for_streams))
}

/// Where a request goes by a VirtualService, whose first route that matches counts, and how long it may take.
fn istios_way(service: &Value, path: &str, stream: bool) -> Option<(String, String)> {
    let fits = |wanted: &Value| {
        let uri = &wanted["uri"];
        let is_below = uri["prefix"].as_str().is_some_and(|prefix| path.starts_with(prefix));
        is_without_ticket(wanted, stream) && (is_below || uri["exact"].as_str() == Some(path))
    };
    let mut routes = service["spec"]["http"].as_array().unwrap().iter();
    let route = routes.find(|route| route["match"].as_array().unwrap().iter().any(fits))?;
    let host = route["route"][0]["destination"]["host"].as_str().unwrap();
    Some((host.to_owned(), route["timeout"].as_str().unwrap().to_owned()))
}

/// The HTTPRoute that a request takes, and how long it may take there: the exact match counts, else that of the longest
/// prefix; of two, the one that asks for more headers.
fn gateways_way(example: &Example, path: &str, stream: bool) -> Option<(String, String)> {
    let mut found = Vec::new();
    for route in example.all("HTTPRoute") {
        let (rule, name) = (&route["spec"]["rules"][0], &route["metadata"]["name"]);
        let matches = rule["matches"].as_array().unwrap().iter();
        for wanted in matches.filter(|wanted| is_without_ticket(wanted, stream)) {
            let value = wanted["path"]["value"].as_str().unwrap();
            let rest = path.strip_prefix(value);
            let is_exact = rest == Some("");
            let fits = match wanted["path"]["type"].as_str().unwrap() {
                "Exact" => is_exact,
                "PathPrefix" => is_exact || rest.is_some_and(|rest| rest.starts_with('/')),
                other => panic!("{other} is not known here"),
            };
            if fits {
                let headers = wanted["headers"].as_array().map_or(0, Vec::len);
                let [name, timeout] =
                    [name, &rule["timeouts"]["request"]].map(|text| text.as_str().unwrap().to_owned());
                found.push((wanted["path"]["type"] == "Exact", value.len(), headers, (name, timeout)));
            }
        }
    }
    found.into_iter().max().map(|(.., way)| way)
}

#[test]
fn every_path_of_the_gateway_has_a_route_in_both_meshes() {
    let (Some(istio), Some(gateway)) = (example("istio"), example("envoy-gateway")) else { return };
    let service = istio.one("VirtualService", "envoy");
    let (paths, prefixes) = (paths(), prefixes_of_the_bootstrap());
    assert!(!prefixes.is_empty());
    for prefix in prefixes {
        assert!(paths.iter().any(|path| path.starts_with(&prefix)), "no path of {prefix} is looked at");
    }
    for (path, stream) in paths.iter().flat_map(|path| [(path, false), (path, true)]) {
        // The control plane ends streams and sockets itself.
        let may_last = path.ends_with("/socket") || (path == "/events" && stream);
        let (component, timeout) = if may_last { ("event-streams", "0s") } else { ("control-plane", "35s") };
        let way = (format!("shop-{component}.payments.svc.cluster.local"), timeout.to_owned());
        assert_eq!(istios_way(service, path, stream), Some(way), "Istio: {path} {stream}");
        let (route, found) = gateways_way(gateway, path, stream).unwrap_or_default();
        assert_eq!(found, timeout, "Envoy Gateway: {path} {stream}");
        assert_eq!(route == "shop-event-streams", may_last, "Envoy Gateway: {path} {stream}: {route}");
    }
}

/// The limits of streams in the bootstrap: connections, requests that wait, requests.
const LIMITS: [u64; 3] = [64, 1_024, 8_192];

#[test]
fn streams_have_connections_and_limits_of_their_own_in_each_variant() {
    let bootstrap = fs::read_to_string(root().join("envoy/bootstrap.yaml")).unwrap();
    let (_, cluster) = bootstrap.split_once("- name: event_streams\n      type:").unwrap();
    let (_, limits) = cluster.split_once("thresholds:").unwrap();
    let [connections, pending, requests] = LIMITS;
    let written =
        format!("max_connections: {connections}, max_pending_requests: {pending}, max_requests: {requests},");
    assert!(limits.lines().nth(2).unwrap().contains(&written), "{written}");

    let (Some(istio), Some(gateway)) = (example("istio"), example("envoy-gateway")) else { return };
    // A service of their own is a cluster of their own.
    let rule = &istio.one("DestinationRule", "event-streams")["spec"];
    let service = istio.one("Service", "event-streams");
    assert_eq!(rule["host"], "shop-event-streams.payments.svc.cluster.local");
    let pod = &istio.one("Deployment", "control-plane")["spec"]["template"]["metadata"]["labels"];
    assert!(matches(&json!({ "matchLabels": service["spec"]["selector"] }), pod));
    let ports = &istio.one("Service", "control-plane")["spec"]["ports"];
    assert_eq!(service["spec"]["ports"], *ports);
    let pool = &rule["trafficPolicy"]["connectionPool"];
    let http = &pool["http"];
    let limits =
        [&pool["tcp"]["maxConnections"], &http["http1MaxPendingRequests"], &http["http2MaxRequests"]];
    assert_eq!(limits, LIMITS.map(Value::from).each_ref());

    for route in gateway.all("HTTPRoute") {
        let name = &route["metadata"]["name"];
        let names = |policy: &&Value| {
            let targets = policy["spec"]["targetRefs"].as_array().unwrap();
            targets.iter().any(|target| target["name"] == *name)
        };
        let policies: Vec<_> = gateway.all("BackendTrafficPolicy").filter(names).collect();
        // With two, only the older one would count.
        let [policy] = policies[..] else { panic!("{name} has {} policies", policies.len()) };
        let breaker = &policy["spec"]["circuitBreaker"];
        let limits =
            ["maxConnections", "maxPendingRequests", "maxParallelRequests"].map(|limit| &breaker[limit]);
        let may_last = route["spec"]["rules"][0]["timeouts"]["request"] == "0s";
        assert_eq!(limits == LIMITS.map(Value::from).each_ref(), may_last, "{name}: {breaker}");
        assert_eq!(gateway.all("EnvoyExtensionPolicy").filter(names).count(), 1, "{name}: no filter");
    }
}

/// A limit that ends every request would end streams.
#[test]
fn no_limit_of_a_whole_proxy_ends_streams_in_a_mesh() {
    let Some(examples) = examples() else { return };
    for example in examples {
        let text = json!(example.documents).to_string();
        let limits = ["maxstreamduration", "maxconnectionduration", "maxrequestsperconnection"];
        let text = text.replace('_', "").to_lowercase();
        for limit in limits {
            assert!(!text.contains(limit), "{}: {limit}", example.name);
        }
    }
    // What nothing moves in for so long ends; a stream has a heartbeat every 15 seconds.
    let (Some(istio), Some(gateway)) = (example("istio"), example("envoy-gateway")) else { return };
    let manager = &istio.one("EnvoyFilter", "envoy")["spec"]["configPatches"][0]["patch"]["value"];
    assert_eq!(manager["typed_config"]["stream_idle_timeout"], "40s");
    let http = &gateway.one("ClientTrafficPolicy", "envoy")["spec"]["timeout"]["http"];
    assert_eq!(http["streamIdleTimeout"], "40s");
}
