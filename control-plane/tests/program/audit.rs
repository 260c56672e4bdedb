//! The audit trail as operators keep it: a service that seals, dies and is restored from a backup.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::service::Service;
use super::{KEYS, run};

const KEY: (&str, &str) = (
    "AUDIT_SIGNING_KEY",
    "shop.example/audit:0303030303030303030303030303030303030303030303030303030303030303",
);
const SEALS: [(&str, &str); 3] = [KEY, ("AUDIT_ANCHOR_FILE", "anchors"), ("AUDIT_SEAL_SECONDS", "1")];
/// Longer than the lease of a process that died.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command of an operator, each of which leaves two records.
fn command(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let settings: Vec<_> = [KEYS, ("USER", "ada")].into_iter().chain(SEALS).collect();
    run(folder, arguments, &settings)
}

fn look(folder: &Path) {
    let (worked, text) = command(folder, &["webhook", "list"]);
    assert!(worked, "{text}");
}

/// Waits until so many records are sealed and anchored.
fn sealed(folder: &Path, records: u32) {
    let (deadline, wanted) = (Instant::now() + PATIENCE, format!("\n{records}\n"));
    let anchors = || fs::read_to_string(folder.join("anchors")).unwrap_or_default();
    while !anchors().contains(&wanted) {
        assert!(Instant::now() < deadline, "{records} records are never sealed: {}", anchors());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn start(folder: TempDir, crash: Option<&str>) -> Service {
    let crash = crash.map(|point| ("CRASH_POINTS", point));
    let settings: Vec<_> = SEALS.into_iter().chain(crash).collect();
    let service = Service::begin(folder, &settings);
    service.until(r#""setting":"EDGE_CACHE_LISTEN""#);
    service
}

#[test]
fn a_service_that_dies_while_it_seals_leaves_a_whole_trail_to_the_next() {
    let mut folder = tempfile::tempdir().unwrap();
    for (point, round) in [("during_seal:1", 1), ("after_seal_before_anchor:1", 2)] {
        let mut service = start(folder, Some(point));
        look(service.folder.path());
        assert!(!service.end().success(), "{point}");
        folder = std::mem::replace(&mut service.folder, tempfile::tempdir().unwrap());
        let service = &mut start(folder, None);
        sealed(service.folder.path(), 2 * round);
        let (whole, text) = command(service.folder.path(), &["audit", "verify"]);
        assert!(whole && text.contains("the audit trail is whole"), "{text}");
        assert!(text.contains(&format!("{} sealed records", 2 * round)), "{text}");
        folder = std::mem::replace(&mut service.folder, tempfile::tempdir().unwrap());
    }
}

#[test]
fn a_restored_backup_is_told_recorded_and_never_forgotten() {
    let service = start(tempfile::tempdir().unwrap(), None);
    look(service.folder.path());
    sealed(service.folder.path(), 2);
    let folder = stop(service);
    copy(folder.path(), "gateway.db", "backup.db");
    let service = start(folder, None);
    look(service.folder.path());
    sealed(service.folder.path(), 4);
    let folder = stop(service);
    copy(folder.path(), "backup.db", "gateway.db");

    let (whole, text) = command(folder.path(), &["audit", "verify"]);
    // To 2 or 3: each record may have been sealed by itself.
    assert!(!whole && text.contains("records 2 to ") && text.contains("are missing"), "{text}");
    // The service serves, and does not seal.
    let service = start(folder, None);
    service.until("the audit trail cannot be sealed");
    look(service.folder.path());
    let (done, text) =
        command(service.folder.path(), &["audit", "restored", "--reason", "the disk died", "--by", "Ada"]);
    assert!(done && text.contains("the checkpoint of 4 records is lost, that of 2 holds"), "{text}");
    sealed(service.folder.path(), 5);
    let anchors = fs::read_to_string(service.folder.path().join("anchors")).unwrap();
    assert!(anchors.contains("\n\nshop.example/audit\naudit-restored@v1\n4\n"), "{anchors}");
    let (whole, text) = command(service.folder.path(), &["audit", "verify"]);
    assert!(whole && text.contains("a backup was restored, recorded by Ada and signed"), "{text}");
    // A checkpoint that an auditor has kept, and the key that the gateway gave out.
    let key = command(service.folder.path(), &["audit", "key"]).1;
    let anchors = fs::read_to_string(service.folder.path().join("anchors")).unwrap();
    let first = anchors.trim_start().split("\n\n\n").next().unwrap();
    fs::write(service.folder.path().join("kept"), format!("{first}\n")).unwrap();
    let verify = ["audit", "verify", "--checkpoint", "kept", "--key", key.trim()];
    let (whole, text) = run(service.folder.path(), &verify, &[]);
    assert!(whole && text.contains("1 anchored checkpoints hold, the largest of"), "{text}");
}

/// The database with its write-ahead log, if one is there.
fn copy(folder: &Path, from: &str, to: &str) {
    let file = |name: &str, ending: &str| folder.join(format!("{name}{ending}"));
    fs::copy(file(from, ""), file(to, "")).unwrap();
    if fs::copy(file(from, "-wal"), file(to, "-wal")).is_err() {
        let _ = fs::remove_file(file(to, "-wal"));
    }
    let _ = fs::remove_file(file(to, "-shm"));
}

fn stop(mut service: Service) -> TempDir {
    service.signal(rustix::process::Signal::TERM);
    assert!(service.end().success(), "{}", service.log());
    std::mem::replace(&mut service.folder, tempfile::tempdir().unwrap())
}

#[test]
fn a_command_is_recorded_with_who_from_where_and_how_it_ended() {
    let service = start(tempfile::tempdir().unwrap(), None);
    let folder = service.folder.path();
    let (worked, text) = command(folder, &["keys", "rotate"]);
    assert!(!worked && text.contains("set ENCRYPTION_KEYS"), "{text}");
    look(folder);
    sealed(folder, 4);
    let (worked, text) = command(folder, &["audit", "export"]);
    assert!(worked, "{text}");
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let told =
        |name: &str| -> Vec<_> { lines.iter().map(|line| line[name].as_str().unwrap_or_default()).collect() };
    assert_eq!(told("what"), ["keys rotate", "keys rotate", "webhook list", "webhook list", ""]);
    assert_eq!(told("outcome"), ["begun", "failure", "begun", "success", ""]);
    assert!(told("reason")[1].contains("set ENCRYPTION_KEYS"), "{text}");
    assert!(lines[..4].iter().all(|line| line["who"] == "operator ada"), "{text}");
    assert!(told("origin")[..4].iter().all(|origin| origin.starts_with("ada@")), "{text}");

    // The export and the public key are enough: no database is needed.
    let elsewhere = tempfile::tempdir().unwrap();
    let export: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(elsewhere.path().join("trail.jsonl"), export).unwrap();
    let verify = ["audit", "verify", "--export", "trail.jsonl"];
    let (whole, text) = run(elsewhere.path(), &verify, &[KEY]);
    assert!(whole && text.contains("4 sealed records and 1 checkpoints hold\n"), "{text}");
    let forged = fs::read_to_string(elsewhere.path().join("trail.jsonl")).unwrap().replacen("ada", "bob", 1);
    fs::write(elsewhere.path().join("trail.jsonl"), forged).unwrap();
    let (whole, text) = run(elsewhere.path(), &verify, &[KEY]);
    assert!(!whole && text.contains("WRONG: ") && text.contains("record 0"), "{text}");
}

#[test]
fn an_anchor_file_that_does_not_exist_yet_is_told_from_one_that_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let (migrated, text) = run(folder.path(), &["migrate"], &[]);
    assert!(migrated, "{text}");
    let missing = "the anchor file anchors (AUDIT_ANCHOR_FILE) does not exist yet";
    let (whole, text) = run(folder.path(), &["audit", "verify"], &SEALS);
    assert!(whole && text.contains(missing), "{text}");
    let (done, text) = run(folder.path(), &["audit", "restored", "--reason", "x"], &SEALS);
    assert!(!done && text.contains(missing), "{text}");
    let (whole, text) = run(folder.path(), &["audit", "verify"], &[KEY]);
    assert!(whole && text.contains("give --checkpoint, or set AUDIT_ANCHOR_FILE"), "{text}");
}

#[test]
fn what_cannot_be_verified_is_told_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, settings, expected) in [
        (&["audit", "verify"][..], &[][..], "no key is known"),
        (&["audit", "verify"], &[KEY], "there is no"),
        (&["audit", "verify", "--key", "x"], &[], "as `control-plane audit key` prints it"),
        (&["audit", "verify", "--checkpoint", "none"], &[KEY], "none"),
        (&["audit", "verify", "--accept-unsigned-restore", "x"], &[KEY], "must be a hash in base64"),
        (&["audit", "restored", "--reason", "x"], &[], "set AUDIT_SIGNING_KEY"),
        (&["audit", "restored", "--reason", "x"], &[KEY], "without anchored checkpoints"),
    ] {
        let (worked, text) = run(folder.path(), arguments, settings);
        assert!(!worked && text.contains(expected), "{arguments:?}: {text}");
    }
    fs::write(folder.path().join("empty"), "nothing\n").unwrap();
    let (worked, text) = run(folder.path(), &["audit", "verify", "--checkpoint", "empty"], &[KEY]);
    assert!(!worked && text.contains("has no checkpoint"), "{text}");
}
