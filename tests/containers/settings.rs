//! The containers' settings are those that their programs read.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use control_plane::cli::envoy_bootstrap::{Profile, render};
use control_plane::config::{Config, EdgeCacheConfig, Source, WorkerConfig};
use edge_core::attestation::{Holder, Keys};
use edge_core::client::ClientId;
use local_stack::Programs;
use serde_yaml_ng::Value;

use crate::compose::{Compose, Environment, Service};
use crate::dockerfile::Dockerfile;
use crate::root;

const CONTROL_PLANE: &str = "payment-gateway-control-plane";

fn source(service: &Service) -> Source {
    Source::new(service.environment.clone(), None).unwrap()
}

fn is_control_plane(service: &Service) -> bool {
    service.image.starts_with(CONTROL_PLANE)
}

#[test]
fn every_setting_is_one_that_its_program_reads() {
    let ours = [
        (CONTROL_PLANE, quoted_names("control-plane/src")),
        ("payment-gateway-sandbox", quoted_names("sandbox/src")),
        ("payment-gateway-envoy", [let_through_to_the_filter(), names_with_a_default(ENVOY_RUNNER)].concat()),
    ];
    for (name, service) in Compose::as_written().services {
        let Some((_, known)) = ours.iter().find(|(image, _)| service.image.starts_with(image)) else {
            continue;
        };
        for key in service.environment.keys() {
            assert!(known.contains(key), "{name}: nobody reads {key}");
        }
    }
}

/// All names in a program's sources that look like settings.
fn quoted_names(folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                names.extend(text.split('"').filter(|part| is_name(part)).map(str::to_owned));
            }
        }
    }
    names
}

fn is_name(text: &str) -> bool {
    text.len() > 3 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Envoy passes only these variables on.
fn let_through_to_the_filter() -> Vec<String> {
    let bootstrap = fs::read_to_string(root().join("envoy/bootstrap.yaml")).unwrap();
    let (_, after) = bootstrap.split_once("host_env_keys: [").unwrap();
    after.split(']').next().unwrap().split(',').map(|name| name.trim().to_owned()).collect()
}

/// The variables that a shell script reads: `${NAME:-default}`.
fn names_with_a_default(script: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(script)).unwrap();
    let names = text.split("${").skip(1).filter_map(|part| part.split_once(":-"));
    names.map(|(name, _)| name.to_owned()).collect()
}

const ENVOY_RUNNER: &str = "envoy/run-envoy.sh";

/// An engine that stops the container sooner would cut off in-flight payments.
#[test]
fn the_container_of_envoy_is_given_the_time_that_draining_may_take() {
    let compose = Compose::as_written();
    let envoy = &compose.services["envoy"];
    let text = fs::read_to_string(root().join(ENVOY_RUNNER)).unwrap();
    let seconds = |name: &str| -> u64 {
        let default = text.split_once(&format!("${{{name}:-")).unwrap().1.split('}').next().unwrap();
        envoy.environment.get(name).map_or(default, String::as_str).parse().unwrap()
    };
    let grace: u64 = envoy.stop_grace_period.as_ref().unwrap().trim_end_matches('s').parse().unwrap();
    assert!(grace > seconds("DRAIN_NOTICE_SECONDS") + seconds("DRAIN_SECONDS"), "{grace}");
    let image = fs::read_to_string(root().join("filter/Dockerfile")).unwrap();
    assert!(image.contains(&format!("COPY {ENVOY_RUNNER} /usr/local/bin/run-envoy.sh")));
    assert!(image.contains("CMD [\"run-envoy.sh\""), "it runs Envoy");
}

#[test]
fn each_program_accepts_its_settings() {
    let compose = Compose::with(&Environment::made());
    Config::read(&source(&compose.services["control-plane"])).unwrap();
    WorkerConfig::read(&source(&compose.services["worker"])).unwrap();
    EdgeCacheConfig::read(&source(&compose.services["edge-cache"])).unwrap();
}

