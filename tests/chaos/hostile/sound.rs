//! The charge that attackers twist. Without a twist it is executed, so the others are refused for their twists. It is
//! the only one that leaves a payment.

use edge_core::error::ErrorCode;
use gateway_tests::{Gateway, HttpResponse, until};
use reqwest::Method;
use serde_json::Value;

use super::mutations;
use super::written::REFERENCE;

/// Sends it once, as the attackers' client. `Ok`: its payment; `Err`: what it was answered instead of a decline.
pub(super) async fn execute(gateway: &Gateway<'_>) -> Result<String, String> {
    let answer = gateway.as_demo_2().post_under("sound", "/graphql", mutations::sound()).await;
    let payload = answer.json()["data"]["chargePayment"].take();
    let is_declined = payload["userErrors"][0]["code"] == ErrorCode::PaymentFailed.name();
    let payment = payload["transactionId"].as_str().filter(|_| is_declined);
    payment.map(str::to_owned).ok_or_else(|| {
        format!("the charge that attackers twist is not executed: {} {}", answer.status, answer.text())
    })
}

/// Looks for payments that the attackers' charges have left, whatever they were answered.
pub(super) async fn judge(gateway: &Gateway<'_>, sound: &str) -> Vec<String> {
    let client = gateway.as_demo_2();
    let path = format!("/payments?customerReference={REFERENCE}&limit=100");
    // The attackers may have used up what the client may send in a second, or the connections of its address.
    let read = async || {
        let answer = HttpResponse::try_of(client.request(Method::GET, &path)).await.ok()?;
        (answer.status == 200).then(|| answer.json())
    };
    executed(&until("the payments of the attackers' client", read).await, sound)
}

fn executed(list: &Value, sound: &str) -> Vec<String> {
    let payments = list["data"].as_array().into_iter().flatten();
    let ids: Vec<_> = payments.map(|payment| &payment["transactionId"]).collect();
    let others = ids.iter().filter(|id| ***id != sound);
    let mut broken: Vec<_> =
        others.map(|id| format!("a charge that must be refused was executed: {id}")).collect();
    if !ids.iter().any(|id| **id == sound) {
        broken.push(format!("{sound}, which was executed, is not among the payments of its reference"));
    }
    broken
}

#[test]
fn every_payment_but_the_sound_one_is_found_and_so_is_its_absence() {
    use serde_json::json;

    let list = |ids: &[&str]| {
        let payments = ids.iter().map(|id| json!({ "transactionId": id }));
        json!({ "success": true, "data": payments.collect::<Vec<_>>() })
    };
    assert!(executed(&list(&["txn_1"]), "txn_1").is_empty());
    assert_eq!(executed(&list(&["txn_2", "txn_1", "txn_3"]), "txn_1").len(), 2);
    assert_eq!(executed(&list(&["txn_2"]), "txn_1").len(), 2);
    assert_eq!(executed(&list(&[]), "txn_1").len(), 1);
    assert_eq!(executed(&json!({}), "txn_1").len(), 1);
}
