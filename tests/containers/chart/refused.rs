//! A wrong value is refused before anything reaches the cluster, with a reason that names it.

use control_plane::config::IN_FILES;

use super::*;

const HIDDEN: &str = "sk_live_of_a_test";

fn association(domain: &str) -> Value {
    json!({ "domain": domain, "configMap": "wallet-associations", "key": "stripe" })
}

fn file(name: &str) -> Value {
    json!({ "name": name, "configMap": "authorities", "key": "ca.pem" })
}

/// Values, and what the reason says: types, forms and names by values.schema.json, and settings by the chart.
fn cases() -> Vec<(Value, &'static str)> {
    let secret = json!({ "controlPlane": { "settings": { "STRIPE_SECRET_KEY": HIDDEN } } });
    vec![
        (json!({ "controlPlane": { "replicas": "two" } }), "/controlPlane/replicas"),
        (json!({ "controlPlane": { "replicas": 0 } }), "/controlPlane/replicas"),
        (json!({ "controlplane": { "replicas": 2 } }), "controlplane"),
        (json!({ "envoy": { "kind": "nginx" } }), "/envoy/kind"),
        (json!({ "envoy": { "paused": "yes" } }), "/envoy/paused"),
        (json!({ "envoy": { "kind": "envoyGateway", "paused": true } }), "envoy.paused: the pods are"),
        (json!({ "envoy": { "hostnames": ["https://pay.example"] } }), "/envoy/hostnames/0"),
        (json!({ "images": { "tag": "latest" } }), "/images/tag"),
        (json!({ "images": { "envoy": { "digest": "sha256:abc" } } }), "/images/envoy/digest"),
        (json!({ "secrets": { "database": "postgres://gateway:secret@db/gateway" } }), "/secrets/database"),
        (json!({ "secrets": { "redis": null } }), "redis"),
        (json!({ "providers": { "stripe": { "apiBase": "api.stripe.com" } } }), "/providers/stripe/apiBase"),
        (json!({ "networkPolicy": { "monitoring": {} } }), "/networkPolicy/monitoring"),
        (json!({ "controlPlane": { "settings": { "log-level": "info" } } }), "log-level"),
        (json!({ "files": [{ "name": "a/b", "configMap": "a", "key": "a" }] }), "/files/0/name"),
        (json!({ "files": [{ "name": "a", "key": "a" }] }), "/files/0"),
        (json!({ "files": [{ "name": "a", "configMap": "a", "secret": "a", "key": "a" }] }), "/files/0"),
        (json!({ "files": [file("a"), file("a")] }), "files: two are called a"),
        (
            json!({ "files": [file("a")], "edgeCache": { "settings": { "REDIS_CA": "/files/b" } } }),
            "edgeCache.settings.REDIS_CA: /files/b is none of `files`",
        ),
        (
            json!({ "files": [file("a")], "envoy": { "settings": { "PAYPAL_TLS_CA": "/files/b" } } }),
            "envoy.settings.PAYPAL_TLS_CA: /files/b is none of `files`",
        ),
        (json!({ "worker": { "settings": { "WORKERS": 1.5 } } }), "/worker/settings/WORKERS"),
        (secret, "controlPlane.settings.STRIPE_SECRET_KEY: secrets are no values"),
        (
            json!({ "worker": { "settings": { "WORKER_LISTEN": "0.0.0.0:1" } } }),
            "worker.settings.WORKER_LISTEN: the chart sets it",
        ),
        (
            json!({ "envoy": { "settings": { "GATEWAY_CLIENTS_FILE": "/x" } } }),
            "envoy.settings.GATEWAY_CLIENTS_FILE: secrets",
        ),
    ]
}

