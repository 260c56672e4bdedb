//! SQLite on a disk that is full for a while, and a file that is taken away under it.

use std::fs;
use std::path::Path;
use std::process::Command;

use payments::ports::store::{CommitError, Store, StoreError};
use tempfile::TempDir;
use test_services::skipped_here;

use crate::common::*;

/// A disk of 3 MB of a test's own.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder));
        }
        skipped_here("a small tmpfs cannot be mounted (it takes root)");
        None
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// Leaves nothing free.
    fn fill(&self) {
        let file = fs::File::create(self.path("filler")).unwrap();
        let (mut file, block) = (file, [0; 512]);
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    /// Frees a page of what fills it.
    fn free_a_page(&self) {
        let filler = fs::OpenOptions::new().write(true).open(self.path("filler")).unwrap();
        filler.set_len(filler.metadata().unwrap().len() - 4096).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

async fn open(path: &Path) -> std::sync::Arc<dyn Store> {
    payments_stores::open(format!("sqlite://{}", path.display())).await.unwrap()
}

fn is_certain(refused: &Result<(), CommitError>) -> bool {
    matches!(refused, Err(CommitError::Store(StoreError::NotWritten(_))))
}

async fn is_there(store: &dyn Store, n: u8) -> bool {
    let (payment, _) = opening(n, "demo", 100);
    store.payment(&payment.client, payment.id).await.unwrap().is_some()
}

#[tokio::test]
async fn a_disk_that_was_full_for_a_while_is_written_to_again() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&disk.path("gateway.db")).await;
    store.commit(opening(1, "demo", 100).1).await.unwrap();
    store.ready().await.unwrap();
    for first in [10_u8, 60] {
        disk.fill();
        // Alone, and with others in one commit.
        let mut refused = vec![store.commit(opening(first, "demo", 100).1).await];
        let together = (1..20).map(|n| opening(first + n, "demo", 100).1).collect();
        refused.extend(super::changes::commit_all(&*store, together).await);
        assert!(refused.iter().any(is_certain), "the disk is not full: {refused:?}");
        assert!(refused.iter().all(|one| one.is_ok() || is_certain(one)), "{refused:?}");
        assert!(store.ready().await.is_err(), "a commit has just failed");
        for (n, refused) in (0..).zip(&refused) {
            assert_eq!(is_there(&*store, first + n).await, refused.is_ok(), "{n}");
        }
        disk.free();
        for n in 0..20 {
            if refused[usize::from(n)].is_err() {
                store.commit(opening(first + n, "demo", 100).1).await.unwrap();
            }
        }
        store.ready().await.unwrap();
    }
}

#[tokio::test]
async fn a_disk_with_room_for_a_probe_and_for_no_charge_is_not_ready() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&disk.path("gateway.db")).await;
    store.ready().await.unwrap();
    disk.fill();
    let mut next = 1..;
    let mut charge = async || {
        let n = next.next().unwrap();
        store.commit(opening_nth(n, "demo", 100).1).await
    };
    let mut refused = charge().await;
    while refused.is_ok() {
        refused = charge().await;
    }
    assert!(is_certain(&refused), "{refused:?}");
    // Page by page, until there is room for a charge.
    for pages in 0.. {
        assert!(pages < 100, "there is no room for a charge");
        let is_ready = store.ready().await.is_ok();
        let is_charged = charge().await.is_ok();
        assert!(is_charged || !is_ready, "{pages} pages: ready, and no charge can be made");
        if is_charged {
            break;
        }
        disk.free_a_page();
    }
    disk.free();
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_deleted_takes_no_payment_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("gateway.db"), folder.path().join("away"));
    let store = open(&path).await;
    store.commit(opening(1, "demo", 100).1).await.unwrap();
    store.ready().await.unwrap();
    fs::rename(&path, &away).unwrap();
    let refused = store.commit(opening(2, "demo", 100).1).await;
    assert!(is_certain(&refused), "{refused:?}");
    assert!(store.ready().await.is_err());
    assert!(!path.exists(), "an empty one is no help");
    fs::rename(&away, &path).unwrap();
    store.ready().await.unwrap();
    store.commit(opening(2, "demo", 100).1).await.unwrap();
    assert!(is_there(&*store, 1).await && is_there(&*store, 2).await);
}

#[tokio::test]
async fn a_file_that_is_replaced_is_the_one_that_is_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("gateway.db"), folder.path().join("backup.db"));
    let store = open(&path).await;
    store.commit(opening(1, "demo", 100).1).await.unwrap();
    let mut shell =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite://{}", path.display()))
            .await
            .unwrap();
    let copy = format!("VACUUM INTO '{}'", backup.display());
    sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&mut shell).await.unwrap();
    drop(shell);
    store.commit(opening(2, "demo", 100).1).await.unwrap();
    for beside in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{beside}", path.display()));
    }
    fs::rename(&backup, &path).unwrap();
    store.commit(opening(3, "demo", 100).1).await.unwrap();
    store.ready().await.unwrap();
    assert!(is_there(&*store, 1).await && !is_there(&*store, 2).await && is_there(&*store, 3).await);
    drop(store);
    let again = open(&path).await;
    assert!(is_there(&*again, 3).await, "what was told as written is there after a restart");
}

#[tokio::test]
async fn a_log_that_is_deleted_takes_no_payment_with_it() {
    for gone in [&["-wal"][..], &["-wal", "-shm"], &["-shm"]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.db");
        let store = open(&path).await;
        for n in 1..=20 {
            store.commit(opening(n, "demo", 100).1).await.unwrap();
        }
        for beside in gone {
            fs::remove_file(format!("{}{beside}", path.display())).unwrap();
        }
        // Some may fail where files are swapped under them; none is reported as written and lost.
        let mut written: Vec<_> = (1..=20).collect();
        for n in 21..=60 {
            if store.commit(opening(n, "demo", 100).1).await.is_ok() {
                written.push(n);
            }
        }
        assert!(written.len() > 50, "{gone:?}: {}", written.len());
        store.ready().await.unwrap();
        // As after a crash: the copy has what is on the disk, and no more.
        let copy = folder.path().join("copy.db");
        for beside in ["", "-wal"] {
            fs::copy(format!("{}{beside}", path.display()), format!("{}{beside}", copy.display())).unwrap();
        }
        drop(store);
        for path in [&copy, &path] {
            let again = open(path).await;
            for n in &written {
                assert!(is_there(&*again, *n).await, "{gone:?}: {n} in {}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_database_without_one_of_its_tables_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.db");
    let store = open(&path).await;
    store.ready().await.unwrap();
    let mut shell =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite://{}", path.display()))
            .await
            .unwrap();
    sqlx::query("DROP TABLE events").execute(&mut shell).await.unwrap();
    assert!(store.ready().await.is_err());
}
