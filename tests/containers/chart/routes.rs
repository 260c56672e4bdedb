//! Every path that the gateway serves has a route in both meshes.

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

/// Whether a match is about the path alone, not about a ticket beside it.
fn is_for_all(wanted: &Value) -> bool {
    wanted["queryParams"].is_null() && wanted["headers"].is_null()
}

/// How long a request may take by a VirtualService, whose first route that matches counts.
fn istios_timeout<'a>(service: &'a Value, path: &str) -> Option<&'a str> {
    let fits = |wanted: &Value| {
        let uri = &wanted["uri"];
        let is_below = uri["prefix"].as_str().is_some_and(|prefix| path.starts_with(prefix));
        is_for_all(wanted) && (is_below || uri["exact"].as_str() == Some(path))
    };
    let mut routes = service["spec"]["http"].as_array().unwrap().iter();
    routes.find(|route| route["match"].as_array().unwrap().iter().any(fits))?["timeout"].as_str()
}

/// How long a request may take by HTTPRoutes, of which the exact match counts, else that of the longest prefix.
fn gateways_timeout(example: &Example, path: &str) -> Option<String> {
    let mut found = Vec::new();
    for rule in example.all("HTTPRoute").flat_map(|route| route["spec"]["rules"].as_array().unwrap()) {
        for wanted in rule["matches"].as_array().unwrap().iter().filter(|wanted| is_for_all(wanted)) {
            let value = wanted["path"]["value"].as_str().unwrap();
            let rest = path.strip_prefix(value);
            let is_exact = rest == Some("");
            let fits = match wanted["path"]["type"].as_str().unwrap() {
                "Exact" => is_exact,
                "PathPrefix" => is_exact || rest.is_some_and(|rest| rest.starts_with('/')),
                other => panic!("{other} is not known here"),
            };
            if fits {
                let timeout = rule["timeouts"]["request"].as_str().unwrap().to_owned();
                found.push((wanted["path"]["type"] == "Exact", value.len(), timeout));
            }
        }
    }
    found.into_iter().max().map(|(_, _, timeout)| timeout)
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
    for path in paths {
        // The control plane ends streams and sockets itself.
        let may_last = path.starts_with("/events") || path == "/graphql/socket";
        let timeout = if may_last { "0s" } else { "35s" };
        assert_eq!(istios_timeout(service, &path), Some(timeout), "Istio: {path}");
        assert_eq!(gateways_timeout(gateway, &path).as_deref(), Some(timeout), "Envoy Gateway: {path}");
    }
}