/// Values that are wrong together.
fn wrong_pairs() -> Vec<(Value, &'static str)> {
    vec![
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
            json!({ "edgeCache": {
                "autoscaling": { "enabled": true },
                "resources": { "requests": { "cpu": null } },
            } }),
            "edgeCache.resources.requests.cpu: autoscaling is enabled",
        ),
        (
            json!({ "worker": { "resources": { "requests": { "memory": "1.5Gi" } } } }),
            "worker.resources: the request of memory, 1.5Gi, is above the limit, 256Mi",
        ),
        (
            json!({ "envoy": { "resources": { "limits": { "cpu": 0.25 } } } }),
            "envoy.resources: the request of cpu, 500m, is above the limit, 0.25",
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
        (
            json!({ "envoy": { "associations": [association("a.example"), association("a.example")] } }),
            "envoy.associations: a.example has two files",
        ),
        (
            json!({ "envoy": { "kind": "istio", "associations": [association("a.example")] } }),
            "envoy.associations: the chart's own Envoy gives these files",
        ),
        (
            json!({ "envoy": {
                "associations": [association("a.example")],
                "settings": { "WALLET_ASSOCIATION_FILES": "b.example=/tls/b" },
            } }),
            "envoy.settings.WALLET_ASSOCIATION_FILES: the chart sets it itself",
        ),
    ]
}

/// Forms that only Kubernetes or the filter would refuse, or nobody.
fn wrong_forms() -> Vec<(Value, &'static str)> {
    let own = "app.kubernetes.io/component";
    vec![
        (json!({ "envoy": { "filter": { "maxBodyBytes": "many" } } }), "/envoy/filter/maxBodyBytes"),
        (json!({ "envoy": { "filter": { "maxBodyBytes": -5 } } }), "/envoy/filter/maxBodyBytes"),
        (json!({ "envoy": { "filter": { "nonsense": true } } }), "nonsense"),
        (json!({ "worker": { "resources": { "limits": { "memory": "lots" } } } }), "/limits/memory"),
        (json!({ "worker": { "resources": { "requests": { "cpu": -1 } } } }), "/requests/cpu"),
        (json!({ "worker": { "resources": { "requests": { "cpu": "-1" } } } }), "/requests/cpu"),
        (json!({ "pods": { "tolerations": [{ "foo": "bar" }] } }), "/pods/tolerations/0"),
        (
            json!({ "pods": { "tolerations": [{ "effect": "NoSchedule" }] } }),
            "pods.tolerations/0: without a key",
        ),
        (json!({ "pods": { "labels": { "a b": "c" } } }), "a b"),
        (json!({ "pods": { "labels": { own: "worker" } } }), "pods.labels: app.kubernetes.io/component"),
        (
            json!({ "pods": { "annotations": { "proxy.istio.io/config": "a: b: c" } } }),
            "proxy.istio.io/config",
        ),
        (json!({ "pods": { "priorityClassName": "Bad Name" } }), "/pods/priorityClassName"),
        (json!({ "pods": { "annotations": null } }), "missing property 'annotations'"),
        (json!({ "worker": { "settings": null } }), "missing property 'settings'"),
        (json!({ "networkPolicy": { "enabled": null } }), "missing property 'enabled'"),
        (json!({ "networkPolicy": null }), "missing property 'networkPolicy'"),
        (json!({ "envoy": { "kind": null } }), "missing property 'kind'"),
        (json!({ "clusterDomain": null }), "missing property 'clusterDomain'"),
        (
            json!({ "providers": { "stripe": { "apiBase": "http://sandbox:8090" } } }),
            "providers.stripe.apiBase: it has no TLS",
        ),
        (json!({ "envoy": { "hostnames": ["pay..example"] } }), "/envoy/hostnames/0"),
        (json!({ "envoy": { "hostnames": [format!("{}b", "a.".repeat(150))] } }), "/envoy/hostnames/0"),
        (json!({ "clusterDomain": "a..b" }), "/clusterDomain"),
        (json!({ "envoy": { "associations": [association("Shop.example")] } }), "/associations/0/domain"),
        (json!({ "envoy": { "associations": [{ "domain": "a.example", "key": "a" }] } }), "configMap"),
        (json!({ "retention": { "schedule": "a b c d e" } }), "retention.schedule: \"a b c d e\""),
        (json!({ "retention": { "schedule": "61 3 * * *" } }), "retention.schedule: \"61 3"),
        (json!({ "images": { "tag": "-x" } }), "/images/tag"),
        (json!({ "allowPlaintext": [] }), "allowPlaintext: control-plane is missing"),
        (json!({ "tls": { "enabled": true, "services": "" } }), "/tls/services"),
        (json!({ "tls": { "enabled": true, "envoy": "No Name" } }), "/tls/envoy"),
        (json!({ "tls": { "enabled": true, "clientNames": ["-a"] } }), "/tls/clientNames/0"),
        (json!({ "serviceMonitor": { "tls": { "nonsense": "x" } } }), "nonsense"),
    ]
}

