//! Istio's own Envoys end no request before its time, and an upgrade can keep Envoys behind the control planes.

use super::*;

/// The seconds of a duration like `35s`.
fn seconds(duration: &Value) -> u64 {
    duration.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap()
}

#[test]
fn istios_agent_drains_for_longer_than_a_route_takes_and_within_the_grace() {
    let annotations = json!({ "proxy.istio.io/config": "concurrency: 2", "team": "payments" });
    let values = |pods: Value| json!({ "envoy": { "kind": "istio" }, "pods": pods });
    let renderings = match rendered(&[values(json!({})), values(json!({ "annotations": annotations }))]) {
        Ok(renderings) => renderings,
        Err(why) => return skipped(&why),
    };
    for (rendering, concurrency) in renderings.into_iter().zip([Value::Null, json!(2)]) {
        let Rendering::Done { documents, problems } = rendering else { panic!("refused") };
        assert_eq!(problems, Vec::<String>::new());
        let example = Example { name: "istio".to_owned(), documents, problems };
        let pod = &example.one("Deployment", "envoy")["spec"]["template"];
        let text = pod["metadata"]["annotations"]["proxy.istio.io/config"].as_str().unwrap();
        let proxy: Value = serde_yaml_ng::from_str(text).unwrap();
        assert_eq!(proxy["concurrency"], concurrency, "what the values say stays: {text}");
        let drain = seconds(&proxy["terminationDrainDuration"]);
        let routes = example.one("VirtualService", "envoy")["spec"]["http"].as_array().unwrap();
        let longest = routes.iter().map(|route| seconds(&route["timeout"])).max().unwrap();
        assert!(longest > 30 && drain > longest, "{drain} s for a request of {longest} s");
        assert!(pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap() > drain);
    }
}

/// Control planes accept the attestations of earlier Envoys, and not those of later ones.
#[test]
fn an_upgrade_can_leave_envoys_as_they_are_until_control_planes_are_new() {
    let steps: Vec<_> = ["own", "istio"].into_iter().flat_map(|kind| [(kind, true), (kind, false)]).collect();
    let values: Vec<_> =
        steps.iter().map(|(kind, paused)| json!({ "envoy": { "kind": kind, "paused": paused } })).collect();
    let renderings = match rendered(&values) {
        Ok(renderings) => renderings,
        Err(why) => return skipped(&why),
    };
    for (rendering, (kind, paused)) in renderings.into_iter().zip(steps) {
        let Rendering::Done { documents, problems } = rendering else { panic!("{kind} is refused") };
        assert_eq!(problems, Vec::<String>::new(), "{kind}");
        let deployments: Vec<_> = documents.iter().filter(|one| one["kind"] == "Deployment").collect();
        assert_eq!(deployments.len(), 4, "{kind}");
        for one in deployments {
            let is_envoy = one["metadata"]["name"] == "shop-envoy";
            assert_eq!(one["spec"]["paused"] == true, paused && is_envoy, "{kind}: {one}");
        }
    }
}
