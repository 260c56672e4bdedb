//! `docker-compose.yml` as a container engine reads it: merge keys applied, variables substituted.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::Deserialize;
use serde_yaml_ng::Value;
use tempfile::TempDir;

use crate::root;

/// Every key that the file uses. An unknown key is a mistake, or has to be added here first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) image: String,
    pub(crate) build: Option<Build>,
    #[serde(default)]
    pub(crate) command: Vec<String>,
    #[serde(default)]
    pub(crate) entrypoint: Vec<String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ports: Vec<String>,
    #[serde(default)]
    pub(crate) volumes: Vec<String>,
    #[serde(default)]
    pub(crate) depends_on: BTreeMap<String, Dependency>,
    pub(crate) healthcheck: Option<HealthCheck>,
    pub(crate) deploy: Option<Deploy>,
    #[serde(default)]
    pub(crate) profiles: Vec<String>,
    pub(crate) restart: String,
    pub(crate) read_only: bool,
    pub(crate) cap_drop: Vec<String>,
    #[serde(rename = "hostname")]
    _hostname: Option<String>,
    #[serde(rename = "user")]
    _user: Option<String>,
    #[serde(rename = "tmpfs", default)]
    _tmpfs: Vec<String>,
    pub(crate) stop_grace_period: Option<String>,
    #[serde(rename = "security_opt")]
    _security_opt: Vec<String>,
    pub(crate) logging: Logging,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logging {
    pub(crate) driver: String,
    pub(crate) options: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub(crate) context: String,
    pub(crate) dockerfile: String,
    pub(crate) target: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dependency {
    pub(crate) condition: String,
    /// Whether the other has to be there at all.
    #[serde(default = "yes")]
    pub(crate) required: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthCheck {
    pub(crate) test: Vec<String>,
    #[serde(rename = "interval")]
    _interval: String,
    #[serde(rename = "timeout")]
    _timeout: String,
    #[serde(rename = "retries")]
    _retries: u32,
    #[serde(rename = "start_period")]
    _start_period: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deploy {
    pub(crate) replicas: u32,
}

impl Service {
    /// Whether it runs once and ends.
    pub(crate) fn ends(&self) -> bool {
        self.restart == "no"
    }
}

#[derive(Debug)]
pub(crate) struct Compose {
    pub(crate) services: BTreeMap<String, Service>,
    /// The names of those that are declared.
    pub(crate) volumes: Vec<String>,
}

impl Compose {
    /// As written, with its `${…}`.
    pub(crate) fn as_written() -> Self {
        let text = fs::read_to_string(root().join("docker-compose.yml")).unwrap();
        let mut document: Value = serde_yaml_ng::from_str(&text).expect("docker-compose.yml is YAML");
        document.apply_merge().expect("docker-compose.yml merges what it names");
        let document = document.as_mapping().unwrap();
        for key in document.keys().map(|key| key.as_str().unwrap()) {
            assert!(matches!(key, "services" | "volumes") || key.starts_with("x-"), "{key} at the top");
        }
        let services = document["services"].as_mapping().unwrap().iter();
        Self {
            services: services
                .map(|(name, service)| (name.as_str().unwrap().to_owned(), read(name, service)))
                .collect(),
            volumes: document["volumes"]
                .as_mapping()
                .unwrap()
                .keys()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect(),
        }
    }

    /// With the values of an environment that `make compose-env` wrote.
    pub(crate) fn with(environment: &Environment) -> Self {
        let mut compose = Self::as_written();
        for service in compose.services.values_mut() {
            let lists =
                [&mut service.command, &mut service.entrypoint, &mut service.volumes, &mut service.ports];
            let probe = service.healthcheck.as_mut().map(|probe| &mut probe.test);
            let texts = lists.into_iter().chain(probe).flatten().chain(service.environment.values_mut());
            for text in texts {
                *text = interpolated(text, &environment.values);
            }
        }
        compose
    }
}

fn read(name: &Value, service: &Value) -> Service {
    serde_yaml_ng::from_value(service.clone()).unwrap_or_else(|error| panic!("service {name:?}: {error}"))
}

/// The environment of `make compose-env`, in its own folder.
pub(crate) struct Environment {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) folder: TempDir,
}

impl Environment {
    pub(crate) fn made() -> Self {
        Self::written(tempfile::tempdir().unwrap())
    }

    /// What becomes of it where its owner gives a setting another value, and runs `make compose-env` again.
    pub(crate) fn changed(self, name: &str, value: &str) -> Self {
        let file = self.folder.path().join(".env");
        let text = fs::read_to_string(&file).unwrap();
        let old = format!("\n{name}={}\n", self.values[name]);
        let lines = format!("\n{text}");
        assert!(lines.contains(&old), "{name}");
        fs::write(&file, lines.replace(&old, &format!("\n{name}={value}\n")).trim_start()).unwrap();
        Self::written(self.folder)
    }

    fn written(folder: TempDir) -> Self {
        let script = root().join("tools/compose-env.sh");
        let output = Command::new(script).arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = fs::read_to_string(folder.path().join(".env")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(|line| line.split_once('=').expect("KEY=value"));
        let values = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { values, folder }
    }
}

/// `$$`, `${NAME:?why}`, `${NAME:-default}` and `${NAME-default}`, the only forms that the file uses.
fn interpolated(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            rest = after;
            continue;
        }
        let (variable, after) = after
            .strip_prefix('{')
            .and_then(|after| after.split_once('}'))
            .unwrap_or_else(|| panic!("{text}: a `$` that is neither `$$` nor `${{…}}`"));
        let (name, default) = match (variable.split_once(":?"), variable.split_once('-')) {
            (Some((name, _)), _) => (name, None),
            (None, Some((name, default))) => (name.trim_end_matches(':'), Some(default)),
            (None, None) => (variable, None),
        };
        let value = values.get(name).map(String::as_str).or(default);
        result.push_str(value.unwrap_or_else(|| panic!("{name} is not in .env and has no default")));
        rest = after;
    }
    result + rest
}
