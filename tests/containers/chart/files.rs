//! Files of authorities and of client certificates, which settings name.

use super::*;

/// The pod of each kind of process that reads such files.
fn readers(example: &Example) -> impl Iterator<Item = &Value> {
    let serving = ["control-plane", "worker", "edge-cache"].map(|name| example.one("Deployment", name));
    let jobs = example.all("Job").map(|job| &job["spec"]["template"]["spec"]);
    let cron_jobs = example.all("CronJob").map(|job| &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]);
    serving.into_iter().map(|one| &one["spec"]["template"]["spec"]).chain(jobs).chain(cron_jobs)
}

/// What the chart makes of these values; `None` if the test is skipped.
fn made(values: Value) -> Option<Example> {
    match rendered(&[values]) {
        Ok(mut renderings) => match renderings.remove(0) {
            Rendering::Done { documents, problems } => {
                Some(Example { name: "files".to_owned(), documents, problems })
            }
            Rendering::Refused { refused } => panic!("{refused}"),
        },
        Err(why) => {
            skipped(&why);
            None
        }
    }
}

#[test]
fn files_are_mounted_read_only_where_programs_read_them() {
    let values = json!({
        "files": [
            { "name": "authority.pem", "configMap": "authorities", "key": "databases.pem" },
            { "name": "client.key", "secret": "redis-client", "key": "tls.key" },
        ],
        "retention": { "enabled": true },
    });
    let Some(example) = made(values) else { return };
    assert_eq!(example.problems, Vec::<String>::new());
    let sources = json!([
        { "configMap": { "name": "authorities", "items": [{ "key": "databases.pem", "path": "authority.pem" }] } },
        { "secret": { "name": "redis-client", "items": [{ "key": "tls.key", "path": "client.key" }] } },
    ]);
    let mount = json!({ "name": "files", "mountPath": "/files", "readOnly": true });
    for pod in readers(&example) {
        let volumes = pod["volumes"].as_array().unwrap();
        let files = volumes.iter().find(|volume| volume["name"] == "files").unwrap();
        assert_eq!(files["projected"]["sources"], sources);
        assert!(pod["containers"][0]["volumeMounts"].as_array().unwrap().contains(&mount), "{pod}");
    }
    assert_eq!(readers(&example).count(), 5, "and the migrations and the end of data");
    let envoy = example.one("Deployment", "envoy").to_string();
    assert!(!envoy.contains("/files"), "{envoy}");
}

#[test]
fn the_charts_own_envoy_gets_the_files_that_its_settings_name_and_no_others() {
    let values = json!({
        "files": [
            { "name": "issuers.pem", "configMap": "paypal", "key": "trust.pem" },
            { "name": "client.key", "secret": "redis-client", "key": "tls.key" },
            { "name": "authority.pem", "configMap": "authorities", "key": "public.pem" },
        ],
        "envoy": { "settings": {
            "PAYPAL_WEBHOOK_TRUST": "/files/issuers.pem",
            "PAYPAL_TLS_CA": "/files/authority.pem",
            "GATEWAY_REQUESTS_PER_SECOND": 4000,
        } },
    });
    let Some(example) = made(values) else { return };
    assert_eq!(example.problems, Vec::<String>::new());
    let pod = &example.one("Deployment", "envoy")["spec"]["template"]["spec"];
    let files = pod["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == "files").unwrap();
    let sources = json!([
        { "configMap": { "name": "paypal", "items": [{ "key": "trust.pem", "path": "issuers.pem" }] } },
        { "configMap": { "name": "authorities", "items": [{ "key": "public.pem", "path": "authority.pem" }] } },
    ]);
    assert_eq!(files["projected"]["sources"], sources);
    let mount = json!({ "name": "files", "mountPath": "/files", "readOnly": true });
    // The one reads the trust bundle, the other the authorities.
    for container in [&pod["initContainers"][0], &pod["containers"][0]] {
        assert!(container["volumeMounts"].as_array().unwrap().contains(&mount), "{container}");
    }
    let setting = json!({ "name": "PAYPAL_WEBHOOK_TRUST", "value": "/files/issuers.pem" });
    assert!(pod["initContainers"][0]["env"].as_array().unwrap().contains(&setting), "{pod}");
}

#[test]
fn without_files_there_is_no_such_volume() {
    let Some(example) = example("large") else { return };
    let envoy = &example.one("Deployment", "envoy")["spec"]["template"]["spec"];
    assert!(readers(example).chain([envoy]).all(|pod| !pod.to_string().contains("/files")));
}
