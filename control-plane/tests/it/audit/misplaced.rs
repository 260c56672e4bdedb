//! A checkpoint's row says where sealing continues, and no signature covers that: a changed one must not stop sealing
//! unseen.

use std::sync::Arc;

use control_plane::audit::sealer::{AnchorPlaces, NotSealed, Sealer};
use control_plane::audit::verify::Finding;
use payments::model::action::ActionOutcome;
use payments::ports::clock::SystemClock;
use payments::ports::store::audit::Seal;

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;

on_both_stores! {
    a_checkpoint_that_says_another_place_is_named_and_nothing_is_sealed_behind_it
    a_process_that_runs_meanwhile_refuses_a_place_that_is_not_its_own
    an_older_checkpoint_that_says_another_place_is_named_and_sealing_goes_on
    a_last_sealed_event_that_is_gone_is_named_and_nothing_is_sealed_behind_it
    a_trail_of_nothing_or_of_actions_alone_is_sealed_on
    a_restored_backup_is_sealed_on_behind_its_own_place
    a_report_says_since_when_records_wait_to_be_sealed
}

/// Each column alone, and those that stop sealing for ever without an error of the database.
const CHANGES: [&str; 8] = [
    "event = 100000000, action = 100000000",
    "event = 100000000",
    "action = 100000000",
    "event = 1",
    "event = event - 1",
    "action = 0",
    "epoch = 99",
    "transaction_id = transaction_id + 1",
];

async fn newest(trail: &Trail) -> Seal {
    trail.test.store.audit().last_seal().await.unwrap().unwrap()
}

async fn change(trail: &Trail, columns: &str, size: u64) {
    trail.tamper(&format!("UPDATE audit_checkpoints SET {columns} WHERE size = {size}")).await;
}

/// As the place was before.
async fn put_back(trail: &Trail, seal: &Seal) {
    let (at, action) = (seal.up_to.transitions, seal.up_to.actions);
    let columns = format!(
        "epoch = {}, transaction_id = {}, event = {}, action = {action}",
        at.epoch, at.transaction, at.sequence
    );
    change(trail, &columns, seal.size).await;
}

async fn a_checkpoint_that_says_another_place_is_named_and_nothing_is_sealed_behind_it(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let seal = newest(&trail).await;
    trail.pay(5).await;
    for columns in CHANGES {
        change(&trail, columns, 13).await;
        let found = trail.findings().await;
        let [Finding::Misplaced(named)] = &found[..] else { panic!("{columns}: {found:?}") };
        assert_eq!((named.size, named.sealed), (13, Some(seal.up_to)), "{columns}");
        let refused = trail.restart().await.unwrap_err();
        assert!(matches!(&refused, NotSealed::Misplaced(one) if one == named), "{columns}: {refused}");
        assert!(refused.is_contradiction(), "the alert fires");
        assert_eq!(newest(&trail).await.size, 13, "{columns}");
        put_back(&trail, &seal).await;
    }
    change(&trail, CHANGES[0], 13).await;
    let text = trail.findings().await[0].to_string();
    let (last, says) = (seal.up_to.transitions.sequence, "sealing continues after event 100000000 ");
    assert!(
        text.contains(says) && text.contains(&format!("the last sealed records are event {last} ")),
        "{text}"
    );
    // Payments continue meanwhile, and what waited is sealed when the place is right again.
    trail.pay(6).await;
    put_back(&trail, &seal).await;
    trail.seal(13 + 2 * EACH).await;
    let report = trail.verify().await;
    assert!(report.is_whole(), "{report}");
}

async fn a_process_that_runs_meanwhile_refuses_a_place_that_is_not_its_own(test: TestStore) {
    let trail = Trail::new(test);
    let mut sealer = trail.sealer("a").await;
    for n in 1..=2 {
        trail.pay(n).await;
        trail.seal_by(&mut sealer, u64::from(n) * EACH).await;
    }
    let seal = newest(&trail).await;
    for columns in CHANGES {
        // There is no action: 0 is right.
        if columns == "action = 0" {
            continue;
        }
        change(&trail, columns, 6).await;
        let refused = sealer.turn().await.unwrap_err();
        assert!(matches!(&refused, NotSealed::Misplaced(one) if one.size == 6), "{columns}: {refused}");
        put_back(&trail, &seal).await;
        assert_eq!(sealer.turn().await.unwrap().size, 6, "{columns}");
    }
}

