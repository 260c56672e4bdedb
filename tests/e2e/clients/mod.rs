//! The clients of `clients/`, as they are committed: what is generated is fresh, their own tests pass, and they drive a
//! real gateway.
//!
//! Their generators come from npm and PyPI. If that is not possible, the tests report why and skip.

mod folders;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, process};

use gateway_tests::{Gateway, faulty, shared};
use local_stack::DEMO_KEY;
use serde_json::{Value, json};
use test_services::skipped;
use tokio::process::Command;

use self::folders::{copy, tree};
use crate::description::said_by;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How the script ends where the generators cannot be had.
const UNAVAILABLE: i32 = 69;

/// Each run overwrites it.
const FRESH: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/clients");

/// What is generated, below `clients/`.
const GENERATED: [&str; 3] = ["typescript/src/generated", "python/payment_gateway/core", "bruno/collection"];

fn in_root(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

/// Generates everything below [`FRESH`]; an error says why not.
static GENERATE: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let output = process::Command::new(in_root("tools/generate-clients.sh")).arg(FRESH).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(UNAVAILABLE) {
        let why = errors.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
        return Err(why.to_owned());
    }
    assert!(output.status.success(), "{errors}");
    Ok(())
});

/// Whether there are generators, and so what they have made and what came with them.
async fn generated() -> bool {
    let generated = tokio::task::spawn_blocking(|| GENERATE.clone()).await.unwrap();
    generated.inspect_err(|why| skipped(why)).is_ok()
}

/// A program that came with the generators.
fn program(name: &str) -> Command {
    Command::new(in_root(&format!(".tools/client-generators/npm/node_modules/.bin/{name}")))
}

/// Python with the client and what it needs.
fn python(arguments: &[&str]) -> Command {
    let path = [in_root("clients/python"), in_root(".tools/client-generators/python")];
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", std::env::join_paths(path).unwrap()).env("PYTHONDONTWRITEBYTECODE", "1");
    python.args(arguments).current_dir(in_root("clients/python"));
    python
}

/// The TypeScript client, built in a folder of its own, as its `package.json` says.
async fn typescript() -> PathBuf {
    static BUILT: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    let build = async || {
        let (source, built) = (in_root("clients/typescript"), Path::new(FRESH).join("typescript-built"));
        let _ = fs::remove_dir_all(&built);
        copy(&source.join("test"), &built.join("test"));
        fs::copy(source.join("package.json"), built.join("package.json")).unwrap();
        let mut build = program("tsc");
        said_by(build.arg("--project").arg(&source).arg("--outDir").arg(built.join("dist"))).await;
        built
    };
    BUILT.get_or_init(build).await.clone()
}

#[tokio::test]
async fn what_is_generated_from_the_description_is_as_committed() {
    if !generated().await {
        return;
    }
    for folder in GENERATED {
        let committed = tree(&in_root("clients").join(folder));
        let fresh = tree(&Path::new(FRESH).join(folder));
        assert!(fresh.len() > 5, "{folder}");
        let of_either = committed.keys().chain(fresh.keys());
        let differ: BTreeSet<_> = of_either.filter(|name| committed.get(*name) != fresh.get(*name)).collect();
        assert!(differ.is_empty(), "not as `make clients` makes it: {folder}: {differ:?}");
    }
}

#[test]
fn the_typescript_client_is_built_with_the_compiler_that_is_pinned() {
    let package = fs::read(in_root("clients/typescript/package.json")).unwrap();
    let package: Value = serde_json::from_slice(&package).unwrap();
    let version = package["devDependencies"]["typescript"].as_str().unwrap();
    let pins = fs::read_to_string(in_root("tools/client-generators.txt")).unwrap();
    assert!(pins.lines().any(|pin| pin == format!("npm typescript@{version}")), "{version}");
}

#[test]
fn the_python_client_asks_for_a_python_that_has_what_its_core_imports() {
    let core = tree(&in_root("clients/python/payment_gateway/core"));
    assert!(core.values().any(|file| String::from_utf8_lossy(file).contains("from enum import StrEnum")));
    // Which came with 3.11.
    for (file, text) in [
        ("clients/python/pyproject.toml", "requires-python = \">=3.11\""),
        ("clients/README.md", "Python 3.11 and newer"),
    ] {
        assert!(fs::read_to_string(in_root(file)).unwrap().contains(text), "{file}: {text}");
    }
}

#[tokio::test]
async fn the_served_description_is_the_committed_one() {
    let served = shared().await.get("/openapi.json").await;
    let committed = fs::read_to_string(in_root("docs/openapi.json")).unwrap();
    assert_eq!(served.json(), serde_json::from_str::<Value>(&committed).unwrap());
}

#[tokio::test]
async fn the_typescript_client_passes_its_own_tests() {
    if !generated().await {
        return;
    }
    let mut node = Command::new("node");
    node.args(["--test", "test/gateway.test.mjs"]).current_dir(typescript().await);
    let said = said_by(&mut node).await;
    assert!(said.contains("# fail 0") && !said.contains("# pass 0"), "{said}");
}

