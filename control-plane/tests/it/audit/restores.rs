//! A backup is restored: nothing is sealed until that is recorded, and the trail says so for ever.

use audit_proof::Restore;
use control_plane::audit::anchor_file::AnchorFile;
use control_plane::audit::restore_note::Unfit;
use control_plane::audit::sealer::{AnchorPlaces, NotSealed};
use control_plane::audit::verify::Finding;

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    a_restored_backup_is_found_and_nothing_is_sealed_until_it_is_recorded
    a_process_that_runs_meanwhile_notices_the_restore_by_itself
    a_backup_that_goes_on_without_a_record_of_it_is_found
    what_was_restored_twice_is_recorded_twice
    a_restore_is_anchored_by_a_process_that_did_not_know_what_was_lost
    an_anchored_restore_note_without_a_record_is_told
    where_nothing_is_missing_there_is_no_restore_to_record
}

async fn a_restored_backup_is_found_and_nothing_is_sealed_until_it_is_recorded(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Cut { size: 7, anchored: 13, .. }]), "{found:?}");
    trail.pay(8).await;
    let refused = trail.restart().await.unwrap_err();
    assert!(matches!(&refused, NotSealed::Contradicted(lost) if lost.size == 13), "{refused}");

    let restore = trail.record_restore().await;
    assert_eq!((restore.lost.size, restore.kept_size), (13, 7));
    let found = trail.findings().await;
    let is_open =
        matches!(&found[..], [Finding::RestoreUnfit { unfit: Unfit::NotSealed, .. }, Finding::Cut { .. }]);
    assert!(is_open, "{found:?}");
    trail.seal(7 + EACH + 1).await;
    // The note is outside the database, too.
    let anchored: Vec<_> = trail.sources()[0].anchors.restores.iter().map(|(_, one)| one.clone()).collect();
    assert_eq!(anchored, [restore]);
    let report = trail.verify().await;
    assert!(report.is_whole() && report.explained == 1, "{report}");
    assert!(
        report
            .to_string()
            .contains("a backup was restored, recorded by ada and signed: of 13 records, 7 are"),
        "{report}"
    );
    // A log must not sign what contradicts it, so it is another log now.
    assert_eq!(trail.checkpoint().await.origin, "shop.example/audit/restored/1");
    // And stays it.
    trail.pay(9).await;
    trail.seal(7 + 2 * EACH + 1).await;
    assert_eq!(trail.checkpoint().await.origin, "shop.example/audit/restored/1");
    assert!(trail.verify().await.is_whole());
}

async fn a_process_that_runs_meanwhile_notices_the_restore_by_itself(test: TestStore) {
    let trail = Trail::new(test);
    // Without a file to which it would anchor: it remembers.
    let mut sealer = trail.sealer_with("a", AnchorPlaces::default()).await;
    trail.pay(1).await;
    trail.seal_by(&mut sealer, 3).await;
    trail.pay(2).await;
    trail.seal_by(&mut sealer, 6).await;
    trail.restore(3).await;
    trail.pay(3).await;
    let refused = sealer.turn().await.unwrap_err();
    assert!(matches!(&refused, NotSealed::Contradicted(lost) if lost.size == 6), "{refused}");
}

async fn a_backup_that_goes_on_without_a_record_of_it_is_found(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    for n in 10..13 {
        trail.pay(n).await;
    }
    // On another machine, which has anchored nothing yet.
    let mut elsewhere = trail.sealer_with("b", AnchorPlaces::default()).await;
    // The lease of the first one.
    trail.tamper("DELETE FROM audit_sealer").await;
    trail.seal_by(&mut elsewhere, 16).await;
    assert!(trail.verify_alone().await.is_whole());
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Rebuilt { from: 7, to: 13, .. }]), "{found:?}");
}

async fn what_was_restored_twice_is_recorded_twice(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    trail.record_restore().await;
    trail.seal(8).await;
    trail.pay(9).await;
    trail.seal(8 + EACH).await;
    trail.restore(8).await;
    let restore = trail.record_restore().await;
    assert_eq!((restore.lost.size, restore.kept_size), (11, 8));
    assert_eq!(restore.lost.origin, "shop.example/audit/restored/1");
    trail.seal(9).await;
    let report = trail.verify().await;
    assert!(report.is_whole() && report.explained == 2, "{report}");
    assert_eq!(trail.checkpoint().await.origin, "shop.example/audit/restored/2");
}

async fn where_nothing_is_missing_there_is_no_restore_to_record(test: TestStore) {
    let trail = Trail::sealed(test).await;
    assert_eq!(trail.loss().await, None);
    trail.restore(7).await;
    trail.record_restore().await;
    assert_eq!(trail.loss().await, None, "it is recorded");
}

async fn a_restore_is_anchored_by_a_process_that_did_not_know_what_was_lost(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    let restore = trail.record_restore().await;
    trail.tamper("DELETE FROM audit_sealer").await;
    let (folder, kept) = (tempfile::tempdir().unwrap(), std::fs::read(trail.anchors()).unwrap());
    let elsewhere = folder.path().join("anchors");
    let places = AnchorPlaces { file: Some(AnchorFile::new(elsewhere.clone())), witness: None };
    trail.seal_by(&mut trail.sealer_with("b", places).await, 8).await;
    let text = std::fs::read_to_string(elsewhere).unwrap();
    assert!(text.contains(&restore.signed(&trail.key).to_string()), "{text}");
    assert_eq!(std::fs::read(trail.anchors()).unwrap(), kept, "another file");
    assert!(trail.verify().await.is_whole());
}

async fn an_anchored_restore_note_without_a_record_is_told(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    let restore = trail.record_restore().await;
    trail.seal(8).await;
    assert!(!trail.verify().await.to_string().contains("has no record"));
    let other = Restore { kept_size: 5, ..restore };
    AnchorFile::new(trail.anchors()).append(&other.signed(&trail.key).to_string()).await.unwrap();
    let report = trail.verify().await;
    assert!(report.is_whole() && report.to_string().contains("has no record in the trail"), "{report}");
}