async fn an_older_checkpoint_that_says_another_place_is_named_and_sealing_goes_on(test: TestStore) {
    let trail = Trail::sealed(test).await;
    change(&trail, CHANGES[0], 7).await;
    let found = trail.findings().await;
    assert!(matches!(&found[..], [Finding::Misplaced(one)] if one.size == 7), "{found:?}");
    trail.pay(5).await;
    trail.seal(13 + EACH).await;
}

async fn a_last_sealed_event_that_is_gone_is_named_and_nothing_is_sealed_behind_it(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.tamper("DELETE FROM events WHERE seq = (SELECT event FROM audit_leaves WHERE leaf = 12)").await;
    trail.pay(5).await;
    let found = trail.findings().await;
    assert!(matches!(found[0], Finding::Deleted { index: 12, .. }), "{found:?}");
    let refused = trail.restart().await.unwrap_err();
    assert!(matches!(&refused, NotSealed::Misplaced(one) if one.sealed.is_none()), "{refused}");
}

async fn a_trail_of_nothing_or_of_actions_alone_is_sealed_on(test: TestStore) {
    let trail = Trail::new(test);
    assert_eq!(trail.restart().await.unwrap().size, 0);
    for size in 1..=2 {
        trail.act("payments review", ActionOutcome::Success).await;
        trail.seal(size).await;
    }
    trail.pay(1).await;
    trail.seal(2 + EACH).await;
    trail.act("payments review", ActionOutcome::Success).await;
    trail.seal(3 + EACH).await;
    assert_eq!(trail.restart().await.unwrap().size, 3 + EACH);
    let report = trail.verify().await;
    assert!(report.is_whole(), "{report}");
}

async fn a_restored_backup_is_sealed_on_behind_its_own_place(test: TestStore) {
    let trail = Trail::sealed(test).await;
    trail.restore(7).await;
    trail.record_restore().await;
    let seal = newest(&trail).await;
    change(&trail, CHANGES[0], 7).await;
    let refused = trail.restart().await.unwrap_err();
    assert!(matches!(&refused, NotSealed::Misplaced(one) if one.size == 7), "{refused}");
    put_back(&trail, &seal).await;
    trail.seal(8).await;
    trail.pay(8).await;
    trail.seal(8 + EACH).await;
    let report = trail.verify().await;
    assert!(report.is_whole(), "{report}");
}

async fn a_report_says_since_when_records_wait_to_be_sealed(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let told = "waits to be sealed is of";
    assert!(!trail.verify().await.to_string().contains(told));
    trail.act("webhook replay", ActionOutcome::Success).await;
    let report = trail.verify().await.to_string();
    assert!(report.contains(&format!("{told} {}", at(7))), "{report}");
}

/// As a server that was filled from a dump: the rows carry larger transaction numbers than it has drawn.
#[tokio::test]
async fn a_trail_that_was_filled_from_a_dump_is_sealed_on() {
    let Some(test) = TestStore::postgres().await else { return };
    let trail = Trail::sealed(test).await;
    trail
        .tamper(
            "UPDATE events SET xid = (xid::text::bigint + 1000000000)::text::xid8;
             UPDATE audit_checkpoints SET transaction_id = transaction_id + 1000000000",
        )
        .await;
    let started = async || {
        let (store, clock) = (trail.test.reopen().await, Arc::new(SystemClock));
        let places = AnchorPlaces::default();
        Sealer::new(store, clock, trail.key.clone(), "a".to_owned(), places).await.unwrap()
    };
    started().await.turn().await.unwrap();
    trail.pay(5).await;
    for _ in 0..2 {
        // The first one continues after an event of the epoch before, the second one after its own.
        started().await.turn().await.unwrap();
    }
}