/// A program gets the settings that it reads, and no secrets beyond that.
#[test]
fn no_program_gets_a_setting_that_it_does_not_read() {
    let compose = Compose::with(&Environment::made());
    type Read = fn(&Source) -> String;
    let programs: [(&str, Read); 3] = [
        ("control-plane", |source| format!("{:?}", Config::read(source))),
        ("worker", |source| format!("{:?}", WorkerConfig::read(source))),
        ("edge-cache", |source| format!("{:?}", EdgeCacheConfig::read(source))),
    ];
    for (name, read) in programs {
        let environment = &compose.services[name].environment;
        let with = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
            let mut changed = environment.clone();
            change(&mut changed);
            read(&Source::new(changed, None).unwrap())
        };
        let as_it_is = with(&|_| {});
        for key in environment.keys() {
            let garbage = with(&|changed| drop(changed.insert(key.clone(), "garbage of a test".to_owned())));
            let missing = with(&|changed| drop(changed.remove(key)));
            assert!(garbage != as_it_is || missing != as_it_is, "{name} does not read {key}");
        }
    }
}

/// Neither a list nor a key from which what another part holds would follow.
#[test]
fn envoy_and_edge_cache_are_given_their_own_attestation_keys_alone() {
    const ALL: &str = "EDGE_ATTESTATION_KEYS";
    // One that is longer than a block of SHA-256 is hashed first.
    let rotated = format!("k2:{},k1:{},k3:{}", "3C".repeat(32), "00ff".repeat(32), "7f".repeat(100));
    let mut environment = Environment::made();
    for all in [environment.values[ALL].clone(), rotated] {
        environment = environment.changed(ALL, &all);
        let keys = Keys::parse(&all).unwrap();
        for (name, service) in Compose::with(&environment).services {
            let own = match &*name {
                "control-plane" => Some(all.clone()),
                "envoy" => keys.of(Holder::Edge),
                "edge-cache" => keys.of(Holder::EdgeCache),
                _ => None,
            };
            assert_eq!(service.environment.get(ALL), own.as_ref(), "{name}");
            for secret in all.split(',').map(|key| key.split_once(':').unwrap().1) {
                let has = service.environment.values().any(|value| value.contains(secret));
                assert_eq!(has, name == "control-plane", "{name}");
            }
        }
    }
}

#[test]
fn real_credentials_are_not_sent_to_the_sandbox() {
    let mut environment = Environment::made();
    for (name, real) in [("STRIPE_SECRET_KEY", "sk_test_51Real"), ("PAYPAL_CLIENT_ID", "AbRealId")] {
        let made_up = environment.values.insert(name.to_owned(), real.to_owned()).unwrap();
        let compose = Compose::with(&environment);
        for service in ["control-plane", "worker"] {
            let source = source(&compose.services[service]);
            let errors = match service {
                "worker" => WorkerConfig::read(&source).map(drop),
                _ => Config::read(&source).map(drop),
            };
            let errors = format!("{:?}", errors.unwrap_err());
            assert!(errors.contains("_API_BASE") && !errors.contains(real), "{errors}");
        }
        environment.values.insert(name.to_owned(), made_up);
    }
}

/// Also where its profile was forgotten in `.env`: it runs then, and knows nothing that would be worth anything.
#[test]
fn the_sandbox_is_given_no_value_that_could_be_a_providers() {
    let mut environment = Environment::made();
    let of_sandbox = |environment: &Environment| {
        let mut services = Compose::with(environment).services;
        services.remove("sandbox").unwrap().environment
    };
    let made_up = of_sandbox(&environment);
    let envoy = Compose::with(&environment).services.remove("envoy").unwrap().environment;
    assert_eq!(
        made_up["STRIPE_WEBHOOK_SECRETS"], envoy["STRIPE_WEBHOOK_SECRETS"],
        "what it sends is believed"
    );
    for (name, value) in &mut environment.values {
        if !name.starts_with("SANDBOX_") {
            *value = format!("real {name}");
        }
    }
    assert_eq!(of_sandbox(&environment), made_up);
    let mut services = Compose::with(&environment).services;
    assert_eq!(
        services.remove("envoy").unwrap().environment["STRIPE_WEBHOOK_SECRETS"],
        "real STRIPE_WEBHOOK_SECRETS"
    );
    // Nor does Stripe's secret get there under the sandbox's own name.
    environment.values.insert("SANDBOX_WEBHOOK_SECRET".to_owned(), "whsec_real".to_owned());
    assert_eq!(of_sandbox(&environment)["STRIPE_WEBHOOK_SECRETS"], "whsec_sandbox_whsec_real");
    environment.values.retain(|name, _| !name.starts_with("SANDBOX_"));
    assert!(of_sandbox(&environment).values().all(|value| !value.contains("real")), "without its variables");
}