#[tokio::test]
async fn the_python_client_passes_its_own_tests() {
    if generated().await {
        let said = said_by(&mut python(&["-W", "error::ResourceWarning", "-m", "unittest"])).await;
        assert!(said.contains("OK") && !said.contains("Ran 0 tests"), "{said}");
    }
}

/// A script of this folder, with the TypeScript client.
async fn typescript_script(name: &str, gateway: &Gateway<'_>) -> String {
    let mut node = Command::new("node");
    node.arg(in_root(&format!("tests/e2e/clients/{name}.mjs"))).arg(typescript().await.join("dist"));
    said_by(node.arg(gateway.stack().gateway_url()).arg(DEMO_KEY)).await
}

/// The same with the Python client.
async fn python_script(name: &str, gateway: &Gateway<'_>) -> String {
    let script = in_root(&format!("tests/e2e/clients/{name}.py"));
    let url = gateway.stack().gateway_url();
    said_by(&mut python(&[script.to_str().unwrap(), &url, DEMO_KEY])).await
}

/// Holds what a script says that it made against the providers' ledger.
async fn happened(gateway: &Gateway<'_>, made: &str) {
    let made: Value = serde_json::from_str(made.lines().next().unwrap()).unwrap();
    let (charge, refund) = ("stripe charge 4999 USD", |amount| format!("stripe refund {amount} USD"));
    for (name, effects) in [
        ("core", json!([charge])),
        ("refunded", json!([charge, refund(1000)])),
        ("declined", json!([])),
        ("captured", json!(["stripe authorize 4999 USD", "stripe capture 4000 USD"])),
        ("canceled", json!(["stripe authorize 4999 USD", "stripe cancel 4999 USD"])),
        ("job", json!([charge, refund(4999)])),
        ("undecided", json!(["paypal charge 4999 USD"])),
    ] {
        let transaction = made[name].as_str().unwrap();
        assert_eq!(json!(gateway.effects(transaction).await), effects, "{name}");
    }
}

#[tokio::test]
async fn the_typescript_client_drives_the_gateway() {
    if generated().await {
        let gateway = shared().await;
        happened(&gateway, &typescript_script("drive", &gateway).await).await;
    }
}

#[tokio::test]
async fn the_python_client_drives_the_gateway() {
    if generated().await {
        let gateway = shared().await;
        happened(&gateway, &python_script("drive", &gateway).await).await;
    }
}

/// The provider takes longer than the client waits, so that the client asks again while its charge is under way.
#[tokio::test]
async fn clients_that_do_not_wait_for_their_answers_charge_once() {
    if !generated().await {
        return;
    }
    let gateway = faulty().await;
    for attempt in ["typescript", "python"] {
        gateway.sandbox.slow_down("stripe", "charge", 1_500).await;
        let transaction = match attempt {
            "typescript" => typescript_script("impatient", &gateway).await,
            _ => python_script("impatient", &gateway).await,
        };
        let effects = gateway.effects(transaction.lines().next().unwrap()).await;
        assert_eq!(effects, ["stripe charge 4999 USD"], "{attempt}");
    }
}

/// Runs requests of the collection, in their order. Bruno was seen once, on a busy machine, to lose the variable that a
/// response sets; such a run says nothing of the gateway and is repeated.
async fn collection_run(gateway: &Gateway<'_>, requests: &[&str]) -> Value {
    let path = Path::new(FRESH).join("collection.json");
    for _ in 0..3 {
        let mut bru = program("bru");
        bru.arg("run").args(requests).args(["--env", "local", "--env-var"]);
        bru.arg(format!("baseUrl={}", gateway.stack().gateway_url())).arg("--reporter-json").arg(&path);
        said_by(bru.current_dir(in_root("clients/bruno/collection"))).await;
        let report = fs::read_to_string(&path).unwrap();
        if !report.contains("/{{transactionId}}") {
            return serde_json::from_str(&report).unwrap();
        }
    }
    panic!("the collection does not take the transaction's id from a response")
}

#[tokio::test]
async fn the_collection_of_requests_runs_against_the_gateway() {
    if !generated().await {
        return;
    }
    let gateway = shared().await;
    let requests = [
        "payments/createCharge.bru",
        "payments/getPayment.bru",
        "payments/createRefund.bru",
        "refunds/getRefund.bru",
        "payments/listPaymentEvents.bru",
        "events/createEventTicket.bru",
        "payments/listPayments.bru",
        "events/listEvents.bru",
        "description/getApiDescription.bru",
    ];
    let report = collection_run(&gateway, &requests).await;
    let results = report[0]["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["response"]["status"].clone()).collect();
    assert_eq!(statuses, vec![json!(200); requests.len()], "{report:#}");
    let transaction = results[0]["response"]["data"]["transactionId"].as_str().unwrap();
    let effects = gateway.effects(transaction).await;
    assert_eq!(effects, ["stripe charge 4999 USD", "stripe refund 1000 USD"]);
}
