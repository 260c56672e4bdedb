//! Each way to change the trail is found, and the first wrong record is named.

use control_plane::audit::sealer::AnchorPlaces;
use control_plane::audit::verify::Finding;

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    a_flipped_record_is_named
    a_flipped_action_of_an_operator_is_named
    a_deleted_record_is_named
    swapped_records_are_named
    records_that_change_places_in_the_tree_are_named
    an_inserted_record_is_named
    a_record_added_behind_the_sealed_ones_is_found_by_its_payment
    an_unsealed_record_that_was_deleted_is_found_by_its_payment
    a_record_of_no_payment_is_found
    a_cut_tail_is_named_without_and_with_its_hashes
    a_tail_that_was_cut_off_with_its_checkpoints_is_found_by_what_was_anchored
    hashes_that_were_made_to_fit_are_found_by_the_checkpoint
    a_checkpoint_of_another_tree_is_found_by_its_signature
    a_trail_that_was_rebuilt_and_signed_is_found_by_what_was_anchored
    a_forged_anchor_is_named
    a_changed_hash_of_a_subtree_is_named
    a_checkpoint_that_was_removed_leaves_records_without_one
}

/// The event of a leaf.
fn event(leaf: u64) -> String {
    format!("(SELECT event FROM audit_leaves WHERE leaf = {leaf})")
}

async fn a_flipped_record_is_named(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.flip(&event(4)).await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Changed { index: 4, .. }]), "{found:?}");
    assert!(found[0].to_string().starts_with("record 4 was changed: evt_"), "{}", found[0]);
    // The first one is named, whatever else is wrong.
    trail.tamper(&format!("UPDATE events SET at = at + 1 WHERE seq = {}", event(2))).await;
    let found = trail.findings().await;
    assert!(matches!(found[0], Finding::Changed { index: 2, .. }), "{found:?}");
}

async fn a_flipped_action_of_an_operator_is_named(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.tamper("UPDATE operator_actions SET operator = 'bob'").await;
    let found = trail.findings().await;
    let is_it =
        matches!(&found[..], [Finding::Changed { index: 6, record }] if record == "`payments review` by bob");
    assert!(is_it, "{found:?}");
}

async fn a_deleted_record_is_named(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.tamper(&format!("DELETE FROM events WHERE seq = {}", event(8))).await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Deleted { index: 8, .. }, Finding::Miscounted(_)]), "{found:?}");
}

/// The content of two records changes places; their numbers stay.
async fn swap(trail: &Trail, one: u64, other: u64) {
    let columns = "payment, refund, version, from_state, to_state, at, client, request_id, detail";
    let (one, other) = (event(one), event(other));
    trail
        .tamper(&format!(
            "CREATE TEMPORARY TABLE copied AS SELECT * FROM events WHERE seq IN ({one}, {other});
             UPDATE events SET version = version + 1000 WHERE seq IN (SELECT seq FROM copied);
             UPDATE events SET ({columns}) =
                 (SELECT {columns} FROM copied WHERE copied.seq <> events.seq)
             WHERE seq IN (SELECT seq FROM copied)"
        ))
        .await;
}

async fn swapped_records_are_named(test: TestStore) {
    let trail = Trail::sealed(test).await;
    swap(&trail, 3, 9).await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Swapped { index: 3, with: 9, .. }]), "{found:?}");
}

async fn records_that_change_places_in_the_tree_are_named(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail
        .tamper(
            "CREATE TEMPORARY TABLE copied AS SELECT * FROM audit_leaves WHERE leaf IN (1, 5);
             DELETE FROM audit_leaves WHERE leaf IN (1, 5);
             INSERT INTO audit_leaves (leaf, event, action, hash) SELECT 6 - leaf, event, action, hash FROM copied",
        )
        .await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::OutOfOrder { index: 1, found: Some(5) }]), "{found:?}");
}

/// All from a leaf's record on move up by one, and another takes its place.
async fn an_inserted_record_is_named(test: TestStore) {
    let is_sqlite = test.uri().starts_with("sqlite:");
    let trail = Trail::sealed(test).await;
    let columns = "payment, refund, from_state, to_state, at, client, request_id, detail";
    if is_sqlite {
        let from = event(7);
        trail
            .tamper(&format!(
                "CREATE TEMPORARY TABLE place AS SELECT {from} AS first;
                 UPDATE events SET seq = -seq WHERE seq >= (SELECT first FROM place);
                 UPDATE events SET seq = 1 - seq WHERE seq < 0;
                 INSERT INTO events (seq, version, {columns})
                 SELECT first, 77, {columns} FROM events, place WHERE seq = first + 1"
            ))
            .await;
    } else {
        // In the transaction of the event before, so that it is read before all later ones.
        trail
            .tamper(&format!(
                "INSERT INTO events (version, xid, {columns})
                 SELECT 77, (SELECT xid FROM events WHERE seq = {}), {columns} FROM events WHERE seq = {}",
                event(5),
                event(7)
            ))
            .await;
    }
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Inserted { before: 7, .. }, Finding::Miscounted(_)]), "{found:?}");
}

