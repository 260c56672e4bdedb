//! Events for other people's WebSocket clients.
//!
//! They come from PyPI, into the build folder. If that is not possible, the test reports why and skips.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gateway_tests::shared;
use local_stack::DEMO_KEY;
use test_services::{python_packages, skipped};

use crate::description::python;

static PYTHON: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &["websockets==17.4"]));

#[tokio::test]
async fn another_library_watches_a_charge_and_continues_behind_an_event() {
    let gateway = shared().await;
    let tools = match tokio::task::spawn_blocking(|| LazyLock::force(&PYTHON)).await.unwrap() {
        Ok(tools) => tools,
        Err(why) => return skipped(why),
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/event_clients.py");
    let url = gateway.stack().gateway_url();
    let said = python(tools, folder.path(), &[script.to_str().unwrap(), &url, DEMO_KEY]).await;
    let (payment, types) = said.trim().split_once(' ').unwrap();
    assert_eq!(types, "payment.created payment.processing payment.completed");
    assert_eq!(gateway.effects(payment).await, ["stripe charge 4999 USD"]);
}
