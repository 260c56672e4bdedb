//! Data ends by its schedule: the trail stays as it is stored, and is sealed and verified as before.

use control_plane::audit::verify::verify;
use jiff::SignedDuration;
use payments::model::log::Position;
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::LogQuery;
use payments_stores::keys::open_keys;
use payments_stores::retention::{Schedule, StepReport, open_retention};
use payments_stores::{DatabaseSettings, open_trail};

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    what_has_ended_leaves_a_trail_that_still_verifies
    a_trail_is_sealed_from_its_beginning_however_far_back_the_log_serves
}

/// Ends everything of before by the usual schedule, in some years.
async fn end_all(trail: &Trail) -> Vec<StepReport> {
    // The keys that seal never end, so others take their place.
    open_keys(settings(trail.test.uri())).await.unwrap().rotate(true).await.unwrap();
    let retention = open_retention(settings(trail.test.uri())).await.unwrap();
    let later = SystemClock.now() + SignedDuration::from_hours(24 * 800);
    let mut ending = retention.begin(Schedule::DEFAULT, "ada", later).await.unwrap();
    let mut parts = Vec::new();
    while let Some(part) = retention.next(&mut ending, later).await.unwrap() {
        parts.push(part);
    }
    parts
}

async fn what_has_ended_leaves_a_trail_that_still_verifies(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let parts = end_all(&trail).await;
    assert!(parts.iter().map(|part| part.keys).sum::<u64>() > 0, "{parts:?}");
    let store = payments_stores::open(settings(trail.test.uri())).await.unwrap();
    assert!(store.payment_by_id(opening(1, "demo", 100).0.id).await.unwrap().unwrap().is_erased);
    // With the keys that are left, and without any.
    let report = trail.verify().await;
    assert!(report.is_whole() && report.sealed == 13, "{report}");
    let bare = open_trail(DatabaseSettings::new(trail.test.uri())).await.unwrap();
    let report = verify(&*bare, &[trail.key.public().clone()], &trail.sources(), &[]).await.unwrap();
    assert!(report.is_whole() && report.sealed == 13, "{report}");
    // Every record of an ended payment can still be read and proved.
    let ended = opening(1, "demo", 100).0;
    let records = store.audit().trail(&ended.client, ended.id).await.unwrap();
    assert!(records.len() == 3 && records.iter().all(|record| record.leaf.is_some()));
    // And it continues.
    trail.pay(5).await;
    trail.seal(5 * EACH + 1).await;
    assert!(trail.verify().await.is_whole());
}

async fn a_trail_is_sealed_from_its_beginning_however_far_back_the_log_serves(test: TestStore) {
    let trail = Trail::new(test);
    trail.pay(1).await;
    end_all(&trail).await;
    // A process that starts now serves nothing of before, and seals all of it.
    let store = payments_stores::open(settings(trail.test.uri())).await.unwrap();
    let query = LogQuery { after: Position::START, client: None, payment: None, limit: 100 };
    assert!(store.log(&query).await.unwrap().events.is_empty());
    trail.seal(EACH).await;
    let report = trail.verify().await;
    assert!(report.is_whole() && report.sealed == EACH, "{report}");
}