/// Settings with which programs would not start, or which they would not read.
fn wrong_settings() -> Vec<(Value, &'static str)> {
    let of =
        |component: &str, name: &str, value: Value| json!({ component: { "settings": { name: value } } });
    let vault = json!({ "settings": { "KMS_KEY": "vault:transit/gateway" } });
    let both =
        json!({ "settings": { "KMS_KEY": "awskms:arn:aws:kms:eu-west-1:1:key/1,vault:transit/gateway" } });
    vec![
        (of("controlPlane", "SHUTDOWN_GRACE_SECONDS", json!("soon")), "/settings/SHUTDOWN_GRACE_SECONDS"),
        (of("controlPlane", "SHUTDOWN_GRACE_SECONDS", json!(301)), "/settings/SHUTDOWN_GRACE_SECONDS"),
        (of("controlPlane", "LOG_LEVEL", json!("loud")), "/controlPlane/settings/LOG_LEVEL"),
        (of("controlPlane", "LOGLEVEL", json!("info")), "LOGLEVEL"),
        (of("controlPlane", "CIRCUIT_BREAKERS", json!(false)), "/settings/CIRCUIT_BREAKERS"),
        (of("envoy", "DRAIN_SECONDS", json!(300)), "DRAIN_SECONDS"),
        (of("worker", "GRAPHQL_INTROSPECTION", json!("on")), "GRAPHQL_INTROSPECTION"),
        (of("edgeCache", "DB_CONNECTIONS", json!(9)), "DB_CONNECTIONS"),
        (of("envoy", "CONTROL_PLANE_CA", json!("/a")), "envoy.settings.CONTROL_PLANE_CA: use `tls`"),
        (of("controlPlane", "KMS_KEY", json!("vault:a/b")), "worker.settings.KMS_KEY: it must be"),
        (json!({ "controlPlane": vault, "worker": vault }), "secrets.vaultToken: KMS_KEY"),
        (json!({ "controlPlane": both, "worker": both }), "secrets.vaultToken: KMS_KEY"),
        (of("worker", "KMS_KEY", json!("vault:a/b,k1:00")), "/worker/settings/KMS_KEY"),
    ]
}

/// Each secret of a program, by itself and by its file, in the settings of each component that has some.
fn secrets() -> Vec<(Value, String)> {
    let names = IN_FILES.iter().flat_map(|(name, file)| [*name, *file]);
    let names: Vec<_> = names.chain(["PAYPAL_CLIENT_ID", "STRIPE_WEBHOOK_SECRETS"]).collect();
    let components = ["controlPlane", "worker", "edgeCache", "envoy"];
    let case = |component: &str, name: &str| {
        let values = json!({ component: { "settings": { name: HIDDEN } } });
        (values, format!("{component}.settings.{name}: secrets are no values"))
    };
    components.iter().flat_map(|component| names.iter().map(|name| case(component, name))).collect()
}

#[test]
fn a_wrong_value_is_refused_with_a_reason_that_names_it() {
    let written = [cases(), wrong_pairs(), wrong_forms(), wrong_settings()].concat();
    let written = written.into_iter().map(|(values, reason)| (values, reason.to_owned()));
    let cases: Vec<_> = written.chain(secrets()).collect();
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
                    refused.contains(&**reason),
                    "{values} should be refused with {reason:?}, not:\n{refused}"
                );
                assert!(!refused.contains(HIDDEN), "{refused}");
            }
            Rendering::Done { .. } => panic!("{values} is accepted"),
        }
    }
}
