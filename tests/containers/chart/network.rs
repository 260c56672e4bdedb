//! Who reaches what.

use super::*;

/// The callers that a policy names for a pod's port.
fn callers<'a>(example: &'a Example, name: &str) -> Vec<&'a Value> {
    let pod = &example.one("Deployment", name)["spec"]["template"];
    let labels = &pod["metadata"]["labels"];
    let policies: Vec<_> = example
        .all("NetworkPolicy")
        .filter(|policy| matches(&policy["spec"]["podSelector"], labels))
        .collect();
    // Policies add up, so a second one could let others in.
    let [policy] = policies[..] else { panic!("{name} has {} policies", policies.len()) };
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress"]));
    let mut callers = Vec::new();
    for rule in policy["spec"]["ingress"].as_array().unwrap() {
        let port = &pod["spec"]["containers"][0]["ports"][0]["containerPort"];
        assert_eq!(rule["ports"].as_array().unwrap().len(), 1);
        assert_eq!(rule["ports"][0]["port"], *port);
        callers.extend(rule["from"].as_array().unwrap());
    }
    callers
}

#[test]
fn only_envoy_reaches_the_control_planes_and_the_edge_cache() {
    let Some(examples) = examples() else { return };
    for example in examples.iter().filter(|example| !["large", "trial"].contains(&&*example.name)) {
        for name in ["control-plane", "edge-cache"] {
            let [caller] = callers(example, name)[..] else { panic!("{}: {name}: not one", example.name) };
            if example.name == "envoy-gateway" {
                let gateway = example.one("Gateway", "envoy");
                let labels = json!({
                    "gateway.envoyproxy.io/owning-gateway-name": gateway["metadata"]["name"],
                    "gateway.envoyproxy.io/owning-gateway-namespace": gateway["metadata"]["namespace"],
                });
                assert_eq!(caller["podSelector"]["matchLabels"], labels);
                let namespace =
                    json!({ "matchLabels": { "kubernetes.io/metadata.name": "envoy-gateway-system" } });
                assert_eq!(caller["namespaceSelector"], namespace);
            } else {
                assert!(caller["namespaceSelector"].is_null(), "of the same namespace");
                for one in example.all("Deployment") {
                    let is_envoy = one["metadata"]["name"] == "shop-envoy";
                    let labels = &one["spec"]["template"]["metadata"]["labels"];
                    assert_eq!(matches(&caller["podSelector"], labels), is_envoy, "{labels}");
                }
            }
        }
        assert!(callers(example, "worker").is_empty(), "nobody calls a worker");
    }
}

#[test]
fn prometheus_reaches_the_metrics_where_the_values_name_it() {
    let Some(example) = example("large") else { return };
    let prometheus = json!({
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } },
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": "prometheus" } },
    });
    for (name, count) in [("control-plane", 2), ("edge-cache", 2), ("worker", 1)] {
        let callers = callers(example, name);
        assert!(callers.len() == count && callers.contains(&&prometheus), "{name}: {callers:?}");
        let monitor = &example.one("ServiceMonitor", name)["spec"];
        let service = example.one("Service", &format!("{name}-metrics"));
        assert!(matches(&monitor["selector"], &service["metadata"]["labels"]), "{name}");
        assert_eq!(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
        // Only one Service of the pods is scraped.
        let found = example
            .all("Service")
            .filter(|service| matches(&monitor["selector"], &service["metadata"]["labels"]));
        assert_eq!(found.count(), 1, "{name}");
    }
}
