//! The API description for tools: it is valid, a linter has nothing to say, and random requests are answered as it says.
//!
//! The tools come from PyPI and npm, into the build folder. If that is not possible, the tests report why and skip.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gateway_tests::{Gateway, OwnGateway, shared};
use local_stack::DEMO_KEY;
use tempfile::TempDir;
use test_services::{npm_packages, python_packages, skipped};
use tokio::process::Command;

const PACKAGES: [&str; 2] = ["openapi-spec-validator==0.9.0", "schemathesis==4.32.5"];

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

/// How many operations a run of random requests chose, of how many, and how many it tested.
#[derive(Debug, PartialEq)]
struct RandomRun {
    chosen: usize,
    of: usize,
    tested: usize,
}

/// Sends random requests of the description, valid ones and others, and follows its links. With the seed, a run repeats
/// another as far as the answers are the same.
async fn random_requests(arguments: &[&str]) -> Option<RandomRun> {
    // Its own: some of the requests are charges, and many are odd.
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let (tools, folder) = tools(&TOOLS, &gateway).await?;
    let (url, key) = (gateway.stack().gateway_url(), format!("Authorization: Bearer {DEMO_KEY}"));
    let usual =
        ["-m", "schemathesis.cli", "run", "openapi.json", "--url", &url, "--header", &key, "--no-color"];
    let bounds = ["--seed", "1", "--max-examples", "30", "--request-timeout", "60"];
    let said = python(tools, folder.path(), &[&usual[..], &bounds, arguments].concat()).await;
    let number = |text: &str| text.trim().parse::<usize>().unwrap();
    let after = |label: &str| said.split_once(label).and_then(|(_, rest)| rest.lines().next()).unwrap();
    let (chosen, of) = after("  Selected: ").split_once('/').unwrap();
    Some(RandomRun { chosen: number(chosen), of: number(of), tested: number(after("  Tested: ")) })
}

/// No 5xx, no status, header or body that is not described, and nothing accepted that the description forbids.
///
/// Two of the tool's checks do not fit. A valid charge may be refused: for what the provider does not know, for a key that
/// was used before, and for `1.0`, which JSON Schema calls an integer. And a method that Envoy does not know (`QUERY`)
/// reaches no route, so it is answered 400 instead of 405.
#[tokio::test]
async fn random_requests_are_answered_as_described() {
    let unfit = "positive_data_acceptance,unsupported_method";
    let Some(run) = random_requests(&["--mode", "all", "--exclude-checks", unfit]).await else { return };
    assert!(run.of > 10 && run.chosen == run.of && run.tested == run.of, "{run:?}");
}

/// Unlike a charge, a read depends on the gateway alone.
#[tokio::test]
async fn every_valid_read_is_accepted() {
    let checks = ["--mode", "positive", "--include-method", "GET", "--checks", "positive_data_acceptance"];
    let Some(run) = random_requests(&checks).await else { return };
    assert!(run.chosen > 5 && run.tested == run.chosen, "{run:?}");
}