#[test]
fn without_its_profile_nothing_leads_to_the_sandbox() {
    let mut environment = Environment::made();
    let compose = Compose::with(&environment);
    assert_eq!(compose.services["sandbox"].profiles, [environment.values["COMPOSE_PROFILES"].clone()]);
    // All that a user with real credentials takes out.
    for name in ["COMPOSE_PROFILES", "SANDBOX_WEBHOOK_SECRET", "STRIPE_API_BASE", "PAYPAL_API_BASE"] {
        environment.values.remove(name).unwrap();
    }
    environment.values.insert("STRIPE_SECRET_KEY".to_owned(), "sk_live_51Real".to_owned());
    let compose = Compose::with(&environment);
    for (name, service) in &compose.services {
        for (key, value) in &service.environment {
            assert!(name == "sandbox" || !value.contains("sandbox:8090"), "{name}: {key}={value}");
        }
    }
    let control_plane = &compose.services["control-plane"].environment;
    assert_eq!(control_plane["STRIPE_API_BASE"], "https://api.stripe.com");
    assert!(Config::read(&source(&compose.services["control-plane"])).is_ok());
}

#[test]
fn each_command_is_one_that_the_program_has() {
    let control_plane = Programs::of_this_build().unwrap().control_plane;
    for (name, service) in Compose::as_written().services {
        if is_control_plane(&service) && service.entrypoint.is_empty() {
            let output = Command::new(&control_plane).args(&service.command).arg("--help").output().unwrap();
            assert!(output.status.success(), "{name}: {:?}", service.command);
        }
    }
}

/// The paths are the same inside and outside, so the files on this machine stand in for those in the images.
#[test]
fn envoy_accepts_the_bootstrap_that_these_settings_make() {
    let environment = Environment::made();
    envoy_accepts_the_bootstrap_of(&Compose::with(&environment));
}

fn envoy_accepts_the_bootstrap_of(compose: &Compose) {
    let (bootstrap, envoy) = (&compose.services["bootstrap"], &compose.services["envoy"]);
    let programs = Programs::of_this_build().unwrap();
    let mut places =
        BTreeMap::from([("/filter/plugin.wasm".to_owned(), programs.filter.display().to_string())]);
    let docs = bootstrap.environment.get("GATEWAY_DOCS").filter(|folder| !folder.is_empty());
    places.extend(docs.into_iter().flat_map(|folder| documentation_in(folder)));
    for volume in &envoy.volumes {
        let [outside, inside, "ro"] = volume.split(':').collect::<Vec<_>>()[..] else { panic!("{volume}") };
        // The bootstrap itself is in a volume.
        if outside.starts_with('/') {
            for file in fs::read_dir(outside).unwrap().map(|entry| entry.unwrap().path()) {
                let name = file.file_name().unwrap().to_str().unwrap();
                places.insert(format!("{inside}/{name}"), file.display().to_string());
            }
        }
    }
    let rendered = render(Profile::Production, &source(bootstrap), None).unwrap().text;
    envoy_accepts(&rendered, &places, &envoy.environment);
}

/// The files that Envoy's image has for the page at `/docs`, each beside the one of the repository that it is made of.
pub(crate) fn documentation_in(folder: &str) -> Vec<(String, String)> {
    let image = Dockerfile::read("filter/Dockerfile");
    let copies: Vec<_> =
        image.stage("envoy").all("COPY").filter_map(|copy| copy.strip_prefix("docs/")).collect();
    ["page/index.html", "page/rapidoc-min.js.gz", "openapi.json"]
        .iter()
        .map(|file| {
            let top = file.split('/').next().unwrap();
            assert!(copies.contains(&format!("{top} {folder}/{top}").as_str()), "{file}: {copies:?}");
            (format!("{folder}/{file}"), root().join("docs").join(file).display().to_string())
        })
        .collect()
}

#[test]
fn the_documentation_is_served_unless_the_environment_says_no() {
    let mut environment = Environment::made();
    let folder = |environment: &Environment| {
        Compose::with(environment).services["bootstrap"].environment["GATEWAY_DOCS"].clone()
    };
    assert_eq!(documentation_in(&folder(&environment)).len(), 3);
    environment.values.insert("GATEWAY_DOCS".to_owned(), String::new());
    assert_eq!(folder(&environment), "");
    envoy_accepts_the_bootstrap_of(&Compose::with(&environment));
}

