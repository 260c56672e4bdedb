//! Other people's GraphQL clients, and their audit of GraphQL over HTTP.
//!
//! They come from PyPI and npm, into the build folder. If that is not possible, the tests report why and skip.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gateway_tests::OwnGateway;
use local_stack::DEMO_KEY;
use test_services::{npm_packages, python_packages, skipped};
use tokio::process::Command;

use crate::description::{python, said_by};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/graphql");

static NODE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let packages = ["graphql-http@1.23.1", "graphql-ws@6.4.2", "graphql@16.15.0", "ws@8.23.0"];
    npm_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &packages)
});

static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &["gql[httpx,websockets]==4.4.0"])
});

static GENERATOR: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &["schemathesis==4.32.5"]));

async fn installed(tools: &'static LazyLock<Result<PathBuf, String>>) -> Option<&'static Path> {
    match tokio::task::spawn_blocking(move || LazyLock::force(tools)).await.unwrap() {
        Ok(tools) => Some(tools),
        Err(why) => {
            skipped(why);
            None
        }
    }
}

/// Runs a script of this folder beside the packages, where Node.js looks for them.
async fn node(tools: &Path, script: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::copy(Path::new(FOLDER).join(script), folder.path().join(script)).unwrap();
    std::os::unix::fs::symlink(tools.join("node_modules"), folder.path().join("node_modules")).unwrap();
    said_by(Command::new("node").arg(script).args(arguments).current_dir(folder.path())).await
}

#[tokio::test]
async fn an_audit_of_graphql_over_http_finds_nothing_wrong() {
    let own = OwnGateway::start(&[]).await;
    let Some(tools) = installed(&NODE).await else { return };
    let url = format!("{}/graphql", own.stack.gateway_url());
    let said = node(tools, "audit.mjs", &[&url, DEMO_KEY]).await;
    // All audits of this release. A notice is about what the specification leaves open.
    for count in ["audits: 61,", " warnings: 0,", " errors: 0"] {
        assert!(said.contains(count), "{count} in {said}");
    }
}

#[tokio::test]
async fn another_library_subscribes_to_the_events_of_its_own_charge() {
    let own = OwnGateway::start(&[]).await;
    let Some(tools) = installed(&NODE).await else { return };
    let said = node(tools, "subscribe.mjs", &[own.stack.gateway_url().as_str(), DEMO_KEY]).await;
    assert!(said.contains("payment.created payment.processing payment.completed"), "{said}");
}

#[tokio::test]
async fn a_client_that_reads_the_schema_charges_and_reads() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let Some(tools) = installed(&PYTHON).await else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = Path::new(FOLDER).join("client.py");
    let url = own.stack.gateway_url();
    let transaction = python(tools, folder.path(), &[script.to_str().unwrap(), &url, DEMO_KEY]).await;
    assert_eq!(
        gateway.effects(transaction.trim()).await,
        ["stripe charge 4999 USD", "stripe refund 1000 USD"]
    );
}

#[tokio::test]
async fn generated_queries_and_mutations_are_answered_or_refused_as_mistakes() {
    let own = OwnGateway::start(&[]).await;
    let Some(tools) = installed(&GENERATOR).await else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::copy(Path::new(FOLDER).join("generator.py"), folder.path().join("generator.py")).unwrap();
    let (url, key) =
        (format!("{}/graphql", own.stack.gateway_url()), format!("Authorization: Bearer {DEMO_KEY}"));
    let schema = Path::new(FOLDER).join("../../../docs/schema.graphql");
    let generate = [
        ["-m", "generator", "run", schema.to_str().unwrap()],
        ["--url", &url, "--header", &key],
        ["--checks", "not_a_server_error", "--mode", "all"],
        ["--max-examples", "20", "--seed", "1"],
    ];
    // It fails if any response is a server error, or is none of GraphQL.
    let said = python(tools, folder.path(), &generate.concat()).await;
    assert!(said.contains("10/10"), "every field is tried: {said}");
    assert_eq!(own.gateway().filter_reloads().await, 0);
}
