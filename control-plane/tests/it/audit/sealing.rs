//! What is sealed, by whom, and what a process that dies leaves.

use std::sync::Arc;

use audit_proof::{Trust, VerifyingKey};
use control_plane::audit::anchors::Anchors;
use control_plane::audit::sealer::{AnchorPlaces, NotSealed};
use payments::model::action::ActionOutcome;
use payments::ports::store::audit::RecordId;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::trail::*;
use crate::common::*;
use crate::store::on_both_stores;
use crate::store::role::role_without_ddl;

on_both_stores! {
    each_record_is_sealed_once_and_the_trail_is_whole
    a_process_that_starts_again_continues_the_same_tree
    of_two_processes_one_seals_and_both_anchor
    a_lease_ends_with_its_time_or_is_renewed_by_its_holder
    a_checkpoint_that_was_not_anchored_is_anchored_at_the_next_start
    nothing_is_sealed_on_a_tree_that_is_not_the_signed_one
    no_statement_changes_the_trail_past_its_triggers
}

async fn each_record_is_sealed_once_and_the_trail_is_whole(test: TestStore) {
    let trail = Trail::sealed(test).await;
    let payment = trail.pay(5).await;
    trail.refund(&payment, 1).await;
    trail.act("webhook replay", ActionOutcome::Begun).await;
    let before = trail.verify().await;
    assert_eq!((before.sealed, before.unsealed, before.checkpoints), (13, Some(5), 2));
    trail.seal(18).await;
    let report = trail.verify().await;
    assert!(report.is_whole(), "{report}");
    assert_eq!((report.sealed, report.unsealed), (18, Some(0)));
    assert_eq!((report.anchored, report.anchored_size), (3, 18));
    let leaves = trail.test.store.audit().leaves(0, 100).await.unwrap();
    let mut records: Vec<RecordId> = leaves.iter().map(|leaf| leaf.record).collect();
    records.sort_unstable();
    records.dedup();
    assert_eq!(records.len(), 18);
    let origin = trail.checkpoint().await.origin;
    assert_eq!(origin, "shop.example/audit");
}

async fn a_process_that_starts_again_continues_the_same_tree(test: TestStore) {
    let trail = Trail::new(test);
    // More than a stored subtree has leaves, in batches that end anywhere.
    let mut size = 0;
    for n in 0..100_u8 {
        trail.pay(n).await;
        size += EACH;
        if n % 7 == 0 {
            trail.seal(size).await;
        }
    }
    trail.seal(size).await;
    let report = trail.verify().await;
    assert!(report.is_whole(), "{report}");
    assert_eq!((report.sealed, report.checkpoints), (300, 16));
}

async fn of_two_processes_one_seals_and_both_anchor(test: TestStore) {
    let trail = Trail::new(test);
    let (mut first, mut second) = (trail.sealer("a").await, trail.sealer("b").await);
    trail.pay(1).await;
    trail.seal_by(&mut first, 3).await;
    trail.pay(2).await;
    let turn = second.turn().await.unwrap();
    assert_eq!((turn.size, turn.sealed), (3, 0), "the first one holds the lease");
    assert!(!turn.is_behind());
    trail.seal_by(&mut first, 6).await;
    // Both at the same time, many times.
    for n in 3..10 {
        trail.pay(n).await;
        let (one, other) = tokio::join!(first.turn(), second.turn());
        assert!(one.is_ok() && other.is_ok());
    }
    trail.seal_by(&mut first, 27).await;
    second.turn().await.unwrap();
    let report = trail.verify().await;
    assert!(report.is_whole() && report.anchored > report.checkpoints, "{report}");
}

async fn a_lease_ends_with_its_time_or_is_renewed_by_its_holder(test: TestStore) {
    let audit = test.store.audit();
    let take = async |holder: &str, now, until| audit.take_sealing(holder, at(now), at(until)).await.unwrap();
    assert!(take("a", 0, 60).await);
    assert!(!take("b", 59, 119).await);
    assert!(take("a", 59, 119).await);
    assert!(!take("b", 60, 120).await);
    assert!(take("b", 119, 179).await);
    assert!(!take("a", 120, 180).await);
}

