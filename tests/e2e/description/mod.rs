//! The API description for tools: it is valid, and a client generated from it can charge.
//!
//! The tools come from PyPI and npm, into the build folder. If that is not possible, the tests report why and skip.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gateway_tests::{Gateway, shared};
use local_stack::DEMO_KEY;
use tempfile::TempDir;
use test_services::{npm_packages, python_packages, skipped};
use tokio::process::Command;

const PACKAGES: [&str; 2] = ["openapi-spec-validator==0.9.0", "openapi-python-client==0.29.1"];

/// For OpenAPI what clippy is for Rust.
const LINTER: &str = "@redocly/cli@2.77.0";

/// The folder with the tools, or why there is none.
static TOOLS: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &PACKAGES));

static LINT: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| npm_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &[LINTER]));

/// The tools, and the description that the gateway serves, in a folder of its own.
async fn tools(
    tools: &'static LazyLock<Result<PathBuf, String>>,
    gateway: &Gateway<'_>,
) -> Option<(&'static Path, TempDir)> {
    let tools = match tokio::task::spawn_blocking(move || LazyLock::force(tools)).await.unwrap() {
        Ok(tools) => tools.as_path(),
        Err(why) => {
            skipped(why);
            return None;
        }
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let document = gateway.get("/openapi.json").await;
    assert_eq!(document.status, 200, "{}", document.text());
    std::fs::write(folder.path().join("openapi.json"), &document.body).unwrap();
    Some((tools, folder))
}

/// Runs Python with the tools and what lies in the folder; gives what it prints.
pub(crate) async fn python(tools: &Path, folder: &Path, arguments: &[&str]) -> String {
    let path = std::env::join_paths([tools, folder]).unwrap();
    let mut python = Command::new("python3");
    python.args(arguments).env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    said_by(python.current_dir(folder)).await
}

/// What a command says that ends well.
pub(crate) async fn said_by(command: &mut Command) -> String {
    let output = command.output().await.unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed:\n{printed}\n{errors}");
    format!("{printed}{errors}")
}

#[tokio::test]
async fn the_served_description_is_valid_openapi() {
    let gateway = shared().await;
    let Some((tools, folder)) = tools(&TOOLS, &gateway).await else { return };
    let said = python(tools, folder.path(), &["-m", "openapi_spec_validator", "openapi.json"]).await;
    assert!(said.contains("OK"), "{said}");
}

#[tokio::test]
async fn a_linter_has_nothing_to_say_of_the_served_description() {
    let gateway = shared().await;
    let Some((tools, folder)) = tools(&LINT, &gateway).await else { return };
    let mut lint = Command::new(tools.join("node_modules/.bin/redocly"));
    lint.args(["lint", "--format=stylish", "openapi.json"]).env("REDOCLY_TELEMETRY", "off");
    let said = said_by(lint.current_dir(folder.path())).await;
    assert!(said.contains("description is valid") && !said.contains("problem"), "{said}");
    let of_the_description =
        said.lines().filter(|line| line.contains("  warning  ") || line.contains("  error  "));
    assert_eq!(of_the_description.count(), 0, "{said}");
}

#[tokio::test]
async fn a_generated_client_charges_refunds_and_reads_through_envoy() {
    let gateway = shared().await;
    let Some((tools, folder)) = tools(&TOOLS, &gateway).await else { return };
    // Without the generator's own formatting, which would need a tool more.
    std::fs::write(folder.path().join("generator.yaml"), "post_hooks: []\n").unwrap();
    let generated = ["--path", "openapi.json", "--output-path", "gateway_client", "--meta", "none"];
    let generate =
        [&["-m", "openapi_python_client", "generate", "--config", "generator.yaml"][..], &generated];
    let said = python(tools, folder.path(), &generate.concat()).await;
    // It says what of a description it cannot express, and goes on without it.
    assert!(!said.to_lowercase().contains("warning"), "{said}");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/description/client.py");
    let url = gateway.stack().gateway_url();
    let transaction = python(tools, folder.path(), &[script.to_str().unwrap(), &url, DEMO_KEY]).await;
    let effects = gateway.effects(transaction.trim()).await;
    assert_eq!(effects, ["stripe charge 4999 USD", "stripe refund 1000 USD"]);
}
