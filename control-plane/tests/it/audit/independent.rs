//! A verifier that knows only the specifications and the public key accepts what is proved, and nothing else.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use control_plane::audit::sealer::AnchorPlaces;
use payments::model::action::Restored;
use serde_json::Value;
use test_services::{python_packages, skipped};

use super::proofs::{get, seal};
use super::trail::{Trail, key};
use crate::common::{ENCRYPTION_KEYS, TestStore};
use crate::http::Api;

/// The folder with the library, or why there is none.
static LIBRARY: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &["cryptography==50.0.2"]));

/// `Err`: why it refuses `text`. `None` where there is no Python.
async fn verified(what: &'static str, text: String) -> Option<Result<String, String>> {
    let run = move || {
        let library = match &*LIBRARY {
            Ok(library) => library,
            Err(why) => {
                skipped(&format!("the independent verifier: {why}"));
                return None;
            }
        };
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/audit/verifier.py");
        let mut python = Command::new("python3");
        python.arg(script).arg(key().public().to_string()).arg(what).arg(file.path());
        let done = python.env("PYTHONPATH", library).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Some(if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) })
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// What a command of an operator prints.
pub(super) fn run(uri: &str, encryption_keys: &str, arguments: &[&str]) -> String {
    let mut program = Command::new(control_plane_tests::program());
    program.args(arguments).env_clear().env("DB_URI", uri).env("USER", "ada");
    let done = program.env("ENCRYPTION_KEYS", encryption_keys).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The proofs of a payment together with its events.
async fn proofs(api: &Api, id: &str) -> Value {
    let mut answer = get(api, &format!("/payments/{id}/events/proof")).await;
    answer["events"] = get(api, &format!("/payments/{id}/events")).await["data"].clone();
    answer
}

#[tokio::test]
async fn an_independent_verifier_accepts_the_proofs_and_no_changed_ones() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(api.charged().await);
        seal(&api).await;
    }
    for id in &ids {
        let Some(result) = verified("proofs", proofs(&api, id).await.to_string()).await else { return };
        assert_eq!(result, Ok("3".to_owned()));
    }
    let good = proofs(&api, &ids[3]).await;
    let replaced = |pointer: &str, from: &str, to: &str| {
        let mut changed = good.clone();
        let place = changed.pointer_mut(pointer).unwrap();
        let text = place.as_str().unwrap().replacen(from, to, 1);
        assert_ne!(place.as_str(), Some(text.as_str()), "{pointer}");
        *place = text.into();
        changed
    };
    let mut told = good.clone();
    told["events"][1]["requestId"] = "another".into();
    let mut moved = good.clone();
    moved["data"][1] = good["data"][2].clone();
    let mut missing = good.clone();
    missing["data"].as_array_mut().unwrap().pop();
    for (changed, why) in [
        (replaced("/data/1/record", "enc1:", "enc1:A"), "the record is not in the tree"),
        (replaced("/data/1/record", "demo", "Demo"), "the record is not in the tree"),
        (
            replaced("/data/1/proof", "\nshop.example/audit\n15", "\nshop.example/audit\n14"),
            "the signature is not",
        ),
        (replaced("/data/1/proof", "\nsealed-at 1", "\nsealed-at 2"), "the signature is not"),
        (replaced("/data/1/proof", "index 10", "index 11"), "the proof is of another record"),
        (
            replaced("/data/1/proof", "shop.example/audit ", "else.example/audit "),
            "the key has not signed it",
        ),
        (told, "an event is not what is sealed"),
        (moved, "not each event has a proof"),
        (missing, "not each event has a proof"),
    ] {
        let refused = verified("proofs", changed.to_string()).await.unwrap().unwrap_err();
        assert!(refused.starts_with("REFUSED: ") && refused.contains(why), "{refused} instead of {why}");
    }
}

#[tokio::test]
async fn an_independent_verifier_accepts_an_export_and_no_changed_one() {
    let api = Api::start().await;
    for _ in 0..5 {
        api.charged().await;
    }
    let run_with = |keys: &str, arguments: &[&str]| run(api.test.store.uri(), keys, arguments);
    let run = |arguments: &[&str]| run_with(ENCRYPTION_KEYS, arguments);
    run(&["webhook", "list"]);
    seal(&api).await;
    let text = run(&["audit", "export"]);
    // Fifteen transitions, the two records of the other command, and nothing of this one's, which are not sealed yet.
    let Some(result) = verified("export", text.clone()).await else { return };
    assert_eq!(result, Ok("17".to_owned()));
    let action: Value = serde_json::from_str(text.lines().nth(16).unwrap()).unwrap();
    assert_eq!((&action["what"], &action["outcome"]), (&"webhook list".into(), &"success".into()));
    assert!(
        action["who"] == "operator ada" && action["origin"].as_str().unwrap().starts_with("ada@"),
        "{action}"
    );

    let charge: Value = serde_json::from_str(text.lines().nth(2).unwrap()).unwrap();
    assert_eq!((&charge["what"], &charge["outcome"]), (&"payment.completed".into(), &"success".into()));

    // Without the keys that encrypt: the same records, whose details say nothing.
    let sealed = run_with("", &["audit", "export", "--without-details"]);
    assert_eq!(verified("export", sealed.clone()).await.unwrap(), Ok("17".to_owned()));
    let charge: Value = serde_json::from_str(sealed.lines().nth(2).unwrap()).unwrap();
    assert_eq!((&charge["what"], &charge["outcome"]), (&"payment.completed".into(), &Value::Null));

    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n");
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    let changes = [
        (text.replacen(r#"\"client\":\"demo\""#, r#"\"client\":\"Demo\""#, 1), "another hash"),
        (joined(&[&lines[..5], &lines[6..]].concat()), "record 5 is missing"),
        (joined(&swapped), "record 3 is missing"),
        (joined(&[&lines[..16], &lines[17..]].concat()), "the checkpoint covers other records"),
    ];
    for (changed, why) in changes {
        let refused = verified("export", changed).await.unwrap().unwrap_err();
        assert!(refused.contains(why), "{refused} instead of {why}");
    }
}

#[tokio::test]
async fn an_independent_verifier_accepts_a_signed_restore_and_no_other() {
    let trail = Trail::sealed(TestStore::sqlite().await).await;
    let export = || run(trail.test.uri(), "", &["audit", "export", "--without-details"]);
    trail.restore(7).await;
    let restore = trail.record_restore().await;
    trail.seal(8).await;
    let Some(result) = verified("export", export()).await else { return };
    assert_eq!(result, Ok("8".to_owned()));

    let told = Restored::new(&restore, &restore.signed(&trail.key));
    let other = Restored::new(&restore, &restore.lost.signed(&trail.key));
    for (claimed, why) in [
        (Restored { note: None, ..told.clone() }, "a restore has no note"),
        (other, "a restore note has another form"),
        (Restored { kept_size: 6, ..told }, "a restore note does not say what its record says"),
    ] {
        trail.restore(7).await;
        trail.record_loss(claimed).await;
        // By a process without anchors, and as if nothing had been exported.
        trail
            .tamper("DELETE FROM audit_sealer; DELETE FROM operator_actions WHERE action = 'audit export'")
            .await;
        trail.seal_by(&mut trail.sealer_with("b", AnchorPlaces::default()).await, 8).await;
        let refused = verified("export", export()).await.unwrap().unwrap_err();
        assert!(refused.contains(why), "{refused} instead of {why}");
    }
}
