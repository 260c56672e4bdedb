//! Accepted work is completed, once, whatever was unavailable meanwhile.

mod broker_lost;
mod lost_answers;
mod primary_lost;
mod provider_down;

use gateway_tests::Sandbox;
use local_stack::DEMO_KEY;
use reqwest::Client;
use serde_json::{Value, json};

/// A charge with a valid method at either provider.
fn charge(number: u64) -> Value {
    let (provider, method) =
        if number.is_multiple_of(2) { ("stripe", "pm_card_visa") } else { ("paypal", "vault-ok") };
    json!({ "provider": provider, "amount": 1_000 + number, "currency": "USD", "paymentMethodId": method })
}

/// Every payment of the client, over all pages.
async fn all_payments(http: &Client, gateway: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let mut query = vec![("limit", "100".to_owned())];
        query.extend(
            all.last().map(|last| ("startingAfter", last["transactionId"].as_str().unwrap().to_owned())),
        );
        let request = http.get(format!("{gateway}/payments")).query(&query).bearer_auth(DEMO_KEY);
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["hasMore"] != true {
            return all;
        }
    }
}

/// Asserts that the providers' ledger and the gateway's list agree: each charge completed, once, with its amount.
async fn each_happened_once(payments: &[Value], sandbox: &Sandbox, count: usize) {
    let text =
        |entry: &Value, id: &str| (entry[id].as_str().unwrap().to_owned(), entry["amount"].as_u64().unwrap());
    let mut ours: Vec<_> = payments.iter().map(|payment| text(payment, "transactionId")).collect();
    let ledger = sandbox.ledger().await;
    let mut theirs: Vec<_> = ledger.iter().map(|effect| text(effect, "transactionId")).collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours.len(), count);
    assert_eq!(ours, theirs);
    assert!(ledger.iter().all(|effect| effect["kind"] == "charge"), "{ledger:?}");
    for payment in payments {
        assert_eq!(payment["status"], "completed", "{payment}");
    }
}
