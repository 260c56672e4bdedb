//! The ledger, the request log, the reset, and the responses to invalid control requests.

use reqwest::Method;

use crate::support::{TestSandbox, json, wallet};

async fn some_payments(sandbox: &TestSandbox) {
    let paid = sandbox.stripe_pay("pm_card_visa", 4999, "&metadata[transactionId]=txn_1").await;
    sandbox.stripe_post("refunds", &format!("payment_intent={}&amount=1000", paid.id())).await;
    sandbox.stripe_pay("pm_card_visa_chargeDeclined", 4999, "").await;
    sandbox.stripe_post("payment_intents", "amount=x").await;
    sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
}

#[tokio::test]
async fn the_ledger_is_filtered_and_summed() {
    let sandbox = TestSandbox::new().await;
    some_payments(&sandbox).await;
    let count = async |query: &str| {
        let reply = sandbox.visit(Method::GET, &format!("/_sandbox/ledger?{query}")).await;
        reply.body["effects"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("transactionId=txn_1").await, 3);
    assert_eq!(count("transactionId=txn_2").await, 0);
    assert_eq!(count("kind=charge").await, 2);
    assert_eq!(count("provider=stripe").await, 2);
    assert_eq!(count("provider=stripe&kind=refund&transactionId=txn_1").await, 1);
    let summary = sandbox.visit(Method::GET, "/_sandbox/ledger?summary=1").await;
    assert_eq!(
        summary.body,
        json!({
            "total": 3,
            "counts": { "stripe": { "charge": 1, "refund": 1 }, "paypal": { "charge": 1 } },
            "sums": {
                "stripe": { "charge": { "USD": 4999 }, "refund": { "USD": 1000 } },
                "paypal": { "charge": { "USD": 4999 } },
            },
        })
    );
    let refunds = sandbox.visit(Method::GET, "/_sandbox/ledger?summary=1&kind=refund").await;
    assert_eq!(refunds.body["total"], 1);
}

#[tokio::test]
async fn requests_are_counted_with_the_refused_ones() {
    let sandbox = TestSandbox::new().await;
    some_payments(&sandbox).await;
    sandbox.http.get(sandbox.url("/v1/payment_intents")).send().await.unwrap();
    sandbox.stripe_get("nowhere").await;
    let summary = sandbox.visit(Method::GET, "/_sandbox/requests?summary=1").await;
    assert_eq!(
        summary.body,
        json!({
            "total": 8,
            "counts": {
                "stripe": { "charge": 3, "refund": 1, "retrieve": 1, "unknown": 1 },
                "paypal": { "token": 1, "charge": 1 },
            },
            "refused": { "stripe": { "charge": 2, "retrieve": 1, "unknown": 1 } },
        })
    );
    let all = sandbox.visit(Method::GET, "/_sandbox/requests").await;
    let first = &all.body["requests"][0];
    assert_eq!((&first["path"], &first["status"]), (&json!("/v1/payment_intents"), &json!(200)));
    assert_eq!(all.body["requests"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn a_cut_call_is_logged_without_a_status() {
    let sandbox = TestSandbox::new().await;
    sandbox.fault(json!({"operation":"retrieve","fault":"drop_before"})).await;
    assert!(sandbox.stripe_request(Method::GET, "payment_intents").send().await.is_err());
    let all = sandbox.visit(Method::GET, "/_sandbox/requests").await;
    let logged = &all.body["requests"][0];
    assert_eq!((&logged["status"], &logged["faults"]), (&json!(null), &json!(["drop_before"])));
}

#[tokio::test]
async fn a_reset_forgets_everything_but_access_tokens() {
    let sandbox = TestSandbox::new().await;
    some_payments(&sandbox).await;
    sandbox.fault(json!({"fault":"drop_before","operation":"refund"})).await;
    assert_eq!(sandbox.visit(Method::DELETE, "/_sandbox").await.status, 204);
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/ledger?summary=1").await.body["total"], 0);
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/requests?summary=1").await.body["total"], 0);
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/faults").await.body["faults"], json!([]));
    assert_eq!(sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await.status, 201);
}

#[tokio::test]
async fn webhook_faults_are_accepted_and_listed() {
    let sandbox = TestSandbox::new().await;
    for fault in ["duplicate", "reorder", "delay", "withhold", "forge"] {
        sandbox.fault(json!({"provider":"stripe","operation":"webhook","fault":fault,"delayMs":1})).await;
    }
    let faults = sandbox.visit(Method::GET, "/_sandbox/faults").await;
    assert_eq!(faults.body["faults"].as_array().unwrap().len(), 5);
    assert_eq!(sandbox.visit(Method::DELETE, "/_sandbox/faults").await.status, 204);
}

#[tokio::test]
async fn invalid_requests_are_answered_with_the_valid_values() {
    let sandbox = TestSandbox::new().await;
    for query in ["kind=theft", "provider=adyen", "transaction=x"] {
        let reply = sandbox.visit(Method::GET, &format!("/_sandbox/ledger?{query}")).await;
        assert_eq!((reply.status, &reply.body["error"]["field"]), (400, &json!("query")), "{query}");
    }
    for (rule, field) in [
        (json!({"fault":"explode"}), "fault"),
        (json!({"fault":"latency"}), "delayMs"),
        (json!({"fault":"drop_after","every":0}), "every"),
        (json!({"fault":"drop_after","provider":"adyen"}), "provider"),
    ] {
        let reply = sandbox.http.post(sandbox.url("/_sandbox/faults")).json(&rule).send().await.unwrap();
        assert_eq!(reply.status(), 400);
        assert_eq!(reply.json::<serde_json::Value>().await.unwrap()["error"]["field"], field);
    }
}
