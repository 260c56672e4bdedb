//! The pods of the chart: the programs take the settings that they get, secrets are referred to, and nothing has more
//! rights or less time than it needs.

use std::collections::BTreeMap;

use control_plane::cli::envoy_bootstrap::{Profile, render};
use control_plane::config::{Config, EdgeCacheConfig, Source, WorkerConfig};
use local_stack::{Authority, Programs};
use serde_json::Value;

use super::*;
use crate::compose::Environment;
use crate::secrets::is_secret;
use crate::settings::{documentation_in, envoy_accepts};

/// The pods of every Deployment, Job and CronJob, with their name.
fn pods(example: &Example) -> impl Iterator<Item = (&str, &Value)> {
    let all = example.all("Deployment").chain(example.all("Job")).map(|one| (one, &one["spec"]));
    let all = all.chain(example.all("CronJob").map(|one| (one, &one["spec"]["jobTemplate"]["spec"])));
    all.map(|(one, spec)| (one["metadata"]["name"].as_str().unwrap(), &spec["template"]))
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainers", "containers"].map(|list| pod["spec"][list].as_array());
    lists.into_iter().flatten().flatten()
}

/// Where the chart puts what programs read from files: secrets, certificates of the services and of Envoy, and what the
/// values name.
const MOUNTED: [&str; 4] = [SECRETS, "/service-tls/", "/envoy-tls/", "/files/"];
/// Where each secret is a file of its setting's name.
const SECRETS: &str = "/secrets/";

/// A container's environment, with secrets of a test for those that the cluster would have.
fn environment(container: &Value, secrets: &Path) -> BTreeMap<String, String> {
    let variables = container["env"].as_array().unwrap().iter();
    let value = |variable: &Value| match variable["value"].as_str() {
        Some(value) => match MOUNTED.iter().find_map(|folder| value.strip_prefix(folder)) {
            Some(file) => secrets.join(file).display().to_string(),
            None => value.to_owned(),
        },
        None => secret_of(variable["name"].as_str().unwrap()).to_owned(),
    };
    variables.map(|variable| (variable["name"].as_str().unwrap().to_owned(), value(variable))).collect()
}

