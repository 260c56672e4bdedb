//! The providers' published contracts, against which the sandbox holds the gateway's requests.

use std::path::Path;

use gateway_tests::{shared, shared_folder};
use test_services::skipped_here;

#[tokio::test]
async fn requests_are_held_against_the_published_contracts_where_these_are_at_hand() {
    let gateway = shared().await;
    if !Path::new(&shared_folder()).join("contracts").is_dir() {
        return skipped_here("GATEWAY_SHARED does not lead to the providers' contracts");
    }
    let log = std::fs::read_to_string(gateway.stack().run_dir().log("sandbox")).unwrap();
    let listening = log.lines().find(|line| line.contains("listening")).expect("the sandbox's first line");
    assert!(!listening.contains("none"), "{listening}");
}
