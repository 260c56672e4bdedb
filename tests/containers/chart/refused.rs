//! A wrong value is refused before anything reaches the cluster, with a reason that names it.

use super::*;

/// Values, and what the reason says.
fn cases() -> Vec<(Value, &'static str)> {
    let secret = json!({ "controlPlane": { "settings": { "STRIPE_SECRET_KEY": "sk_live_of_a_test" } } });
    vec![
        // Types, forms and names, by values.schema.json.
        (json!({ "controlPlane": { "replicas": "two" } }), "/controlPlane/replicas"),
        (json!({ "controlPlane": { "replicas": 0 } }), "/controlPlane/replicas"),
        (json!({ "controlplane": { "replicas": 2 } }), "controlplane"),
        (json!({ "envoy": { "kind": "nginx" } }), "/envoy/kind"),
        (json!({ "envoy": { "hostnames": ["https://pay.example"] } }), "/envoy/hostnames/0"),
        (json!({ "images": { "tag": "latest" } }), "/images/tag"),
        (json!({ "images": { "envoy": { "digest": "sha256:abc" } } }), "/images/envoy/digest"),
        (json!({ "secrets": { "database": "postgres://gateway:secret@db/gateway" } }), "/secrets/database"),
        (json!({ "secrets": { "redis": null } }), "redis"),
        (json!({ "providers": { "stripe": { "apiBase": "api.stripe.com" } } }), "/providers/stripe/apiBase"),
        (json!({ "networkPolicy": { "monitoring": {} } }), "/networkPolicy/monitoring"),
        (json!({ "controlPlane": { "settings": { "log-level": "info" } } }), "log-level"),
        (json!({ "worker": { "settings": { "WORKERS": 1.5 } } }), "/worker/settings/WORKERS"),
        // What is wrong together, by the chart.
        (secret, "controlPlane.settings.STRIPE_SECRET_KEY: secrets are no values"),
        (
            json!({ "worker": { "settings": { "WORKER_LISTEN": "0.0.0.0:1" } } }),
            "worker.settings.WORKER_LISTEN: the chart sets it",
        ),
        (
            json!({ "envoy": { "settings": { "GATEWAY_CLIENTS_FILE": "/x" } } }),
            "envoy.settings.GATEWAY_CLIENTS_FILE: secrets",
        ),
        (json!({ "providers": { "stripe": { "enabled": false } } }), "neither stripe nor paypal is enabled"),
        (json!({ "database": { "connections": 97 } }), "database.connections: 97 is too few"),
        (
            json!({ "controlPlane": { "settings": { "DB_CONNECTIONS": 64 } } }),
            "database.connections: 197 is too few",
        ),
        (
            json!({ "edgeCache": { "autoscaling": { "enabled": true, "minReplicas": 9 } } }),
            "edgeCache.autoscaling: minReplicas 9 is above",
        ),
        (
            json!({ "serviceMonitor": { "enabled": true } }),
            "networkPolicy.monitoring: serviceMonitor is enabled",
        ),
        (json!({ "route": { "enabled": true } }), "route.parents: name the Gateway"),
        (json!({ "envoy": { "kind": "envoyGateway" } }), "images.filter.digest"),
        (
            json!({ "envoy": { "kind": "istio" }, "route": { "enabled": true, "parents": [{ "name": "a" }] } }),
            "route.enabled: it leads to the chart's own Envoy",
        ),
        (
            json!({ "envoy": { "kind": "istio", "settings": { "GATEWAY_LISTEN": "off" } } }),
            "envoy.settings: they are of the bootstrap",
        ),
    ]
}

#[test]
fn a_wrong_value_is_refused_with_a_reason_that_names_it() {
    let cases = cases();
    let values: Vec<_> = cases.iter().map(|(values, _)| values.clone()).collect();
    let renderings = match rendered(&values) {
        Ok(renderings) => renderings,
        Err(why) => return skipped(&why),
    };
    assert_eq!(renderings.len(), cases.len());
    for ((values, reason), rendering) in cases.iter().zip(renderings) {
        match rendering {
            Rendering::Refused { refused } => {
                assert!(
                    refused.contains(reason),
                    "{values} should be refused with {reason:?}, not:\n{refused}"
                );
                assert!(!refused.contains("sk_live_of_a_test"), "{refused}");
            }
            Rendering::Done { .. } => panic!("{values} is accepted"),
        }
    }
}