fn secret_of(setting: &str) -> &'static str {
    match setting {
        "AUDIT_SIGNING_KEY" => {
            "shop.example/audit:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        }
        "ENCRYPTION_KEYS" | "EDGE_ATTESTATION_KEYS" => {
            "k1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        }
        "OUTGOING_PROXY" => "http://proxy.example:3128",
        "VAULT_TOKEN" => "hvs.OfATest",
        "GATEWAY_CLIENTS" => "shop:a-long-random-key",
        "DB_URI" => "postgres://gateway:password@postgres.example:5432/gateway",
        "REDIS_URI" => "rediss://:password@redis.example:6379",
        "AMQP_URI" => "amqps://gateway:password@rabbitmq.example:5671",
        "STRIPE_SECRET_KEY" => "sk_test_51OfATest",
        "STRIPE_WEBHOOK_SECRETS" => "whsec_0123456789abcdef0123456789abcdef",
        "PAYPAL_CLIENT_ID" => "AbOfATest",
        "PAYPAL_CLIENT_SECRET" => "EbOfATest",
        other => panic!("no example of {other}"),
    }
}

/// The files that a pod mounts at [`MOUNTED`].
fn mounted_secrets(pod: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new().unwrap();
    let issued = authority.issue(&["localhost"]).unwrap();
    issued.replace(&folder.path().join("tls.crt"), &folder.path().join("tls.key")).unwrap();
    fs::write(folder.path().join("ca.crt"), authority.pem()).unwrap();
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let secrets = volumes.iter().find(|volume| volume["name"] == "secrets").unwrap();
    for source in secrets["projected"]["sources"].as_array().unwrap() {
        let file = source["secret"]["items"][0]["path"].as_str().unwrap();
        fs::write(folder.path().join(file), secret_of(file)).unwrap();
    }
    let files = volumes.iter().find(|volume| volume["name"] == "files");
    for source in files.iter().flat_map(|files| files["projected"]["sources"].as_array().unwrap()) {
        let given = ["configMap", "secret"].iter().find_map(|kind| source[kind].as_object()).unwrap();
        // Authorities, client certificates and their keys, as the examples call them.
        let name = given["items"][0]["path"].as_str().unwrap();
        let like = match name {
            "authority.pem" => "ca.crt",
            "client.pem" => "tls.crt",
            "client.key" => "tls.key",
            other => panic!("no example of {other}"),
        };
        fs::copy(folder.path().join(like), folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn each_program_accepts_the_settings_that_the_chart_gives_it() {
    let Some(examples) = examples() else { return };
    for example in examples {
        type Read = fn(&Source) -> Result<(), Vec<control_plane::config::ConfigError>>;
        let programs: [(&str, Read); 3] = [
            ("control-plane", |source| Config::read(source).map(drop)),
            ("worker", |source| WorkerConfig::read(source).map(drop)),
            ("edge-cache", |source| EdgeCacheConfig::read(source).map(drop)),
        ];
        for (name, read) in programs {
            let pod = &example.one("Deployment", name)["spec"]["template"];
            let secrets = mounted_secrets(pod);
            let environment = environment(&pod["spec"]["containers"][0], secrets.path());
            let result = Source::new(environment, None).and_then(|source| {
                assert_eq!(source.near_miss_warnings(), Vec::<String>::new(), "{}", example.name);
                read(&source)
            });
            result.unwrap_or_else(|errors| panic!("{}: {name}: {errors:?}", example.name));
        }
    }
}

#[test]
fn the_charts_own_envoy_accepts_the_bootstrap_that_its_settings_make() {
    let Some(examples) = examples() else { return };
    let made = Environment::made();
    let places = BTreeMap::from([
        ("/filter/plugin.wasm".to_owned(), Programs::of_this_build().unwrap().filter.display().to_string()),
        ("/tls/tls.crt".to_owned(), format!("{}/certificate.pem", made.values["TLS_FOLDER"])),
        ("/tls/tls.key".to_owned(), format!("{}/private-key.pem", made.values["TLS_FOLDER"])),
    ]);
    let association = tempfile::NamedTempFile::new().unwrap();
    fs::write(association.path(), "7B227073704964223A22".repeat(461)).unwrap();
    for name in ["own", "large", "trial"] {
        let example = examples.iter().find(|example| example.name == name).unwrap();
        let mut places = places.clone();
        if name == "own" {
            let file = association.path().display().to_string();
            places.insert("/associations/shop.example".to_owned(), file);
        }
        let pod = &example.one("Deployment", "envoy")["spec"]["template"];
        let secrets = mounted_secrets(pod);
        let settings = environment(&pod["spec"]["initContainers"][0], secrets.path());
        let docs = settings.get("GATEWAY_DOCS").cloned();
        assert_eq!(docs.is_some(), name == "trial", "{name}");
        let rendered = render(Profile::Production, &Source::new(settings, None).unwrap(), None).unwrap().text;
        let variables = environment(&pod["spec"]["containers"][0], secrets.path());
        let docs = docs.into_iter().flat_map(|folder| documentation_in(&folder));
        let places: BTreeMap<_, _> = places.clone().into_iter().chain(docs).collect();
        envoy_accepts(&rendered, &places, &variables);
    }
}

#[test]
fn where_envoy_calls_there_is_a_service_of_that_name_and_port() {
    let Some(examples) = examples() else { return };
    for example in examples.iter().filter(|example| ["own", "large", "trial"].contains(&&*example.name)) {
        let settings = &example.one("Deployment", "envoy")["spec"]["template"]["spec"]["initContainers"][0];
        let settings = environment(settings, Path::new("/"));
        for (setting, name) in
            [("CONTROL_PLANE_ADDRESS", "control-plane"), ("EDGE_CACHE_ADDRESS", "edge-cache")]
        {
            let (host, port) = settings[setting].split_once(':').unwrap();
            let service = example.one("Service", &format!("{name}-pods"));
            let service_name = service["metadata"]["name"].as_str().unwrap();
            assert_eq!(host, format!("{service_name}.payments.svc.cluster.local"));
            assert_eq!(service["spec"]["ports"][0]["port"].to_string(), port);
            assert_eq!(service["spec"]["clusterIP"], "None", "Envoy sees every pod");
            let selector = json!({ "matchLabels": service["spec"]["selector"] });
            let pod = &example.one("Deployment", name)["spec"]["template"];
            assert!(matches(&selector, &pod["metadata"]["labels"]), "{selector}");
            let listens = &pod["spec"]["containers"][0]["ports"][0];
            assert_eq!(
                (&listens["name"], listens["containerPort"].to_string().as_str()),
                (&json!("http"), port)
            );
        }
    }
}

#[test]
fn secrets_are_referred_to_and_never_stand_in_a_manifest() {
    let Some(examples) = examples() else { return };
    let mut referred = 0;
    for example in examples {
        assert_eq!(example.all("Secret").count(), 0, "{}", example.name);
        for (pod, container) in pods(example).flat_map(|(_, pod)| containers(pod).map(move |one| (pod, one)))
        {
            for variable in container["env"].as_array().into_iter().flatten() {
                let name = variable["name"].as_str().unwrap();
                let is_path = variable["value"].as_str().is_some_and(|value| value.starts_with('/'));
                if is_secret(name) && !is_path {
                    assert!(variable["valueFrom"]["secretKeyRef"]["name"].is_string(), "{variable}");
                    referred += 1;
                } else if let Some(file) = variable["value"].as_str().unwrap().strip_prefix(SECRETS) {
                    let is_mounted = mounted_secrets(pod).path().join(file).is_file();
                    assert!(is_mounted && name == format!("{file}_FILE"), "{}: {variable}", example.name);
                    referred += 1;
                }
            }
        }
    }
    assert!(referred > 50, "{referred}");
}

#[test]
fn only_migrations_and_the_end_of_data_get_the_role_that_owns_the_tables() {
    let Some(example) = example("large") else { return };
    let owner = "payment-gateway-schema";
    let have: Vec<_> =
        pods(example).filter(|(_, pod)| pod.to_string().contains(owner)).map(|(name, _)| name).collect();
    assert_eq!(have, ["shop-migrations", "shop-retention"]);
    let hooks = &example.one("Job", "migrations")["metadata"]["annotations"]["helm.sh/hook"];
    assert_eq!(hooks, "pre-install,pre-upgrade");
}

#[test]
fn no_pod_has_rights_that_it_does_not_need() {
    let Some(examples) = examples() else { return };
    for (name, pod) in examples.iter().flat_map(pods) {
        let spec = &pod["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{name}");
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        for container in containers(pod) {
            let context = &container["securityContext"];
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{name}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        }
    }
}

/// Whether a probe asks if the program is ready, or only if it is alive. Behind TLS, the program has to ask itself.
fn is_alive_or_ready(probe: &Value, is_encrypted: bool) -> Option<bool> {
    if is_encrypted {
        let command = probe["exec"]["command"].as_array()?;
        assert_eq!(command[..2], [json!("control-plane"), json!("ready")]);
        return Some(!command.contains(&json!("--alive")));
    }
    let get = probe["httpGet"].as_object()?;
    assert_eq!(get["port"], "http");
    match get["path"].as_str()? {
        "/readyz" => Some(true),
        "/healthz" => Some(false),
        _ => None,
    }
}

#[test]
fn pods_are_probed_and_have_the_time_that_their_work_may_take() {
    let Some(examples) = examples() else { return };
    for example in examples {
        for name in ["control-plane", "worker", "edge-cache"] {
            let pod = &example.one("Deployment", name)["spec"]["template"]["spec"];
            let container = &pod["containers"][0];
            let settings = environment(container, Path::new("/"));
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                let asks =
                    is_alive_or_ready(&container[probe], settings.contains_key("SERVICE_TLS_CERTIFICATE"));
                assert_eq!(asks, Some(probe == "readinessProbe"), "{}: {name}: {probe}", example.name);
            }
            let work = match settings.get("SHUTDOWN_GRACE_SECONDS") {
                Some(seconds) => seconds.parse().unwrap(),
                None if name == "edge-cache" => 5,
                None => 30,
            };
            let pause = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
            let given = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
            assert!(pause >= 5 && given > pause + work, "{}: {name}: {given} s", example.name);
        }
        for one in example.all("Deployment") {
            let name = one["metadata"]["name"].as_str().unwrap().trim_start_matches("shop-");
            let budget = &example.one("PodDisruptionBudget", name)["spec"];
            assert_eq!(budget["maxUnavailable"], 1);
            assert!(matches(&budget["selector"], &one["spec"]["template"]["metadata"]["labels"]), "{name}");
            let scaled = example
                .all("HorizontalPodAutoscaler")
                .any(|scaler| scaler["spec"]["scaleTargetRef"]["name"] == one["metadata"]["name"]);
            assert_ne!(
                one["spec"]["replicas"].is_u64(),
                scaled,
                "{}: {name}: one of both counts",
                example.name
            );
        }
    }
}

#[test]
fn settings_reach_the_programs_as_they_were_written() {
    let settings =
        json!({ "WEBHOOK_PARK_AFTER_SECONDS": 2_592_000, "LOG_LEVEL": "debug", "WATCH_AFTER_SECONDS": 30 });
    let renderings = match rendered(&[json!({ "controlPlane": { "settings": settings } })]) {
        Ok(renderings) => renderings,
        Err(why) => return skipped(&why),
    };
    let Some(Rendering::Done { documents, problems }) = renderings.into_iter().next() else {
        panic!("refused")
    };
    assert_eq!(problems, Vec::<String>::new());
    let example = Example { name: "settings".to_owned(), documents, problems };
    let pod = &example.one("Deployment", "control-plane")["spec"]["template"]["spec"];
    let environment = environment(&pod["containers"][0], Path::new("/"));
    assert_eq!(environment["WEBHOOK_PARK_AFTER_SECONDS"], "2592000");
    assert_eq!(environment["LOG_LEVEL"], "debug");
    assert_eq!(environment["WATCH_AFTER_SECONDS"], "30");
}
