//! The owner of the database cuts off the end of the trail, and records a restore that did not happen.

use audit_proof::{Checkpoint, Hash, Note, Restore, SigningKey};
use control_plane::audit::restore_note::Unfit;
use control_plane::audit::sealer::{AnchorPlaces, NotSealed};
use control_plane::audit::verify::Finding;
use payments::model::action::Restored;

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    a_forged_record_of_a_restore_explains_nothing
    a_restore_note_that_another_key_signed_explains_nothing
    a_restore_note_that_is_replayed_explains_no_later_cut
    a_restore_note_that_is_moved_to_another_origin_explains_nothing
    a_restore_note_of_another_tree_explains_nothing
    an_unsigned_restore_is_accepted_by_its_hash_and_no_other_with_it
    a_record_that_stands_among_those_that_it_kept_explains_nothing
}

/// The record continues in a tree that a process seals which has no anchors.
async fn claim(trail: &Trail, restored: Restored) {
    let size = trail.checkpoint().await.size + 1;
    trail.record_loss(restored).await;
    seal_elsewhere(trail, size).await;
}

async fn seal_elsewhere(trail: &Trail, size: u64) {
    trail.tamper("DELETE FROM audit_sealer").await;
    trail.seal_by(&mut trail.sealer_with("b", AnchorPlaces::default()).await, size).await;
}

/// Sealed, cut off after 7 of 13 records, and what a record of a restore would have to say.
async fn cut(test: TestStore) -> (Trail, Restore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    let restore = trail.loss().await.unwrap();
    assert_eq!((restore.lost.size, restore.kept_size), (13, 7));
    (trail, restore)
}

/// As the previous release wrote it.
fn unsigned(trail: &Trail, restore: &Restore) -> Restored {
    Restored { note: None, ..Restored::new(restore, &restore.signed(&trail.key)) }
}

/// The only findings are that the note is unfit, and the cut. No process that knows what was anchored continues.
async fn unfit(trail: &Trail) -> Unfit {
    let report = trail.verify().await;
    let [Finding::RestoreUnfit { unfit, .. }, Finding::Cut { anchored: lost, .. }] = &report.findings[..]
    else {
        panic!("{report}")
    };
    assert_eq!((report.explained, report.restorations.len()), (0, 0), "{report}");
    assert!(report.to_string().contains(&format!(" by ada {unfit}\n")), "{report}");
    let refused = trail.restart().await.unwrap_err();
    assert!(matches!(&refused, NotSealed::Contradicted(one) if one.size == *lost), "{refused}");
    unfit.clone()
}

async fn a_forged_record_of_a_restore_explains_nothing(test: TestStore) {
    let (trail, restore) = cut(test).await;
    claim(&trail, unsigned(&trail, &restore)).await;
    assert!(matches!(unfit(&trail).await, Unfit::Missing(_)));
    // Nor does it stand in the way of a true one, whose record continues after it.
    assert_eq!(trail.record_restore().await, restore);
    trail.tamper("DELETE FROM audit_sealer").await;
    trail.seal(9).await;
    let report = trail.verify().await;
    let [Finding::RestoreUnfit { unfit: Unfit::Missing(hash), .. }] = &report.findings[..] else {
        panic!("{report}")
    };
    assert_eq!(report.explained, 1);
    assert!(report.to_string().contains(&format!("--accept-unsigned-restore {hash}")), "{report}");
}

async fn a_restore_note_that_another_key_signed_explains_nothing(test: TestStore) {
    let (trail, restore) = cut(test).await;
    let other: SigningKey = format!("shop.example/audit:{}", "08".repeat(32)).parse().unwrap();
    claim(&trail, Restored::new(&restore, &restore.signed(&other))).await;
    assert_eq!(unfit(&trail).await, Unfit::NotSigned("shop.example/audit".to_owned()));
}

