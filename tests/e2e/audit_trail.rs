//! A payment's audit trail as its client sees it.

use std::time::Duration;

use gateway_tests::{shared, until_within};
use serde_json::{Value, json};

const CHARGE: &[u8] =
    br#"{"provider":"stripe","amount":990,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
/// Sealing takes place every ten seconds, up to the oldest open transaction.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_record_says_from_where_its_request_came_and_is_proved_within_seconds() {
    let gateway = shared().await;
    let forged = gateway.raw_charge().header("x-edge-source", "203.0.113.7").body(CHARGE);
    let charged = gateway.send_raw(&forged).await;
    charged.succeeds(200, &json!({ "status": "completed" }));
    let events = format!("/payments/{}/events", charged.transaction_id());
    let listed = gateway.get(&events).await.json();
    let records = listed["data"].as_array().unwrap();
    assert!(records.len() > 1 && records.iter().all(|record| record["address"] == "127.0.0.1"), "{listed}");
    assert_eq!(records.last().unwrap()["outcome"], "success");

    let ask = async || {
        let proofs = gateway.get(&format!("{events}/proof")).await.json();
        (proofs["data"].as_array().unwrap().len() == records.len()).then_some(proofs)
    };
    let proofs = until_within(PATIENCE, "a proof of each record", ask).await;
    let sealed = gateway.get(&events).await.json();
    let indexes = |list: &Value| -> Vec<_> {
        list["data"].as_array().unwrap().iter().map(|one| one["index"].as_u64().unwrap()).collect()
    };
    assert_eq!(indexes(&sealed), indexes(&proofs));
    for proof in proofs["data"].as_array().unwrap() {
        assert!(proof["proof"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1\n"), "{proof}");
        let record: Value = serde_json::from_str(proof["record"].as_str().unwrap()).unwrap();
        assert_eq!(record["payment"], charged.transaction_id());
    }
}
