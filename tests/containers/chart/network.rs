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

/// The setting of the chart's own Envoy.
fn setting<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    let settings = pod["initContainers"][0]["env"].as_array().unwrap();
    settings.iter().find(|setting| setting["name"] == name)?["value"].as_str()
}

#[test]
fn prometheus_finds_the_metrics_of_the_charts_own_envoy() {
    let Some(example) = example("large") else { return };
    let pod = &example.one("Deployment", "envoy")["spec"]["template"];
    let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap();
    let stats = ports.iter().find(|port| port["name"] == "stats").unwrap();
    let listens = setting(&pod["spec"], "ENVOY_STATS_LISTEN").unwrap();
    assert_eq!(listens, format!("0.0.0.0:{}", stats["containerPort"]));

    let service = example.one("Service", "envoy-metrics");
    let selector = json!({ "matchLabels": service["spec"]["selector"] });
    assert!(matches(&selector, &pod["metadata"]["labels"]), "{selector}");
    assert_eq!(service["spec"]["ports"][0]["port"], stats["containerPort"]);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "stats");
    let monitor = &example.one("ServiceMonitor", "envoy")["spec"];
    assert_eq!(monitor["endpoints"][0]["path"], "/stats/prometheus");
    assert!(monitor["endpoints"][0]["scheme"].is_null(), "it has no TLS");
    let found =
        example.all("Service").filter(|one| matches(&monitor["selector"], &one["metadata"]["labels"]));
    assert_eq!(found.map(|one| &one["metadata"]["name"]).collect::<Vec<_>>(), ["shop-envoy-metrics"]);
}

#[test]
fn clients_reach_the_charts_own_envoy_and_prometheus_alone_its_metrics() {
    let Some(examples) = examples() else { return };
    let port = |number: u16| json!({ "port": number, "protocol": "TCP" });
    let prometheus = json!({
        "ports": [port(9902)],
        "from": [{
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } },
            "podSelector": { "matchLabels": { "app.kubernetes.io/name": "prometheus" } },
        }],
    });
    for (name, rules) in [
        ("own", json!([{ "ports": [port(8443)] }])),
        ("large", json!([{ "ports": [port(8443), port(8080)] }, prometheus])),
    ] {
        let example = examples.iter().find(|example| example.name == name).unwrap();
        let policy = &example.one("NetworkPolicy", "envoy")["spec"];
        assert_eq!(policy["ingress"], rules, "{name}");
        let labels = &example.one("Deployment", "envoy")["spec"]["template"]["metadata"]["labels"];
        assert!(matches(&policy["podSelector"], labels), "{name}");
    }
    // The proxies of others have ports of their own.
    for example in examples.iter().filter(|example| ["istio", "envoy-gateway"].contains(&&*example.name)) {
        let of_envoy = |one: &&Value| one["metadata"]["name"] == "shop-envoy";
        assert_eq!(example.all("NetworkPolicy").filter(of_envoy).count(), 0, "{}", example.name);
    }
}

#[test]
fn the_charts_own_envoy_is_ready_as_long_as_its_balancers_are_told_so() {
    let Some(examples) = examples() else { return };
    for example in examples.iter().filter(|example| ["own", "large", "trial"].contains(&&*example.name)) {
        let envoy = &example.one("Deployment", "envoy")["spec"]["template"]["spec"]["containers"][0];
        let asks = json!({ "scheme": "HTTPS", "port": "https", "path": "/healthz" });
        assert_eq!(envoy["readinessProbe"]["httpGet"], asks, "{}", example.name);
        assert_eq!(envoy["startupProbe"]["httpGet"], asks, "{}", example.name);
        assert_eq!(envoy["livenessProbe"]["tcpSocket"], json!({ "port": "https" }), "a drain is no death");
    }
}
