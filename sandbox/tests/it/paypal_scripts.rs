//! Changes of a PayPal payment without a request from the gateway.

use reqwest::Method;

use crate::support::{TestSandbox, json, order, wallet};

/// The path of an authorization of `txn_1`.
async fn authorize(sandbox: &TestSandbox) -> String {
    let held = sandbox.paypal_order("AUTHORIZE", wallet("vault-ok")).await;
    format!("payments/authorizations/{}", held.authorization()["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_expired_authorization_shows_it_by_its_time_until_paypal_voids_it() {
    let sandbox = TestSandbox::new().await;
    let path = authorize(&sandbox).await;
    let expired = sandbox
        .happens(json!({"provider":"paypal","type":"authorization.expired","transactionId":"txn_1"}))
        .await;
    assert_eq!(expired.body["events"], json!([]));
    let seen = sandbox.paypal_get(&path).await;
    assert_eq!(
        (&seen.body["status"], &seen.body["expiration_time"]),
        (&json!("CREATED"), &json!("2026-01-01T00:00:00Z"))
    );
    let capture = sandbox.paypal_post(&format!("{path}/capture"), &json!({})).await;
    assert_eq!(capture.issue(), (422, "AUTHORIZATION_EXPIRED", ""));
    let void = sandbox.paypal_post(&format!("{path}/void"), &json!({})).await;
    assert_eq!(void.issue(), (422, "CANNOT_BE_VOIDED", ""));

    let script = json!({
        "provider": "paypal", "type": "PAYMENT.AUTHORIZATION.VOIDED", "transactionId": "txn_1", "reason": "expired",
    });
    let voided = sandbox.happens(script).await;
    assert_eq!(voided.body["events"][0]["type"], "PAYMENT.AUTHORIZATION.VOIDED");
    assert_eq!(sandbox.paypal_get(&path).await.body["status"], "VOIDED");
    let capture = sandbox.paypal_post(&format!("{path}/capture"), &json!({})).await;
    assert_eq!(capture.issue(), (422, "AUTHORIZATION_VOIDED", ""));
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD", "expire 4999 USD"]);
}

#[tokio::test]
async fn people_void_capture_and_refund_in_the_dashboard() {
    let sandbox = TestSandbox::new().await;
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let voided = authorize(&sandbox).await;
    sandbox
        .happens(json!({"provider":"paypal","type":"PAYMENT.AUTHORIZATION.VOIDED","id":id(&voided)}))
        .await;
    assert_eq!(sandbox.paypal_get(&voided).await.body["status"], "VOIDED");

    let captured = authorize(&sandbox).await;
    let mut part =
        json!({"provider":"paypal","type":"PAYMENT.CAPTURE.COMPLETED","id":id(&captured),"amount":2000});
    sandbox.happens(part.clone()).await;
    assert_eq!(sandbox.paypal_get(&captured).await.body["status"], "PARTIALLY_CAPTURED");
    part.as_object_mut().unwrap().remove("amount");
    let rest = sandbox.happens(part).await.body["object"].clone();
    assert_eq!((&rest["amount"]["value"], &rest["status"]), (&json!("29.99"), &json!("COMPLETED")));
    assert_eq!(sandbox.paypal_get(&captured).await.body["status"], "CAPTURED");

    let script = json!({"provider":"paypal","type":"PAYMENT.CAPTURE.REFUNDED","id":rest["id"],"amount":500});
    assert_eq!(sandbox.happens(script.clone()).await.body["events"][0]["type"], "PAYMENT.CAPTURE.REFUNDED");
    assert_eq!(
        sandbox.effects().await[1..],
        ["cancel 4999 USD", "authorize 4999 USD", "capture 2000 USD", "capture 2999 USD", "refund 500 USD"]
    );
    let too_much =
        json!({"provider":"paypal","type":"PAYMENT.CAPTURE.REFUNDED","id":rest["id"],"amount":2500});
    let refused = sandbox.control_post("happen", &too_much).await;
    assert_eq!(refused.body["error"]["message"], "is refused: REFUND_AMOUNT_EXCEEDED");
}

#[tokio::test]
async fn paypal_forgets_an_order_that_nobody_approves() {
    let sandbox = TestSandbox::new().await;
    let create = async || {
        let created =
            sandbox.paypal_post("checkout/orders", &order("CAPTURE", "USD", "49.99", json!(null))).await;
        (format!("checkout/orders/{}", created.id()), created.link("approve").unwrap().to_owned())
    };
    let (by_script, _) = create().await;
    sandbox.happens(json!({"provider":"paypal","type":"order.forgotten","transactionId":"txn_1"})).await;
    let forgotten = sandbox.paypal_get(&by_script).await;
    assert_eq!(
        (forgotten.issue(), &forgotten.body["name"]),
        ((404, "INVALID_RESOURCE_ID", ""), &json!("RESOURCE_NOT_FOUND"))
    );
    let (by_time, page) = create().await;
    sandbox.hours_pass(5);
    assert_eq!(sandbox.paypal_get(&by_time).await.status, 200);
    sandbox.hours_pass(1);
    assert_eq!(sandbox.visit(Method::GET, &format!("{page}&outcome=approve")).await.status, 404);
    assert_eq!(sandbox.paypal_get(&by_time).await.status, 404);
    assert_eq!(sandbox.paypal_post(&format!("{by_time}/capture"), &json!({})).await.status, 404);
}

#[tokio::test]
async fn a_voided_order_can_neither_be_approved_nor_captured() {
    let sandbox = TestSandbox::new().await;
    let created =
        sandbox.paypal_post("checkout/orders", &order("CAPTURE", "USD", "49.99", json!(null))).await;
    sandbox.happens(json!({"provider":"paypal","type":"order.voided","id":created.id()})).await;
    let path = format!("checkout/orders/{}", created.id());
    assert_eq!(sandbox.paypal_get(&path).await.body["status"], "VOIDED");
    let page = created.link("approve").unwrap();
    assert_eq!(sandbox.visit(Method::GET, &format!("{page}&outcome=approve")).await.status, 409);
    assert_eq!(
        sandbox.paypal_post(&format!("{path}/capture"), &json!({})).await.issue().1,
        "ORDER_NOT_APPROVED"
    );
}
