//! An export is verified without the database, and the first wrong record is named.

use audit_proof::{Hash, VerifyingKey};
use control_plane::audit::restore_note::Unfit;
use control_plane::audit::sealer::AnchorPlaces;
use control_plane::audit::verify::{Finding, TrailReport, verify_export};
use payments::model::action::Restored;
use serde_json::Value;

use super::independent::run;
use super::trail::*;
use crate::common::*;

fn export(trail: &Trail) -> String {
    run(trail.test.uri(), "", &["audit", "export", "--without-details"])
}

fn public(trail: &Trail) -> [VerifyingKey; 1] {
    [trail.key.public().clone()]
}

fn check(trail: &Trail, text: &str) -> TrailReport {
    verify_export(text.as_bytes(), &public(trail), &trail.sources(), &[]).unwrap()
}

/// The line of a record with another content, in which everything fits.
fn made_to_fit(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().replacen("demo", "Demo", 1);
    let (who, record) = (text(&line, "who"), text(&line, "record"));
    line["leafHash"] = Hash::of_leaf(record.as_bytes()).to_string().into();
    (line["who"], line["record"]) = (who.into(), record.into());
    line.to_string()
}

#[tokio::test]
async fn an_export_is_verified_without_a_database_and_its_first_wrong_record_named() {
    let trail = Trail::sealed(TestStore::sqlite().await).await;
    let text = export(&trail);
    let report = check(&trail, &text);
    assert!(report.is_whole() && (report.sealed, report.anchored_size) == (13, 13), "{report}");
    assert!(
        report.notes.iter().any(|note| note.contains("the details of 12 records are encrypted")),
        "{report}"
    );

    let lines: Vec<&str> = text.lines().collect();
    let joined = |parts: &[&[&str]]| parts.concat().join("\n");
    let with = |n: usize, line: &str| joined(&[&lines[..n], &[line], &lines[n + 1..]]);
    let first = |text: &str| check(&trail, text).findings.into_iter().next();
    let flipped = first(&with(4, &lines[4].replacen(r#"\"client\":\"demo"#, r#"\"client\":\"Demo"#, 1)));
    assert!(matches!(flipped, Some(Finding::Changed { index: 4, .. })), "{flipped:?}");
    let told = first(&with(4, &lines[4].replacen(r#""who":"client demo"#, r#""who":"client Demo"#, 1)));
    assert_eq!(told, Some(Finding::FieldMismatch { index: 4, field: "who" }));
    let told = first(&with(6, &lines[6].replacen(r#""outcome":"success""#, r#""outcome":"failure""#, 1)));
    assert_eq!(told, Some(Finding::FieldMismatch { index: 6, field: "outcome" }));
    // The new state is in the sealed bytes, whatever is encrypted.
    let (kind, other) = (r#""what":"payment.processing""#, r#""what":"payment.captured""#);
    let begun = lines.iter().position(|line| line.contains(kind) && line.contains(r#"\"from\":\"created\""#));
    let begun = begun.expect("a payment that is processed");
    let told = first(&with(begun, &lines[begun].replacen(kind, other, 1)));
    assert_eq!(told, Some(Finding::FieldMismatch { index: begun.try_into().unwrap(), field: "what" }));
    let mut swapped = lines.clone();
    swapped.swap(3, 9);
    for (changed, expected) in [
        (joined(&[&lines[..5], &lines[6..]]), Finding::NotExported { index: 5 }),
        (swapped.join("\n"), Finding::OutOfOrder { index: 3, found: Some(9) }),
        (joined(&[&lines[..6], &lines[5..]]), Finding::Twice { index: 5 }),
        (with(8, &lines[8][..40]), Finding::Unreadable { index: 8 }),
        (with(8, &lines[8].replacen('{', r#"{"approved":true,"#, 1)), Finding::Unreadable { index: 8 }),
        (joined(&[&lines[..11], &lines[13..]]), Finding::NotExported { index: 11 }),
        (joined(&[&lines[..11]]), Finding::NoCheckpoint { size: 11 }),
        (joined(&[&lines[..], &lines[12..13]]), Finding::Unreadable { index: 13 }),
        (with(8, &made_to_fit(lines[8])), Finding::Rewritten { from: 7, to: 13 }),
        (with(13, &lines[13].replacen(r"\n13\n", r"\n12\n", 1)), Finding::CheckpointChanged { size: 12 }),
    ] {
        assert_eq!(first(&changed), Some(expected));
    }
    let other: VerifyingKey = format!("shop.example/audit:{}", "08".repeat(32))
        .parse::<audit_proof::SigningKey>()
        .map(|key| key.public().clone())
        .unwrap();
    let of_other = verify_export(text.as_bytes(), &[other], &[], &[]).unwrap().findings;
    assert_eq!(of_other, [Finding::CheckpointOfOtherKey { size: 13 }]);
    // An anchor shows that a trail was cut off together with its checkpoints.
    trail.cut(7).await;
    let cut = first(&export(&trail));
    assert!(matches!(cut, Some(Finding::Cut { size: 7, anchored: 13, .. })), "{cut:?}");
}

#[tokio::test]
async fn a_restored_backup_in_an_export_has_to_be_signed_or_accepted() {
    let trail = Trail::sealed(TestStore::sqlite().await).await;
    trail.restore(7).await;
    let restore = trail.record_restore().await;
    trail.seal(8).await;
    let report = check(&trail, &export(&trail));
    assert!(report.is_whole() && report.explained == 1, "{report}");

    let told = Restored::new(&restore, &restore.signed(&trail.key));
    trail.restore(7).await;
    trail.record_loss(Restored { note: None, ..told }).await;
    trail
        .tamper("DELETE FROM audit_sealer; DELETE FROM operator_actions WHERE action = 'audit export'")
        .await;
    trail.seal_by(&mut trail.sealer_with("b", AnchorPlaces::default()).await, 8).await;
    let text = export(&trail);
    let found = check(&trail, &text).findings;
    let Finding::RestoreUnfit { record, unfit: Unfit::Missing(hash) } = &found[0] else {
        panic!("{found:?}")
    };
    assert_eq!(record, "record 7 by ada");
    let accepted = verify_export(text.as_bytes(), &public(&trail), &[], &[*hash]).unwrap();
    assert!(accepted.is_whole() && accepted.to_string().contains("accepted unsigned"), "{accepted}");
}
