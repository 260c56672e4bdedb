//! What the chart renders is what Kubernetes and the definers of the custom resources accept.

use std::process::Command;

use super::*;
use test_services::npm_packages;

/// The schemas of Gateway API, Envoy Gateway, Istio and the Prometheus operator, as validators.
const SCHEMAS: [&str; 4] = [
    "@kubernetes-models/gateway-api@2.0.0",
    "@kubernetes-models/envoy-gateway@2.0.0",
    "@kubernetes-models/istio@3.0.1",
    "@kubernetes-models/prometheus-operator@6.0.0",
];

const BUILT_IN: [&str; 6] =
    ["v1", "apps/v1", "autoscaling/v2", "batch/v1", "networking.k8s.io/v1", "policy/v1"];

/// What the schemas of custom resources say against these, or why they are not here.
fn problems_of(resources: &[Value]) -> Result<Vec<String>, String> {
    static TOOLS: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| npm_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &SCHEMAS));
    let tools = TOOLS.as_ref().map_err(Clone::clone)?;
    // Node looks for packages from where the script is.
    let script = tools.join("custom-resources.mjs");
    fs::copy(here().join("custom-resources.mjs"), &script).unwrap();
    let said = said(Command::new("node").arg(script), &json!(resources).to_string());
    Ok(serde_json::from_str(&said).unwrap())
}

fn custom_resources(examples: &[Example]) -> Vec<Value> {
    let all = examples.iter().flat_map(|example| &example.documents);
    let is_built_in = |document: &&Value| BUILT_IN.iter().any(|version| document["apiVersion"] == *version);
    all.filter(|document| !is_built_in(document)).cloned().collect()
}

#[test]
fn five_sets_of_values_render_to_what_kubernetes_accepts() {
    let Some(examples) = examples() else { return };
    assert_eq!(examples.len(), 5);
    for example in examples {
        assert_eq!(example.problems, Vec::<String>::new(), "{}", example.name);
        assert!(example.documents.len() >= 10, "{}", example.name);
    }
}

#[test]
fn the_custom_resources_are_what_their_definers_accept() {
    let Some(examples) = examples() else { return };
    let resources = custom_resources(examples);
    let kinds: std::collections::BTreeSet<_> =
        resources.iter().map(|resource| resource["kind"].as_str().unwrap()).collect();
    for kind in ["EnvoyExtensionPolicy", "EnvoyFilter", "HTTPRoute", "ServiceMonitor"] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    match problems_of(&resources) {
        Ok(problems) => assert_eq!(problems, Vec::<String>::new()),
        Err(why) => skipped(&why),
    }
}

/// Else the test above would say nothing.
#[test]
fn a_field_that_is_wrong_or_unknown_is_found_in_a_custom_resource() {
    let Some(examples) = examples() else { return };
    let resources = custom_resources(examples);
    let changed = |kind: &str, place: &str, value: Value| {
        let mut resource = resources.iter().find(|one| one["kind"] == kind).unwrap().clone();
        let (parent, field) = place.rsplit_once('/').unwrap();
        resource.pointer_mut(parent).unwrap()[field] = value;
        resource
    };
    let mistakes = [
        changed("HTTPRoute", "/spec/rules/0/timeout", json!("1s")),
        changed("HTTPRoute", "/spec/rules/0/timeouts/request", json!("tomorrow")),
        changed("ServiceMonitor", "/spec/endpoints/0/intervall", json!("1s")),
        changed("EnvoyFilter", "/spec/configPatches/0/applyTo", json!("HTTP")),
        changed("VirtualService", "/spec/http/0/retries/retry_on", json!("5xx")),
        changed("EnvoyExtensionPolicy", "/spec/wasm/0/failopen", json!(true)),
        changed("ClientTrafficPolicy", "/spec/tls/minVersion", json!("1.4")),
    ];
    for mistake in mistakes {
        match problems_of(std::slice::from_ref(&mistake)) {
            Ok(problems) => assert_eq!(problems.len(), 1, "{mistake}"),
            Err(why) => return skipped(&why),
        }
    }
}

#[test]
fn helms_own_linter_finds_no_mistake_in_the_chart() {
    let lint = format!(
        "import json, helm_python; print(json.dumps(helm_python.lint({:?})['messages']))",
        chart().to_str().unwrap()
    );
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(script.path(), lint).unwrap();
    let said = match python(script.path().to_str().unwrap(), "") {
        Ok(said) => said,
        Err(why) => return skipped(&why),
    };
    let messages: Vec<Value> = serde_json::from_str(&said).unwrap();
    // It would like a picture.
    let mistakes: Vec<_> = messages.iter().filter(|message| message["severity"] != 1).collect();
    assert!(mistakes.is_empty(), "{mistakes:?}");
}

#[test]
fn the_chart_is_of_the_version_that_the_programs_have() {
    let text = fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let chart: Value = serde_yaml_ng::from_str(&text).unwrap();
    for version in ["version", "appVersion"] {
        assert_eq!(chart[version], env!("CARGO_PKG_VERSION"), "{version}");
    }
}