async fn a_checkpoint_that_was_not_anchored_is_anchored_at_the_next_start(test: TestStore) {
    let trail = Trail::new(test);
    trail.pay(1).await;
    // It died between its commit and its anchor.
    let mut dies = trail.sealer_with("a", AnchorPlaces::default()).await;
    trail.seal_by(&mut dies, 3).await;
    assert!(!trail.anchors().exists());
    assert_eq!(trail.restart().await.unwrap().sealed, 0);
    assert_eq!(trail.verify().await.anchored, 1);
    let text = std::fs::read_to_string(trail.anchors()).unwrap();
    trail.restart().await.unwrap();
    assert_eq!(std::fs::read_to_string(trail.anchors()).unwrap(), text, "once is enough");
    let other: VerifyingKey =
        format!("b.example:{}", "08".repeat(32)).parse::<audit_proof::SigningKey>().unwrap().public().clone();
    let unknown = Anchors::read(&text, &[other]);
    assert_eq!((unknown.signed.len(), unknown.of_other_keys), (0, 1));
    let seal = trail.test.store.audit().last_seal().await.unwrap().unwrap();
    assert_eq!(seal.note().unwrap().trust(&[trail.key.public().clone()]), Trust::Signed);
}

async fn nothing_is_sealed_on_a_tree_that_is_not_the_signed_one(test: TestStore) {
    let trail = Arc::new(Trail::sealed(test).await);
    trail
        .tamper(
            "UPDATE audit_leaves SET hash = (SELECT hash FROM audit_leaves WHERE leaf = 3) WHERE leaf = 2",
        )
        .await;
    trail.pay(5).await;
    let refused = trail.restart().await.unwrap_err();
    // The anchored root is not that of the database, nor is the signed one.
    assert!(matches!(refused, NotSealed::Contradicted(_)), "{refused}");
    let without_anchor = trail.sealer_with("a", AnchorPlaces::default()).await.turn().await.unwrap_err();
    assert!(matches!(without_anchor, NotSealed::Damaged(13)), "{without_anchor}");
    assert_eq!(trail.test.store.audit().last_seal().await.unwrap().unwrap().size, 13);
}

async fn no_statement_changes_the_trail_past_its_triggers(test: TestStore) {
    let trail = Trail::sealed(test).await;
    for table in ["events", "operator_actions", "audit_leaves", "audit_checkpoints"] {
        let column = if table == "events" { "version" } else { "note" };
        let column = if ["operator_actions", "audit_leaves"].contains(&table) { "action" } else { column };
        for sql in [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")] {
            let refused = trail.test.try_execute(Box::leak(sql.into_boxed_str())).await.unwrap_err();
            assert!(refused.to_string().contains("the audit trail cannot be changed"), "{refused}");
        }
    }
    assert!(trail.verify().await.is_whole());
}

#[tokio::test]
async fn the_role_of_the_service_can_only_add_to_the_trail() {
    let Some(test) = TestStore::postgres().await else { return };
    let uri = role_without_ddl(&test).await;
    let store = payments_stores::open(uri.clone()).await.unwrap();
    let (_, open) = opening(1, "demo", 100);
    store.commit(open).await.unwrap();
    let mut connection = PgConnection::connect(&uri).await.unwrap();
    for table in ["events", "operator_actions", "audit_leaves", "audit_nodes", "audit_checkpoints"] {
        for sql in
            [format!("DELETE FROM {table}"), format!("TRUNCATE {table}"), format!("DROP TABLE {table}")]
        {
            let refused = connection.execute(AssertSqlSafe(sql.clone())).await.unwrap_err().to_string();
            assert!(
                refused.contains("permission denied") || refused.contains("must be owner"),
                "{sql}: {refused}"
            );
        }
    }
    let update = connection.execute("UPDATE audit_leaves SET hash = hash").await.unwrap_err();
    assert!(update.to_string().contains("permission denied"), "{update}");
}
