//! Payments are found by their customer reference, of which the database has only a keyed hash.

use edge_core::client::ClientId;
use payments::model::payment::Status;
use payments::ports::store::{Filter, Store};

use super::database::{NEW, OLD, TestDatabase};
use super::samples::*;

super::on_both! {
    a_customers_payments_are_found_and_nobody_elses
    a_customers_payments_come_in_pages_and_can_be_narrowed
    payments_of_before_there_were_keys_are_found_before_and_after_they_are_sealed
    payments_are_found_while_the_key_of_the_index_is_replaced
    the_index_of_a_reference_is_another_under_another_key
    an_entry_that_was_moved_to_another_payment_finds_nothing
}

fn filter(reference: &str) -> Filter {
    Filter { limit: 10, customer_reference: Some(reference.to_owned()), ..Filter::default() }
}

async fn found(store: &dyn Store, filter: &Filter) -> Vec<String> {
    let page = store.payments(&client(), filter).await.unwrap();
    page.items.iter().map(|payment| payment.id.to_string()).collect()
}

async fn a_customers_payments_are_found_and_nobody_elses(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    assert_eq!(found(&*store, &filter(&customer(2))).await, [payment_id(2).to_string()]);
    assert!(found(&*store, &filter("customer-4")).await.is_empty());
    assert!(found(&*store, &filter(&customer(2).to_uppercase())).await.is_empty());
    let other = ClientId::parse("demo-2").unwrap();
    assert!(store.payments(&other, &filter(&customer(2))).await.unwrap().items.is_empty());
}

async fn a_customers_payments_come_in_pages_and_can_be_narrowed(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    for n in 1..=5 {
        store.commit(opening_nth(3, n).1).await.unwrap();
    }
    let mut page = Filter { limit: 2, ..filter(&customer(3)) };
    let mut seen = Vec::new();
    loop {
        let part = store.payments(&client(), &page).await.unwrap();
        seen.extend(part.items.iter().map(|payment| payment.id));
        page.after = seen.last().copied();
        if !part.has_more {
            break;
        }
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    let pending = Filter { status: Some(Status::Pending), ..filter(&customer(3)) };
    assert_eq!(found(&*store, &pending).await.len(), 5);
    let completed = Filter { status: Some(Status::Completed), ..filter(&customer(3)) };
    assert_eq!(found(&*store, &completed).await, [payment_id(3).to_string()]);
}

/// The least pause between two reads of the table of keys, in which another process may have made one.
async fn past_the_pause() {
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
}

async fn payments_of_before_there_were_keys_are_found_before_and_after_they_are_sealed(
    database: TestDatabase,
) {
    let plain = database.open("").await;
    fill(&*plain).await;
    let reference = filter(&customer(1));
    assert_eq!(found(&*plain, &reference).await.len(), 1);
    let sealed = database.open(OLD).await;
    assert_eq!(found(&*sealed, &reference).await.len(), 1);
    // A release of before entered nothing.
    database.execute("DELETE FROM payment_customers").await;
    assert_eq!(found(&*sealed, &reference).await.len(), 0);
    database.reseal(OLD).await;
    past_the_pause().await;
    assert_eq!(found(&*sealed, &reference).await.len(), 1);
    assert_eq!(database.texts("SELECT payment FROM payment_customers WHERE index_key = ''").await.len(), 0);
}

async fn payments_are_found_while_the_key_of_the_index_is_replaced(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let index = "SELECT customer FROM payment_customers ORDER BY payment";
    let before = database.texts(index).await;
    database.maintenance(OLD).await.rotate(true).await.unwrap();
    assert_eq!(found(&*store, &filter(&customer(1))).await.len(), 1);
    database.reseal(OLD).await;
    past_the_pause().await;
    assert_eq!(found(&*store, &filter(&customer(1))).await.len(), 1);
    let after = database.texts(index).await;
    assert!(after.len() == 3 && after.iter().all(|index| !before.contains(index)), "{before:?} {after:?}");
}

async fn the_index_of_a_reference_is_another_under_another_key(database: TestDatabase) {
    fill(&*database.open(NEW).await).await;
    let indexes = database.texts("SELECT customer FROM payment_customers").await;
    assert_eq!(indexes.len(), 3);
    for n in 1..=3 {
        let plain =
            sealing::IndexKey::plain().index(&["customerReference", "demo"], &customer(n)).to_string();
        assert!(!indexes.contains(&plain), "it can be guessed");
    }
}

async fn an_entry_that_was_moved_to_another_payment_finds_nothing(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let moved = format!(
        "UPDATE payment_customers SET customer = (SELECT customer FROM payment_customers WHERE payment = '{}')
         WHERE payment = '{}'",
        payment_id(1),
        payment_id(2)
    );
    database.execute(&moved).await;
    // Also where the moved one is a whole page.
    for limit in [10, 1] {
        let first = Filter { limit, ..filter(&customer(1)) };
        assert_eq!(found(&*store, &first).await, [payment_id(1).to_string()], "pages of {limit}");
    }
    assert!(found(&*store, &filter(&customer(2))).await.is_empty());
    assert_eq!(found(&*store, &filter(&customer(3))).await, [payment_id(3).to_string()]);
    assert_eq!(
        store.payments(&client(), &Filter { limit: 10, ..Filter::default() }).await.unwrap().items.len(),
        3
    );
}
