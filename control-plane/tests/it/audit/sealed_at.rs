//! A checkpoint says when it was signed, in its row and in its signed text: a changed row is found.

use audit_proof::{Checkpoint, sealed_at};
use control_plane::audit::sealer::NotSealed;
use control_plane::audit::verify::Finding;
use payments::ports::store::audit::Seal;

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    a_checkpoint_is_signed_with_the_time_in_its_row
    a_changed_time_of_a_checkpoint_is_named_and_nothing_is_sealed_behind_it
    a_process_that_runs_meanwhile_refuses_a_changed_time
    a_changed_time_of_an_older_checkpoint_is_named_and_sealing_goes_on
    a_time_that_is_changed_or_removed_in_the_signed_text_is_found_by_the_signature
    old_checkpoints_without_a_time_hold_and_are_sealed_on
}

async fn change(trail: &Trail, columns: &str, size: u64) {
    trail.tamper(&format!("UPDATE audit_checkpoints SET {columns} WHERE size = {size}")).await;
}

async fn checkpoint_of(trail: &Trail, size: u64) -> Seal {
    trail.test.store.audit().seals(size - 1, 1).await.unwrap().remove(0)
}

/// As a build from before version 0.1.0 signed it.
async fn without_time(trail: &Trail, size: u64) {
    let note = checkpoint_of(trail, size).await.note().unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    change(trail, &format!("note = '{}'", checkpoint.signed(&trail.key)), size).await;
}

async fn a_checkpoint_is_signed_with_the_time_in_its_row(test: TestStore) {
    let trail = Trail::sealed(test).await;
    for size in [7, 13] {
        let seal = checkpoint_of(&trail, size).await;
        assert_eq!(sealed_at(seal.note().unwrap().text()), Ok(Some(seal.at.as_microsecond())));
    }
    // It is anchored as it was signed.
    let text = std::fs::read_to_string(trail.anchors()).unwrap();
    assert!(text.contains(&checkpoint_of(&trail, 13).await.note), "{text}");
}

async fn a_changed_time_of_a_checkpoint_is_named_and_nothing_is_sealed_behind_it(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let right = checkpoint_of(&trail, 13).await.at.as_microsecond();
    trail.pay(5).await;
    for columns in ["sealed_at = sealed_at + 1", "sealed_at = 0", "sealed_at = -sealed_at"] {
        change(&trail, columns, 13).await;
        assert_eq!(trail.findings().await, [Finding::CheckpointChanged { size: 13 }], "{columns}");
        let refused = trail.restart().await.unwrap_err();
        assert!(matches!(refused, NotSealed::CheckpointChanged(13)), "{columns}: {refused}");
        assert!(refused.is_contradiction(), "the alert fires");
        assert_eq!(trail.checkpoint().await.size, 13, "{columns}");
        change(&trail, &format!("sealed_at = {right}"), 13).await;
    }
    trail.seal(13 + EACH).await;
    let report = trail.verify().await;
    assert!(report.is_whole(), "{report}");
}

async fn a_process_that_runs_meanwhile_refuses_a_changed_time(test: TestStore) {
    let trail = Trail::new(test);
    let mut sealer = trail.sealer("a").await;
    trail.pay(1).await;
    trail.seal_by(&mut sealer, EACH).await;
    assert_eq!(sealer.turn().await.unwrap().size, EACH, "it has compared the row once");
    change(&trail, "sealed_at = sealed_at - 1", EACH).await;
    let refused = sealer.turn().await.unwrap_err();
    assert!(matches!(refused, NotSealed::CheckpointChanged(EACH)), "{refused}");
    change(&trail, "sealed_at = sealed_at + 1", EACH).await;
    assert_eq!(sealer.turn().await.unwrap().size, EACH);
}

async fn a_changed_time_of_an_older_checkpoint_is_named_and_sealing_goes_on(test: TestStore) {
    let trail = Trail::sealed(test).await;
    change(&trail, "sealed_at = sealed_at + 1", 7).await;
    assert_eq!(trail.findings().await, [Finding::CheckpointChanged { size: 7 }]);
    trail.pay(5).await;
    trail.seal(13 + EACH).await;
}

async fn a_time_that_is_changed_or_removed_in_the_signed_text_is_found_by_the_signature(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let Seal { note, at, .. } = checkpoint_of(&trail, 7).await;
    for columns in [
        "note = replace(note, 'sealed-at ' || sealed_at, 'sealed-at ' || (sealed_at + 1)), sealed_at = sealed_at + 1",
        "note = replace(note, 'sealed-at ' || sealed_at || '\n', '')",
    ] {
        change(&trail, columns, 7).await;
        assert_ne!(checkpoint_of(&trail, 7).await.note, note, "{columns}");
        assert_eq!(trail.findings().await, [Finding::CheckpointChanged { size: 7 }], "{columns}");
        let right = format!("note = '{note}', sealed_at = {}", at.as_microsecond());
        change(&trail, &right, 7).await;
    }
}

async fn old_checkpoints_without_a_time_hold_and_are_sealed_on(test: TestStore) {
    let trail = Trail::sealed(test).await;
    without_time(&trail, 13).await;
    assert!(trail.verify().await.is_whole(), "an old process may seal behind a new one during an upgrade");
    without_time(&trail, 7).await;
    assert!(trail.verify().await.is_whole());
    trail.pay(5).await;
    trail.seal(13 + EACH).await;
    let report = trail.verify().await;
    assert!(report.is_whole() && report.checkpoints == 3, "{report}");
    let newest = checkpoint_of(&trail, 13 + EACH).await.note().unwrap();
    assert!(matches!(sealed_at(newest.text()), Ok(Some(_))));
}