#[test]
fn wallets_are_set_up_by_settings_and_a_folder_with_the_files_of_domains() {
    let mut environment = Environment::made();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("stripe"), "7B227073704964223A22".repeat(461)).unwrap();
    let path = folder.path().to_str().unwrap();
    for (name, value) in [
        ("WALLET_DOMAINS", "demo:shop.example"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_sandbox_demo"),
        ("WALLET_ASSOCIATION_FOLDER", path),
        ("WALLET_ASSOCIATION_FILES", "shop.example=/associations/stripe"),
    ] {
        environment.values.insert(name.to_owned(), value.to_owned());
    }
    let compose = Compose::with(&environment);
    let wallets = Config::read(&source(&compose.services["control-plane"])).unwrap().wallets;
    assert_eq!(wallets.stripe_publishable_key.as_deref(), Some("pk_test_sandbox_demo"));
    assert!(wallets.is_of(&ClientId::parse("demo").unwrap(), "shop.example"));
    // The one looks at the files, the other serves them.
    for service in ["bootstrap", "envoy"] {
        let volumes = &compose.services[service].volumes;
        assert!(volumes.contains(&format!("{path}:/associations:ro")), "{service}: {volumes:?}");
    }
    envoy_accepts_the_bootstrap_of(&compose);
}

/// Envoy validates a bootstrap that names files inside a container, with those of this machine in their place.
pub(crate) fn envoy_accepts(
    rendered: &str,
    places: &BTreeMap<String, String>,
    variables: &BTreeMap<String, String>,
) {
    let placed = places.iter().fold(rendered.to_owned(), |text, (inside, outside)| {
        assert!(text.contains(&format!("\"{inside}\"")), "{inside} in {text}");
        text.replace(inside, outside)
    });
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(file.path(), placed).unwrap();
    let envoy = Programs::of_this_build().unwrap().envoy;
    validate(&envoy, file.path(), variables);
}

/// A check that was sent before Envoy compiled the filter can be too late, and a new Envoy would begin with endpoints
/// that it takes for failed.
#[test]
fn each_health_check_waits_for_the_event_loop_and_logs_its_changes() {
    let environment = Environment::made();
    let compose = Compose::with(&environment);
    let rendered = render(Profile::Production, &source(&compose.services["bootstrap"]), None).unwrap().text;
    let bootstrap: Value = serde_yaml_ng::from_str(&rendered).unwrap();
    let clusters = bootstrap["static_resources"]["clusters"].as_sequence().unwrap();
    let mut checked = Vec::new();
    for cluster in clusters {
        for check in cluster["health_checks"].as_sequence().into_iter().flatten() {
            assert!(check["initial_jitter"].is_string(), "{cluster:?}");
            let log = &check["event_logger"][0]["typed_config"]["event_log_path"];
            assert_eq!(log, "/dev/stdout", "{cluster:?}");
            checked.push(cluster["name"].as_str().unwrap());
        }
    }
    assert_eq!(checked, ["control_plane", "event_streams", "edge_cache"]);
}

fn validate(envoy: &Path, file: &Path, variables: &BTreeMap<String, String>) {
    let mut command = Command::new(envoy);
    command.args(["--mode", "validate", "--config-path"]).arg(file).env_clear().envs(variables);
    let output = command.env("PATH", env::var_os("PATH").unwrap_or_default()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_two_halves_meet_at_the_paths_and_ports_that_both_name() {
    let compose = Compose::as_written();
    let bootstrap = &compose.services["bootstrap"].environment;
    for (setting, service, listen) in [
        ("CONTROL_PLANE_ADDRESS", "control-plane", "CONTROL_PLANE_LISTEN"),
        ("EDGE_CACHE_ADDRESS", "edge-cache", "EDGE_CACHE_LISTEN"),
    ] {
        let listens = &compose.services[service].environment[listen];
        assert_eq!(bootstrap[setting], listens.replace("0.0.0.0", service), "{setting}");
    }
    let written = compose.services["bootstrap"].command.join(" ");
    let read = fs::read_to_string(root().join("filter/Dockerfile")).unwrap();
    assert!(
        written.ends_with("--output /bootstrap/envoy.yaml") && read.contains("\"/bootstrap/envoy.yaml\"")
    );
    let published = &compose.services["envoy"].ports;
    assert!(
        published.iter().any(|port| port.ends_with(&bootstrap["GATEWAY_TLS_LISTEN"].replace("0.0.0.0", "")))
    );
}
