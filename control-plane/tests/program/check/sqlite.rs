//! What is found of a file, which may be a service's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::super::service::Service;
use super::super::{KEYS, run};
use super::check;

/// Every file in a folder, with its content and the time of its last change.
fn all_of(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let read = |file: fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        (name, (fs::read(file.path()).unwrap(), file.metadata().unwrap().modified().unwrap()))
    };
    files.map(read).filter(|(name, _)| name.starts_with("gateway.db")).collect()
}

fn check_at(folder: &Path) -> (bool, String) {
    run(folder, &["config", "check", "--connect"], &[KEYS])
}

#[test]
fn the_files_of_a_running_and_of_a_killed_service_are_read_and_left_as_they_are() {
    let mut service = Service::start(&[]);
    let (worked, text) = check_at(service.folder.path());
    assert!(worked && text.contains("its schema is at migration"), "{text}");
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    let folder = service.folder.path();
    let before = all_of(folder);
    assert!(before["gateway.db-wal"].0.len() > 1_000, "the service left a log");
    let (worked, text) = check_at(folder);
    assert!(worked && text.contains("its schema is at migration"), "{text}");
    assert!(all_of(folder) == before, "the check changed a file: {text}");
    fs::remove_file(folder.join("gateway.db-shm")).unwrap();
    let before = all_of(folder);
    let (_, text) = check_at(folder);
    assert!(text.contains("its write-ahead log has no index"), "{text}");
    assert!(all_of(folder) == before, "the check changed a file: {text}");
}

#[test]
fn a_file_of_no_length_is_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gateway.db"), "").unwrap();
    let (worked, text) = check_at(folder.path());
    assert!(worked && text.contains("ok       database") && text.contains("a new file"), "{text}");
}

#[test]
fn an_address_that_is_more_than_a_file_is_refused_at_once() {
    for (uri, why) in [
        ("sqlite://", "must name a file"),
        ("sqlite://gateway.db # the database", "a comment goes on its own line"),
        ("sqlite://gateway.db?mode=ro", "only `mode=rwc` is accepted"),
        ("sqlite://gateway.db?mode=memory", "database in memory"),
        ("sqlite://:memory:", "database in memory"),
        ("sqlite://gateway.db?journal=off", "only `mode=rwc` is accepted"),
    ] {
        let (worked, text) = check(&[("DB_URI", uri)]);
        assert!(
            !worked && text.contains("DB_URI (from the environment)") && text.contains(why),
            "{uri}: {text}"
        );
    }
}

#[test]
fn a_file_with_two_names_is_refused_under_each_and_by_the_check() {
    let service = Service::start(&[]);
    let (folder, other) = (service.folder.path(), tempfile::tempdir_in(service.folder.path()).unwrap());
    fs::hard_link(folder.join("gateway.db"), other.path().join("gateway.db")).unwrap();
    for command in [&["serve"][..], &["config", "check", "--connect"], &["payments", "review"], &["migrate"]]
    {
        let (worked, text) = run(other.path(), command, &[KEYS]);
        assert!(!worked && text.contains("has 2 names (hard links)"), "{command:?}: {text}");
    }
    fs::remove_file(other.path().join("gateway.db")).unwrap();
    let (worked, text) = check_at(folder);
    assert!(worked, "{text}");
}