async fn a_record_added_behind_the_sealed_ones_is_found_by_its_payment(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail
        .tamper(&format!(
            "INSERT INTO events (payment, version, from_state, to_state, at, client, request_id, detail)
             SELECT payment, 3, to_state, 'failed', at, client, request_id, detail FROM events WHERE seq = {}",
            event(2)
        ))
        .await;
    let found = trail.findings().await;
    let [Finding::Miscounted(count)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((count.id.clone(), count.wanted, count.records), (payment_id(1).to_string(), 3, 4));
}

async fn an_unsealed_record_that_was_deleted_is_found_by_its_payment(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let payment = trail.pay(5).await;
    trail.refund(&payment, 1).await;
    trail.tamper("DELETE FROM events WHERE refund IS NOT NULL").await;
    let found = trail.findings().await;
    let [Finding::Miscounted(count)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((count.id.clone(), count.records), (refund_id(1).to_string(), 0));
}

async fn a_record_of_no_payment_is_found(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.tamper(&format!("DELETE FROM payments WHERE id = '{}'", payment_id(4))).await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::OfNothing { .. }]), "{found:?}");
}

async fn a_cut_tail_is_named_without_and_with_its_hashes(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.tamper("DELETE FROM events WHERE seq IN (SELECT event FROM audit_leaves WHERE leaf >= 11)").await;
    let found = trail.findings().await;
    assert!(matches!(found[0], Finding::Deleted { index: 11, .. }), "{found:?}");
    trail.tamper("DELETE FROM audit_leaves WHERE leaf >= 11").await;
    let found = trail.findings().await;
    assert!(matches!(found[0], Finding::LeafMissing { index: 11 }), "{found:?}");
}

async fn a_tail_that_was_cut_off_with_its_checkpoints_is_found_by_what_was_anchored(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.cut(7).await;
    let found = trail.findings().await;
    let is_cut = matches!(&found[0], Finding::Cut { size: 7, anchored: 13, .. });
    // The payments know better.
    assert!(is_cut && matches!(&found[1], Finding::Miscounted(_)), "{found:?}");
    assert!(found[0].to_string().starts_with("records 7 to 12 are missing"), "{}", found[0]);
}

async fn hashes_that_were_made_to_fit_are_found_by_the_checkpoint(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.tamper(&format!("UPDATE events SET request_id = 'req-2' WHERE seq = {}", event(8))).await;
    let changed = trail.test.store.audit().leaves(8, 1).await.unwrap()[0].record;
    let hash = trail.test.store.audit().hash_of(changed).await.unwrap().unwrap();
    let digits: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let value = if trail.test.uri().starts_with("sqlite:") {
        format!("x'{digits}'")
    } else {
        format!("'\\x{digits}'")
    };
    trail.tamper(&format!("UPDATE audit_leaves SET hash = {value} WHERE leaf = 8")).await;
    let found = trail.findings().await;
    assert_eq!(found, [Finding::Rewritten { from: 7, to: 13 }]);
}

async fn a_checkpoint_of_another_tree_is_found_by_its_signature(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail
        // The text's first line, and not the name beside the signature.
        .tamper("UPDATE audit_checkpoints SET note = replace(note, 'audit\n', 'audited\n') WHERE size = 7")
        .await;
    let found = trail.findings().await;
    assert_eq!(found, [Finding::CheckpointChanged { size: 7 }]);
    trail.tamper("UPDATE audit_checkpoints SET note = 'nothing' WHERE size = 7").await;
    assert_eq!(trail.findings().await, [Finding::CheckpointChanged { size: 7 }]);
}

/// The owner of the database and of the signing key can make a trail without fault, but not the one that was anchored.
async fn a_trail_that_was_rebuilt_and_signed_is_found_by_what_was_anchored(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail
        .tamper(&format!(
            "UPDATE events SET detail = replace(detail, '100', '900') WHERE seq = {};
             DELETE FROM audit_leaves; DELETE FROM audit_nodes; DELETE FROM audit_checkpoints",
            event(9)
        ))
        .await;
    let mut rebuilds = trail.sealer_with("a", AnchorPlaces::default()).await;
    trail.seal_by(&mut rebuilds, 13).await;
    let alone = trail.verify_alone().await;
    assert!(alone.is_whole() && alone.notes[0].contains("no anchored checkpoint"), "{alone}");
    let found = trail.findings().await;
    // It was sealed in one batch, so the action of the operator stands elsewhere, too.
    assert!(matches!(&found[..], [Finding::Rebuilt { from: 0, to: 7, line: 3, .. }]), "{found:?}");
}

async fn a_forged_anchor_is_named(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let text = std::fs::read_to_string(trail.anchors()).unwrap();
    std::fs::write(trail.anchors(), text.replacen("\n13\n", "\n12\n", 1)).unwrap();
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::AnchorForged { line: 11, .. }]), "{found:?}");
}

async fn a_changed_hash_of_a_subtree_is_named(test: TestStore) {
    let trail = Trail::new(test);
    for n in 0..90 {
        trail.pay(n).await;
    }
    trail.seal(270).await;
    assert!(trail.verify().await.is_whole());
    trail.tamper("UPDATE audit_nodes SET hash = (SELECT hash FROM audit_leaves WHERE leaf = 3)").await;
    let found = trail.findings().await;
    assert_eq!(found, [Finding::NodeChanged { height: 8, from: 0, to: 256 }]);
    trail.tamper("DELETE FROM audit_nodes").await;
    assert_eq!(trail.findings().await, [Finding::NodeChanged { height: 8, from: 0, to: 256 }]);
}

async fn a_checkpoint_that_was_removed_leaves_records_without_one(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.tamper("DELETE FROM audit_checkpoints WHERE size = 13").await;
    let found = trail.findings().await;
    assert_eq!(found, [Finding::NotSigned { from: 7 }]);
}
