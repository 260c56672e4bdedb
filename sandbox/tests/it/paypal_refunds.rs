//! Refunds with PayPal.

use crate::support::{TestSandbox, card, json, order, wallet};

async fn charge(sandbox: &TestSandbox) -> String {
    let paid = sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    paid.capture()["id"].as_str().unwrap().to_owned()
}

fn usd(value: &str) -> serde_json::Value {
    json!({ "amount": { "currency_code": "USD", "value": value } })
}

#[tokio::test]
async fn several_partial_refunds_add_up_to_the_capture_and_no_further() {
    let sandbox = TestSandbox::new().await;
    let capture = charge(&sandbox).await;
    let refund = format!("payments/captures/{capture}/refund");
    let first = sandbox.paypal_post_with_id("r1", &refund, &usd("20.00")).await;
    assert_eq!((first.status, &first.body["status"]), (201, &json!("COMPLETED")));
    assert_eq!(
        sandbox.paypal_get(&format!("payments/captures/{capture}")).await.body["status"],
        "PARTIALLY_REFUNDED"
    );
    assert_eq!(
        sandbox.paypal_get(&format!("payments/refunds/{}", first.id())).await.body["amount"]["value"],
        "20.00"
    );
    let too_much = sandbox.paypal_post(&refund, &usd("30.00")).await;
    assert_eq!(too_much.issue(), (422, "REFUND_AMOUNT_EXCEEDED", "/amount/value"));
    assert_eq!(sandbox.paypal_post(&refund, &json!({})).await.body["amount"]["value"], "29.99");
    assert_eq!(sandbox.paypal_get(&format!("payments/captures/{capture}")).await.body["status"], "REFUNDED");
    assert_eq!(sandbox.paypal_post(&refund, &json!({})).await.issue(), (422, "CAPTURE_FULLY_REFUNDED", ""));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "refund 2000 USD", "refund 2999 USD"]);
    let effect = &sandbox.ledger().await[1];
    assert_eq!((&effect["idempotencyKey"], &effect["transactionId"]), (&json!("r1"), &json!("txn_1")));
}

#[tokio::test]
async fn an_empty_body_refunds_the_rest() {
    let sandbox = TestSandbox::new().await;
    let capture = charge(&sandbox).await;
    let request =
        sandbox.paypal_request(reqwest::Method::POST, &format!("payments/captures/{capture}/refund")).await;
    let refunded = sandbox.paypal_send(request.header("Content-Type", "application/json")).await;
    assert_eq!(refunded.body["amount"]["value"], "49.99");
}

#[tokio::test]
async fn what_cannot_be_refunded_is_refused_with_paypals_issue() {
    let sandbox = TestSandbox::new().await;
    let declined = sandbox.paypal_order("CAPTURE", card("vault-declined")).await;
    let pending = sandbox.paypal_order("CAPTURE", wallet("vault-pending")).await;
    for (reply, issue) in [(declined, "REFUND_NOT_ALLOWED"), (pending, "PENDING_CAPTURE")] {
        let refund = format!("payments/captures/{}/refund", reply.capture()["id"].as_str().unwrap());
        assert_eq!(sandbox.paypal_post(&refund, &json!({})).await.issue(), (422, issue, ""));
    }
    let refund = format!("payments/captures/{}/refund", charge(&sandbox).await);
    for (body, status, issue) in [
        (
            json!({ "amount": { "currency_code": "EUR", "value": "1.00" } }),
            422,
            "REFUND_CAPTURE_CURRENCY_MISMATCH",
        ),
        (usd("0.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (usd("1.001"), 422, "DECIMAL_PRECISION"),
        (json!({ "amount": "1.00" }), 400, "INVALID_PARAMETER_SYNTAX"),
        (json!({ "ammount": {} }), 400, "INVALID_PARAMETER_SYNTAX"),
    ] {
        let reply = sandbox.paypal_post(&refund, &body).await;
        assert_eq!((reply.status, reply.issue().1), (status, issue), "{}", reply.text);
    }
    assert_eq!(sandbox.paypal_post("payments/captures/NONE/refund", &json!({})).await.status, 404);
}

#[tokio::test]
async fn two_refunds_of_sixty_on_a_hundred_at_once_are_one_refund() {
    let sandbox = TestSandbox::new().await;
    let body = order("CAPTURE", "USD", "100.00", wallet("vault-ok"));
    let paid = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    let refund = format!("payments/captures/{}/refund", paid.capture()["id"].as_str().unwrap());
    let sixty = usd("60.00");
    let (one, two) = tokio::join!(sandbox.paypal_post(&refund, &sixty), sandbox.paypal_post(&refund, &sixty));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
    assert_eq!(sandbox.effects().await, ["charge 10000 USD", "refund 6000 USD"]);
}

#[tokio::test]
async fn a_refund_in_a_currency_without_decimals_has_none() {
    let sandbox = TestSandbox::new().await;
    let body = order("CAPTURE", "HUF", "499", wallet("vault-ok"));
    let paid = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    let refund = format!("payments/captures/{}/refund", paid.capture()["id"].as_str().unwrap());
    let wrong = json!({ "amount": { "currency_code": "HUF", "value": "100.00" } });
    assert_eq!(sandbox.paypal_post(&refund, &wrong).await.issue().1, "DECIMALS_NOT_SUPPORTED");
    let right = json!({ "amount": { "currency_code": "HUF", "value": "100" } });
    assert_eq!(sandbox.paypal_post(&refund, &right).await.body["amount"]["value"], "100");
    assert_eq!(sandbox.effects().await, ["charge 49900 HUF", "refund 10000 HUF"]);
}
