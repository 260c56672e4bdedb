//! Nothing of a sealed value is in the database.

use super::database::{NEW, OLD, TestDatabase};
use super::samples::{CANARY, fill, read_all};

super::on_both! {
    no_canary_is_in_a_database_that_was_sealed_from_the_start
    no_canary_is_left_in_a_plain_database_once_it_is_sealed_in_place
    what_the_search_looks_for_is_found_in_a_plain_database
}

/// Where canaries are found, with what stands around each.
fn found(everything: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(everything);
    let around = |at: usize| text[at.saturating_sub(40)..].chars().take(60).collect();
    text.match_indices(CANARY).map(|(at, _)| around(text.floor_char_boundary(at))).collect()
}

async fn no_canary_is_in_a_database_that_was_sealed_from_the_start(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    read_all(&*store).await;
    assert_eq!(found(&database.everything().await), Vec::<String>::new());
    drop(store);
    read_all(&*database.open(&format!("{NEW},{OLD}")).await).await;
}

async fn no_canary_is_left_in_a_plain_database_once_it_is_sealed_in_place(database: TestDatabase) {
    let plain = database.open("").await;
    fill(&*plain).await;
    let serving = database.open(OLD).await;
    read_all(&*serving).await;
    drop(plain);
    // Three payments, five states of refunds and payments, and so on: what matters is below.
    assert!(database.reseal(OLD).await > 10);
    assert_eq!(found(&database.everything().await), Vec::<String>::new());
    read_all(&*serving).await;
    assert_eq!(database.reseal(OLD).await, 0, "all is sealed");
}

async fn what_the_search_looks_for_is_found_in_a_plain_database(database: TestDatabase) {
    fill(&*database.open("").await).await;
    let found = found(&database.everything().await).join("\n");
    for value in [
        "pm_",
        "description-",
        "metadata-",
        "customer-",
        "secret-",
        "payer-",
        "x.example/",
        "such PaymentMethod",
    ] {
        assert!(found.contains(value), "{value} in {found}");
    }
}