async fn a_restore_note_that_is_replayed_explains_no_later_cut(test: TestStore) {
    let (trail, _) = cut(test).await;
    let first = trail.record_restore().await;
    let told = Restored::new(&first, &first.signed(&trail.key));
    trail.pay(8).await;
    trail.seal(8 + EACH).await;
    trail.pay(9).await;
    trail.seal(8 + 2 * EACH).await;
    assert!(trail.verify().await.is_whole());

    // Beside the record that it was signed for, as it is and with another claim.
    trail.restore(8 + EACH).await;
    claim(&trail, told.clone()).await;
    let report = trail.verify().await;
    let [Finding::RestoreUnfit { unfit, .. }, Finding::Cut { anchored: 14, .. }] = &report.findings[..]
    else {
        panic!("{report}")
    };
    assert_eq!((unfit, report.explained), (&Unfit::Repeated, 1));
    trail.restore(8 + EACH).await;
    let later = trail.loss().await.unwrap();
    assert_eq!(later.lost.origin, "shop.example/audit/restored/1");
    claim(&trail, Restored { note: told.note.clone(), ..unsigned(&trail, &later) }).await;
    let report = trail.verify().await;
    let [Finding::RestoreUnfit { unfit: Unfit::Differs, .. }, Finding::Cut { .. }] = &report.findings[..]
    else {
        panic!("{report}")
    };

    // In its place: it fits, and explains what was lost before it alone.
    trail.restore(7).await;
    claim(&trail, told).await;
    let report = trail.verify().await;
    assert!(matches!(&report.findings[..], [Finding::Cut { size: 8, anchored: 11, .. }]), "{report}");
    assert_eq!(report.explained, 1);
    let refused = trail.restart().await.unwrap_err();
    assert!(matches!(&refused, NotSealed::Contradicted(lost) if lost.size == 14), "{refused}");
}

async fn a_restore_note_that_is_moved_to_another_origin_explains_nothing(test: TestStore) {
    let (trail, restore) = cut(test).await;
    let signed = restore.signed(&trail.key).to_string();
    let origin = "shop.example/audit/restored/1";
    let moved: Note = signed.replacen("shop.example/audit\n", &format!("{origin}\n"), 1).parse().unwrap();
    let lost = Checkpoint { origin: origin.to_owned(), ..restore.lost.clone() };
    claim(&trail, Restored::new(&Restore { lost, ..restore.clone() }, &moved)).await;
    assert!(matches!(unfit(&trail).await, Unfit::NotSigned(_)));

    // What the key itself signed for another log.
    trail.restore(7).await;
    let lost = Checkpoint { origin: "else.example/audit".to_owned(), ..restore.lost.clone() };
    let other = Restore { lost, ..restore };
    claim(&trail, Restored::new(&other, &other.signed(&trail.key))).await;
    assert_eq!(unfit(&trail).await, Unfit::OfAnotherLog("else.example/audit".to_owned()));
}

async fn a_restore_note_of_another_tree_explains_nothing(test: TestStore) {
    let (trail, restore) = cut(test).await;
    let other = Restore { kept_root: Hash::of_nothing(), ..restore.clone() };
    claim(&trail, Restored::new(&other, &other.signed(&trail.key))).await;
    assert_eq!(unfit(&trail).await, Unfit::NotKept(7));
    // More than there is.
    trail.restore(7).await;
    let other = Restore { kept_size: 12, ..restore };
    claim(&trail, Restored::new(&other, &other.signed(&trail.key))).await;
    assert_eq!(unfit(&trail).await, Unfit::NotKept(12));
}

async fn an_unsigned_restore_is_accepted_by_its_hash_and_no_other_with_it(test: TestStore) {
    let (trail, restore) = cut(test).await;
    claim(&trail, unsigned(&trail, &restore)).await;
    let Unfit::Missing(hash) = unfit(&trail).await else { panic!("it has a note") };
    assert!(!trail.verify_accepting(&[Hash::of_nothing()]).await.is_whole());
    let report = trail.verify_accepting(&[hash]).await;
    assert!(report.is_whole() && report.explained == 1, "{report}");
    assert!(
        report.to_string().contains("recorded by ada and accepted unsigned: of 13 records, 7 are"),
        "{report}"
    );
    // The owner of the database changes what it says.
    trail.restore(7).await;
    claim(&trail, unsigned(&trail, &Restore { kept_size: 6, ..restore })).await;
    let report = trail.verify_accepting(&[hash]).await;
    let found = &report.findings[..];
    assert!(matches!(found, [Finding::RestoreUnfit { .. }, Finding::Cut { .. }]), "{report}");
}

async fn a_record_that_stands_among_those_that_it_kept_explains_nothing(test: TestStore) {
    let (trail, restore) = cut(test).await;
    claim(&trail, unsigned(&trail, &Restore { kept_size: 9, ..restore })).await;
    trail.pay(8).await;
    seal_elsewhere(&trail, 8 + EACH).await;
    let Unfit::Missing(hash) = unfit(&trail).await else { panic!("it has a note") };
    let report = trail.verify_accepting(&[hash]).await;
    let [Finding::RestoreUnfit { unfit, .. }, Finding::Cut { .. }] = &report.findings[..] else {
        panic!("{report}")
    };
    assert_eq!(*unfit, Unfit::TooEarly);
}
