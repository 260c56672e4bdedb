//! A value that names an erased data key has ended only where retention can have ended it.

use edge_core::provider::Provider;
use payments::model::idempotency::KeyChange;
use payments::ports::store::{Problem, Unreadable};

use super::database::{OLD, TestDatabase, unreadable};
use super::old::*;
use super::samples::*;

super::on_both! {
    the_name_of_an_erased_key_takes_no_terms_from_a_payment_that_is_undecided
    a_payment_that_waits_keeps_its_terms_or_is_unreadable
    a_column_that_never_ends_has_no_value_of_an_erased_key
    an_answer_of_an_erased_key_is_unreadable_as_long_as_its_row_is_there
    an_event_that_is_not_processed_is_not_lost_to_the_name_of_an_erased_key
}

/// The key of the class that [`filled`] and a run have erased.
async fn erased_key(database: &TestDatabase, purpose: &str) -> String {
    let erased = format!("SELECT id FROM data_keys WHERE purpose = '{purpose}' AND erased_at IS NOT NULL");
    database.texts(&erased).await.remove(0)
}

/// Names another key in the text of a row.
async fn name(database: &TestDatabase, column: &str, key: &str, rows: &str) {
    let (table, column) = column.split_once('.').unwrap();
    let sql = format!("UPDATE {table} SET {column} = 'enc1:{key}' || substr({column}, 22) WHERE {rows}");
    database.execute(&sql).await;
}

fn problem(found: Unreadable) -> (&'static str, String, Problem) {
    (found.table, found.column, found.problem)
}

async fn the_name_of_an_erased_key_takes_no_terms_from_a_payment_that_is_undecided(database: TestDatabase) {
    filled(&database).await;
    run(&database, later()).await;
    let (store, key) = (database.open(OLD).await, erased_key(&database, "payers").await);
    let (payment, open) = opening(9);
    store.commit(open).await.unwrap();
    name(&database, "payments.request", &key, &format!("id = '{}'", payment.id)).await;
    let found = unreadable(store.payment(&client(), payment.id).await);
    assert_eq!(found.row, payment.id.to_string());
    assert!(found.to_string().contains(&format!("names the erased data key {key}")), "{found}");
    assert_eq!(problem(found), ("payments", "request".to_owned(), Problem::ErasedKey(key.clone())));
    // Nothing else stops: other payments are read, and new ones written.
    assert!(store.payment(&client(), payment_id(3)).await.unwrap().unwrap().is_erased);
    let (other, open) = opening(10);
    store.commit(open).await.unwrap();
    assert_eq!(store.payment(&client(), other.id).await.unwrap(), Some(other));
    // Once a payment is decided, its terms may end.
    name(&database, "payments.request", &key, &format!("id = '{}'", payment_id(200))).await;
    assert!(store.payment(&client(), payment_id(200)).await.unwrap().unwrap().is_erased);
}

async fn a_payment_that_waits_keeps_its_terms_or_is_unreadable(database: TestDatabase) {
    filled(&database).await;
    run(&database, later()).await;
    let (store, key) = (database.open(OLD).await, erased_key(&database, "payers").await);
    let (payment, open) = opening(9);
    store.commit(open).await.unwrap();
    let waits = payment.clone().charge_answered(waiting(9), at(20)).unwrap();
    store.commit(moved(&payment, &waits)).await.unwrap();
    let row = format!("id = '{}'", payment.id);
    name(&database, "payments.request", &key, &row).await;
    let found = unreadable(store.payment(&client(), payment.id).await);
    assert_eq!(problem(found), ("payments", "request".to_owned(), Problem::ErasedKey(key)));
    database.execute(&format!("UPDATE payments SET request = '' WHERE {row}")).await;
    let found = unreadable(store.payment(&client(), payment.id).await);
    assert_eq!(problem(found), ("payments", "request".to_owned(), Problem::Invalid));
    // A state that was changed with it is not believed either.
    database.execute(&format!("UPDATE payments SET state = 'failed' WHERE {row}")).await;
    let found = unreadable(store.payment(&client(), payment.id).await);
    assert_eq!(problem(found), ("payments", "state".to_owned(), Problem::Invalid));
}

async fn a_column_that_never_ends_has_no_value_of_an_erased_key(database: TestDatabase) {
    filled(&database).await;
    run(&database, later()).await;
    let (store, key) = (database.open(OLD).await, erased_key(&database, "payers").await);
    name(&database, "refunds.detail", &key, "TRUE").await;
    let found = unreadable(store.refund(&client(), refund_id()).await);
    assert_eq!(problem(found), ("refunds", "detail".to_owned(), Problem::ErasedKey(key.clone())));
    name(&database, "payments.detail", &key, &format!("id = '{}'", payment_id(200))).await;
    let found = unreadable(store.payment(&client(), payment_id(200)).await);
    assert_eq!(problem(found), ("payments", "detail".to_owned(), Problem::ErasedKey(key)));
}

async fn an_answer_of_an_erased_key_is_unreadable_as_long_as_its_row_is_there(database: TestDatabase) {
    filled(&database).await;
    run(&database, later()).await;
    let store = database.open(OLD).await;
    let take = KeyChange::Take { claim: claim(9), client: client(), at: at(0), answer: Some(answer()) };
    store.commit(opening(9).1.with_key(Some(take))).await.unwrap();
    // Keys of another class, and of its own.
    for purpose in ["webhooks", "payers"] {
        let key = erased_key(&database, purpose).await;
        name(&database, "idempotency_keys.answer_body", &key, "TRUE").await;
        let found = unreadable(store.key(&claim(9).scope).await);
        assert_eq!(found.row, claim(9).scope.to_string());
        assert_eq!(found.problem.key(), Some(key.as_str()));
        assert_eq!(problem(found), ("idempotency_keys", "answer_body".to_owned(), Problem::ErasedKey(key)));
    }
}

async fn an_event_that_is_not_processed_is_not_lost_to_the_name_of_an_erased_key(database: TestDatabase) {
    filled(&database).await;
    run(&database, later()).await;
    let (store, key) = (database.open(OLD).await, erased_key(&database, "webhooks").await);
    assert!(store.receive_webhook(&webhook(2)).await.unwrap());
    let body = match database.is_sqlite() {
        true => format!("CAST('enc1:{key}:' AS BLOB)"),
        false => format!("convert_to('enc1:{key}:', 'UTF8')"),
    };
    database.execute(&format!("UPDATE webhook_events SET body = {body} WHERE id = 'evt_2'")).await;
    for state in ["received", "failed"] {
        database.execute(&format!("UPDATE webhook_events SET state = '{state}' WHERE id = 'evt_2'")).await;
        let found = unreadable(store.webhook(Provider::Stripe, "evt_2").await);
        assert_eq!(problem(found), ("webhook_events", "body".to_owned(), Problem::ErasedKey(key.clone())));
    }
    database.execute("UPDATE webhook_events SET state = 'done' WHERE id = 'evt_2'").await;
    assert!(store.webhook(Provider::Stripe, "evt_2").await.unwrap().unwrap().is_ended());
}
