//! Values are encrypted at rest: the trail is proved as it is stored, without their keys.

use control_plane::audit::sealer::NotSealed;
use control_plane::audit::verify::{TrailReport, verify};
use payments::ports::store::audit::LeftPlain;
use payments_stores::keys::{KeyMaintenance, Reseal, ResealPart, open_keys};
use payments_stores::{DatabaseSettings, open_trail};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    the_trail_is_verified_without_encryption_keys_also_when_they_are_destroyed
    what_is_sealed_keeps_its_form_when_values_are_sealed_with_new_keys
    until_a_process_seals_records_are_sealed_with_new_keys_too
    records_that_are_plain_are_encrypted_before_the_trail_is_sealed
    a_plain_record_is_found_behind_any_number_of_encrypted_ones
}

/// By who has the database, the public key and the anchors, and no encryption key.
async fn verify_without_keys(trail: &Trail) -> TrailReport {
    let store = open_trail(DatabaseSettings::new(trail.test.uri())).await.unwrap();
    verify(&*store, &[trail.key.public().clone()], &trail.sources(), &[]).await.unwrap()
}

async fn the_trail_is_verified_without_encryption_keys_also_when_they_are_destroyed(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let details = details(&trail).await;
    assert!(details.len() == 12 && details.iter().all(|detail| detail.starts_with("enc1:")), "{details:?}");
    assert!(verify_without_keys(&trail).await.is_whole());
    trail.tamper("DELETE FROM data_keys").await;
    let report = verify_without_keys(&trail).await;
    assert!(report.is_whole() && report.sealed == 13, "{report}");
    // And it still names what was changed.
    trail.flip("(SELECT event FROM audit_leaves WHERE leaf = 8)").await;
    let report = verify_without_keys(&trail).await;
    assert!(report.to_string().starts_with("WRONG: record 8 was changed: evt_"), "{report}");
}

async fn what_is_sealed_keeps_its_form_when_values_are_sealed_with_new_keys(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let before = details(&trail).await;
    let parts = sealed_again(&trail).await;
    let of = |table: &str| parts.iter().filter(|part| part.table == table).collect::<Vec<_>>();
    assert!(of("events").iter().all(|part| part.is_kept && part.rows_sealed == 0), "{parts:?}");
    assert!(of("payments").iter().any(|part| part.rows_sealed == 4), "{parts:?}");
    assert_eq!(details(&trail).await, before);
    assert!(trail.verify().await.is_whole());
    // Nor by hand, with a value that looks like a sealed one.
    let refused = trail.test.try_execute("UPDATE events SET detail = 'enc1:' || detail").await.unwrap_err();
    assert!(refused.to_string().contains("the audit trail cannot be changed"), "{refused}");
    // Records of new keys are proved as those of old ones.
    trail.pay(5).await;
    trail.seal(4 * EACH + 1 + EACH).await;
    assert!(verify_without_keys(&trail).await.is_whole());
}

async fn until_a_process_seals_records_are_sealed_with_new_keys_too(test: TestStore) {
    let trail = Trail::new(test);
    trail.pay(1).await;
    let before = details(&trail).await;
    let parts = sealed_again(&trail).await;
    assert!(parts.iter().any(|part| part.table == "events" && part.rows_sealed == EACH), "{parts:?}");
    assert!(details(&trail).await.iter().zip(&before).all(|(now, before)| now != before));
    trail.seal(EACH).await;
    assert!(trail.verify().await.is_whole());
}

async fn records_that_are_plain_are_encrypted_before_the_trail_is_sealed(test: TestStore) {
    let plain = payments_stores::open(DatabaseSettings::new(test.uri())).await.unwrap();
    plain.commit(opening(1, "demo", 100).1).await.unwrap();
    let trail = Trail::new(test);
    let before = details(&trail).await;
    assert!(!before.is_empty() && !before.iter().any(|detail| detail.starts_with("enc1:")), "{before:?}");
    let mut sealer = trail.sealer("a").await;
    let refused = sealer.turn().await.unwrap_err();
    assert!(matches!(refused, NotSealed::Plain), "{refused}");
    assert!(refused.to_string().contains("keys reseal") && !refused.is_contradiction(), "{refused}");

    sealed_again(&trail).await;
    assert!(details(&trail).await.iter().all(|detail| detail.starts_with("enc1:")));
    trail.seal_by(&mut sealer, before.len() as u64).await;
    assert!(trail.verify().await.is_whole());
}

async fn a_plain_record_is_found_behind_any_number_of_encrypted_ones(test: TestStore) {
    let trail = Trail::new(test);
    trail.pay(1).await;
    let audit = trail.test.store.audit();
    assert_eq!(audit.left_plain(0).await.unwrap(), LeftPlain::Nothing);
    let far =
        "INSERT INTO events (seq, payment, version, from_state, to_state, at, client, request_id, detail)
        SELECT 120000, payment, version + 100, from_state, to_state, at, client, request_id, '{}' FROM events
        ORDER BY seq LIMIT 1";
    trail.test.execute(far).await;
    // A few at a time, so that no statement takes long.
    assert_eq!(audit.left_plain(0).await.unwrap(), LeftPlain::NothingUpTo(50_000));
    assert_eq!(audit.left_plain(50_000).await.unwrap(), LeftPlain::NothingUpTo(100_000));
    assert_eq!(audit.left_plain(100_000).await.unwrap(), LeftPlain::Something);
    let refused = trail.sealer("a").await.turn().await.unwrap_err();
    assert!(matches!(refused, NotSealed::Plain), "{refused}");
}

/// Begins new data keys, and seals all values with them that may be.
async fn sealed_again(trail: &Trail) -> Vec<ResealPart> {
    let keys: Box<dyn KeyMaintenance> = open_keys(settings(trail.test.uri())).await.unwrap();
    keys.rotate(true).await.unwrap();
    let (mut reseal, mut parts) = (Reseal::default(), Vec::new());
    while let Some(part) = keys.reseal(&mut reseal).await.unwrap() {
        parts.push(part);
    }
    // What a sealed trail keeps is not to be sealed.
    assert!(keys.left().await.unwrap().is_empty());
    parts
}

/// What is stored of the records, in their order.
async fn details(trail: &Trail) -> Vec<String> {
    let sql = "SELECT detail FROM events ORDER BY seq";
    if trail.test.uri().starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(trail.test.uri()).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    } else {
        let mut connection = PgConnection::connect(trail.test.uri()).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    }
}
