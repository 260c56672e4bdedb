//! The chart knows the settings as the programs do: which there are, which are secrets, and what simple ones may be.

use std::collections::{BTreeMap, BTreeSet};

use control_plane::cli::envoy_bootstrap::{Profile, render};
use control_plane::config::{Config, IN_FILES, SETTINGS, Source, WorkerConfig, envoy_setting_names};

use super::*;

/// Secrets that no program reads from a file.
const VARIABLES: [&str; 2] = ["PAYPAL_CLIENT_ID", "STRIPE_WEBHOOK_SECRETS"];
/// What the templates refuse, with a reason that says where it belongs.
const ELSEWHERE: &str = "settingsElsewhere";
const OF_PROGRAMS: [&str; 4] =
    ["settingsOfControlPlane", "settingsOfWorker", "settingsOfEdgeCache", "settingsOfRetention"];
const OF_ENVOY: &str = "settingsOfEnvoy";

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap()
}

/// A list of names in the schema.
fn names(schema: &Value, list: &str) -> BTreeSet<String> {
    let names = schema["$defs"][list]["enum"].as_array().unwrap();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn owned<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}

fn secrets() -> BTreeSet<String> {
    owned(IN_FILES.iter().map(|(name, _)| *name).chain(VARIABLES))
}

#[test]
fn the_templates_refuse_every_secret_that_a_program_reads() {
    let text = fs::read_to_string(chart().join("templates/_pods.tpl")).unwrap();
    let list = text.lines().find_map(|line| line.strip_prefix("{{- $secret := list ")).unwrap();
    assert_eq!(owned(list.split('"').skip(1).step_by(2)), secrets());
}

#[test]
fn the_schema_has_every_setting_that_a_program_reads_and_no_other() {
    let schema = schema();
    let of_programs = owned(SETTINGS.iter().flat_map(|setting| setting.keys.iter().copied()));
    let of_envoy = owned(envoy_setting_names());
    let files = owned(IN_FILES.iter().map(|(_, file)| *file));
    let known: BTreeSet<_> =
        [&of_programs, &of_envoy, &secrets(), &files].into_iter().flatten().cloned().collect();
    let elsewhere = names(&schema, ELSEWHERE);
    let given: BTreeSet<_> =
        OF_PROGRAMS.iter().chain([&OF_ENVOY]).flat_map(|list| names(&schema, list)).collect();
    assert_eq!(given.union(&elsewhere).cloned().collect::<BTreeSet<_>>(), known);
    assert!(given.is_disjoint(&elsewhere), "{:?}", given.intersection(&elsewhere));
    assert!(elsewhere.is_superset(&secrets()) && elsewhere.is_superset(&files));
    for list in OF_PROGRAMS {
        assert!(names(&schema, list).is_subset(&of_programs), "{list}");
    }
    assert!(names(&schema, OF_ENVOY).is_subset(&of_envoy));
    let formed = schema["$defs"]["settings"]["properties"].as_object().unwrap();
    assert_eq!(owned(formed.keys().map(String::as_str)), given, "each has its form");
}

/// What the program says against its settings.
type SettingsCheck = fn(&Source) -> String;

#[test]
fn a_number_or_word_that_the_schema_refuses_is_refused_by_the_program() {
    let programs: [(&str, SettingsCheck); 3] = [
        ("settingsOfControlPlane", |source| format!("{:?}", Config::read(source).err())),
        ("settingsOfWorker", |source| format!("{:?}", WorkerConfig::read(source).err())),
        (OF_ENVOY, |source| format!("{:?}", render(Profile::Local, source, None).err())),
    ];
    let schema = schema();
    let mut tried = 0;
    for (list, said) in programs {
        for name in names(&schema, list) {
            let said = |value: String| said(&Source::new(with(&name, value), None).unwrap());
            let form = &schema["$defs"]["settings"]["properties"][&name];
            if form["enum"].is_array() {
                assert!(said("nonsense".to_owned()).contains(&name), "{list}: {name}");
                tried += 1;
            }
            if form["type"] != "integer" {
                continue;
            }
            let [least, most] = ["minimum", "maximum"].map(|end| form[end].as_i64().unwrap());
            for (number, is_right) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
                let said = said(number.to_string());
                assert_eq!(!said.contains(&name), is_right, "{list}: {name}={number}: {said}");
            }
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}

/// What programs need, and this.
fn with(name: &str, value: String) -> BTreeMap<String, String> {
    let keys = format!("k1:{}", "0f".repeat(32));
    let needed = [
        ("EDGE_ATTESTATION_KEYS", &*keys),
        ("DB_URI", "postgres://gateway:password@127.0.0.1:5432/gateway"),
        ("STRIPE_SECRET_KEY", "sk_test_51OfATest"),
    ];
    let needed = needed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    needed.into_iter().chain([(name.to_owned(), value)]).collect()
}
