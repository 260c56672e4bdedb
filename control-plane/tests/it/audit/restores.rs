//! A backup is restored: nothing is sealed until that is recorded, and the trail says so for ever.

use control_plane::audit::restored::missing;
use control_plane::audit::sealer::{AnchorPlaces, NotSealed};
use control_plane::audit::verify::Finding;
use payments::model::action::{ActionDetail, ActionOutcome, RESTORED, Restored};

use super::workshop::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    a_restored_backup_is_found_and_nothing_is_sealed_until_it_is_recorded
    a_process_that_runs_meanwhile_notices_the_restore_by_itself
    a_backup_that_goes_on_without_a_record_of_it_is_found
    what_was_restored_twice_is_recorded_twice
    where_nothing_is_missing_there_is_no_restore_to_record
}

/// What `control-plane audit restored` does.
async fn record_restore(trail: &Trail) -> Restored {
    let restored = missing(&*trail.test.store, &trail.sources()).await.unwrap().unwrap();
    let detail = ActionDetail { reason: Some("a disk died".to_owned()), restored: Some(restored.clone()) };
    trail.record(RESTORED, ActionOutcome::Success, detail).await;
    restored
}

async fn a_restored_backup_is_found_and_nothing_is_sealed_until_it_is_recorded(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Cut { size: 7, anchored: 13, .. }]), "{found:?}");
    trail.pay(8).await;
    let refused = trail.restart().await.unwrap_err();
    assert!(matches!(&refused, NotSealed::Contradicted(lost) if lost.size == 13), "{refused}");

    let restored = record_restore(&trail).await;
    assert_eq!((restored.lost_size, restored.kept_size), (13, 7));
    trail.seal(7 + EACH + 1).await;
    let report = trail.verify().await;
    assert!(report.is_whole() && report.explained == 1, "{report}");
    assert!(
        report.to_string().contains("a backup was restored, recorded by ada: of 13 records, 7 are"),
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
    record_restore(&trail).await;
    trail.seal(8).await;
    trail.pay(9).await;
    trail.seal(8 + EACH).await;
    trail.restore(8).await;
    let restored = record_restore(&trail).await;
    assert_eq!((restored.lost_size, restored.kept_size), (11, 8));
    assert_eq!(restored.lost_origin, "shop.example/audit/restored/1");
    trail.seal(9).await;
    let report = trail.verify().await;
    assert!(report.is_whole() && report.explained == 2, "{report}");
    assert_eq!(trail.checkpoint().await.origin, "shop.example/audit/restored/2");
}

async fn where_nothing_is_missing_there_is_no_restore_to_record(test: TestStore) {
    let trail = Trail::sealed(test).await;
    assert_eq!(missing(&*trail.test.store, &trail.sources()).await.unwrap(), None);
    trail.restore(7).await;
    record_restore(&trail).await;
    assert_eq!(missing(&*trail.test.store, &trail.sources()).await.unwrap(), None, "it is recorded");
}
