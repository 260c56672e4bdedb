//! The providers' official libraries, pointed at the sandbox, work: charges, captures, refunds, declines, wallets,
//! webhooks.
//!
//! They are installed from PyPI once, into the build folder. Where that cannot be done the tests say why and skip.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected stops there")]

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use provider_sandbox::{Config, start};
use serde_json::Value;
use test_services::{python_packages, skipped};
use tokio::process::Command;

/// PayPal's newer library checks no webhooks; the older one does, with a function that pyOpenSSL has since dropped.
const PACKAGES: [&str; 5] = [
    "stripe==16.1.0",
    "paypal-server-sdk==2.4.0",
    "paypalrestsdk==1.13.3",
    "pyOpenSSL==23.2.0",
    "cryptography==41.0.7",
];

/// The folder with the libraries, or why there is none.
static LIBRARIES: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &PACKAGES));

/// Runs a script against a new sandbox and returns the effects it left, as `kind amount`; `None` if skipped.
async fn run(script: &str) -> Option<Vec<String>> {
    let libraries = match tokio::task::spawn_blocking(|| LIBRARIES.clone()).await.unwrap() {
        Ok(libraries) => libraries,
        Err(why) => {
            skipped(&format!("{script} against the sandbox: {why}"));
            return None;
        }
    };
    let contracts = std::env::var_os("GATEWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
        .join("contracts");
    let config = Config { contracts: Some(contracts).filter(|folder| folder.is_dir()), ..Config::default() };
    let sandbox = start(config).await.unwrap();
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/official_sdks").join(script))
        .arg(sandbox.url())
        .env("PYTHONPATH", libraries)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{script} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    let ledger = reqwest::get(format!("{}/_sandbox/ledger", sandbox.url())).await.unwrap();
    let ledger: Value = ledger.json().await.unwrap();
    let effects = ledger.get("effects").and_then(Value::as_array).unwrap();
    let show = |effect: &Value| Some(format!("{} {}", effect.get("kind")?.as_str()?, effect.get("amount")?));
    Some(effects.iter().filter_map(show).collect())
}

#[tokio::test]
async fn stripes_library_charges_captures_cancels_refunds_and_meets_declines() {
    let Some(effects) = run("stripe_sdk.py").await else { return };
    let expected = [
        "charge 4999",
        "refund 1000",
        "refund 3999",
        "authorize 4999",
        "capture 3000",
        "authorize 4999",
        "cancel 4999",
    ];
    assert_eq!(effects, expected);
}

#[tokio::test]
async fn paypals_library_charges_captures_voids_refunds_and_meets_declines() {
    let Some(effects) = run("paypal_sdk.py").await else { return };
    let expected = [
        "charge 4999",
        "refund 1000",
        "refund 3999",
        "charge 4999",
        "authorize 4999",
        "capture 1000",
        "cancel 3999",
    ];
    assert_eq!(effects, expected);
}

#[tokio::test]
async fn both_libraries_pay_by_wallets_whose_pages_are_replaced() {
    let Some(effects) = run("wallets.py").await else { return };
    assert_eq!(effects, ["charge 4999", "charge 4999", "charge 4999", "charge 4999"]);
}

#[tokio::test]
async fn both_libraries_accept_the_webhooks_and_no_forged_ones() {
    let Some(effects) = run("webhooks.py").await else { return };
    assert_eq!(effects, ["charge 4999", "charge 4999", "charge 4999"]);
}
