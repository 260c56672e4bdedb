//! A value that was altered, moved or replaced does not open, and stops nothing else.

use edge_core::provider::Provider;
use payments::ports::store::{Filter, Problem, Store, WebhookFilter};

use super::database::{OLD, TestDatabase, unreadable};
use super::samples::*;

super::on_both! {
    a_value_that_was_moved_to_another_row_does_not_open_and_the_others_do
    a_value_that_was_moved_to_another_column_does_not_open
    a_flipped_bit_in_any_column_is_named
    a_value_of_an_unknown_data_key_is_named
    a_plain_value_is_rejected_once_only_sealed_ones_are_accepted
    the_audit_trail_can_be_sealed_and_not_rewritten
}

fn all() -> Filter {
    Filter { limit: 10, ..Filter::default() }
}

async fn listed(store: &dyn Store) -> Vec<String> {
    let page = store.payments(&client(), &all()).await.unwrap();
    page.items.iter().map(|payment| payment.id.to_string()).collect()
}

async fn a_value_that_was_moved_to_another_row_does_not_open_and_the_others_do(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let (one, other) = (payment_id(1), payment_id(2));
    for column in ["request", "detail"] {
        let genuine = database.texts(&format!("SELECT {column} FROM payments WHERE id = '{one}'")).await;
        database
            .execute(&format!(
                "UPDATE payments SET {column} = (SELECT p.{column} FROM payments AS p WHERE p.id = '{other}')
                 WHERE id = '{one}'"
            ))
            .await;
        let found = unreadable(store.payment(&client(), one).await);
        assert_eq!((found.column.as_str(), &found.problem), (column, &Problem::NotAuthentic));
        assert!(found.to_string().contains("altered, or moved here from another row or column"), "{found}");
        assert_eq!(listed(&*store).await, [payment_id(3).to_string(), other.to_string()]);
        let back = format!("UPDATE payments SET {column} = '{}' WHERE id = '{one}'", genuine[0]);
        database.execute(&back).await;
        assert_eq!(listed(&*store).await.len(), 3);
    }
    // And the service keeps working: new payments are written and read.
    let (payment, open) = opening(9);
    store.commit(open).await.unwrap();
    assert_eq!(store.payment(&client(), payment.id).await.unwrap(), Some(payment));
}

async fn a_value_that_was_moved_to_another_column_does_not_open(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    database.execute(&format!("UPDATE payments SET detail = request WHERE id = '{}'", payment_id(1))).await;
    let found = unreadable(store.payment(&client(), payment_id(1)).await);
    assert_eq!((found.column.as_str(), &found.problem), ("detail", &Problem::NotAuthentic));
    database
        .execute(&format!(
            "UPDATE idempotency_keys SET answer_body = (SELECT request FROM payments WHERE id = '{}')",
            payment_id(2)
        ))
        .await;
    let found = unreadable(store.key(&claim(1).scope).await);
    assert_eq!((found.table, found.column.as_str()), ("idempotency_keys", "answer_body"));
}

/// Replaces the last letter of a text by another one that is valid there.
const FLIPPED: &str = "substr(VALUE, 1, length(VALUE) - 8) ||
    CASE substr(VALUE, length(VALUE) - 7, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(VALUE, length(VALUE) - 6)";

async fn a_flipped_bit_in_any_column_is_named(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let flip = async |table: &str, column: &str| {
        let flipped = FLIPPED.replace("VALUE", column);
        database.execute(&format!("UPDATE {table} SET {column} = {flipped}")).await;
    };
    flip("refunds", "detail").await;
    let found = unreadable(store.refund(&client(), refund_id()).await);
    assert_eq!((found.table, &found.problem), ("refunds", &Problem::NotAuthentic));
    flip("events", "detail").await;
    assert!(store.events(&client(), payment_id(1)).await.unwrap().is_empty());
    flip("idempotency_keys", "answer_body").await;
    let found = unreadable(store.key(&claim(1).scope).await);
    assert_eq!((found.table, &found.problem), ("idempotency_keys", &Problem::NotAuthentic));
    database.flip_body(40).await;
    let found = unreadable(store.webhook(Provider::Stripe, "evt_1").await);
    assert_eq!((found.table, &found.problem), ("webhook_events", &Problem::NotAuthentic));
    let filter = WebhookFilter { limit: 10, ..WebhookFilter::default() };
    assert!(store.webhooks(&filter).await.unwrap().is_empty());
    // Payments were left alone.
    assert_eq!(listed(&*store).await.len(), 3);
}

async fn a_value_of_an_unknown_data_key_is_named(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    database
        .execute(&format!(
            "UPDATE payments SET detail = substr(detail, 1, 5) || '0123456789abcdef' || substr(detail, 22)
         WHERE id = '{}'",
            payment_id(1)
        ))
        .await;
    let found = unreadable(store.payment(&client(), payment_id(1)).await);
    assert_eq!(found.problem, Problem::UnknownKey("0123456789abcdef".to_owned()));
    assert_eq!(listed(&*store).await.len(), 2);
}

async fn a_plain_value_is_rejected_once_only_sealed_ones_are_accepted(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    database.execute(&format!(
        "UPDATE payments SET detail = '{{\"state\":\"completed\",\"charge\":\"pi_1\"}}', captured = 100, state = 'completed'
         WHERE id = '{}'", payment_id(1)
    )).await;
    assert!(store.payment(&client(), payment_id(1)).await.is_ok(), "it may be of before");
    let mut settings = database.settings(OLD);
    settings.encryption.rejects_plain = true;
    let strict = payments_stores::open(settings).await.unwrap();
    assert_eq!(unreadable(strict.payment(&client(), payment_id(1)).await).problem, Problem::NotSealed);
    assert!(strict.payment(&client(), payment_id(3)).await.is_ok());
}

async fn the_audit_trail_can_be_sealed_and_not_rewritten(database: TestDatabase) {
    fill(&*database.open("").await).await;
    for sql in [
        "UPDATE events SET detail = '{}'",
        "UPDATE events SET to_state = 'failed'",
        "UPDATE events SET detail = 'enc1:0123456789abcdef:', to_state = 'failed'",
        "DELETE FROM events",
    ] {
        let refused = database.try_execute(sql).await.unwrap_err();
        assert!(refused.to_string().contains("the audit trail cannot be changed"), "{sql}: {refused}");
    }
    assert!(database.reseal(OLD).await > 0);
    let plain = database.texts("SELECT detail FROM events WHERE substr(detail, 1, 5) <> 'enc1:'").await;
    assert!(plain.is_empty(), "{plain:?}");
}
