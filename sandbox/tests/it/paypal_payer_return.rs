//! A PayPal payment that fails at first, and the payer's return to it.

use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, json, order, wallet};

/// An order that a payer has to approve; its path and its page.
async fn create(sandbox: &TestSandbox) -> (String, String) {
    let created =
        sandbox.paypal_post("checkout/orders", &order("CAPTURE", "USD", "49.99", json!(null))).await;
    (format!("checkout/orders/{}", created.id()), created.link("approve").unwrap().to_owned())
}

/// The payer decides on the page.
async fn decide(sandbox: &TestSandbox, page: &str, how: &str) {
    let reply = sandbox.visit(Method::GET, &format!("{page}&outcome=approve{how}")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

async fn capture(sandbox: &TestSandbox, path: &str) -> HttpResponse {
    sandbox.paypal_post(&format!("{path}/capture"), &json!({})).await
}

#[tokio::test]
async fn the_first_captures_can_be_refused_while_the_order_reads_approved() {
    let sandbox = TestSandbox::new().await;
    let (path, page) = create(&sandbox).await;
    decide(&sandbox, &page, "&refusals=2").await;
    for _ in 0..2 {
        assert_eq!(sandbox.paypal_get(&path).await.body["status"], "APPROVED");
        assert_eq!(capture(&sandbox, &path).await.issue(), (422, "ORDER_NOT_APPROVED", ""));
    }
    assert_eq!(capture(&sandbox, &path).await.body["status"], "COMPLETED");
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn a_declined_funding_source_leaves_the_payer_a_way_to_another() {
    let sandbox = TestSandbox::new().await;
    let (path, page) = create(&sandbox).await;
    decide(&sandbox, &page, "&funding=declined").await;
    for _ in 0..2 {
        let declined = capture(&sandbox, &path).await;
        assert_eq!(declined.issue(), (422, "INSTRUMENT_DECLINED", ""));
        assert_eq!(declined.link("redirect"), Some(page.as_str()));
        assert!(declined.link("information_link").is_some());
    }
    assert_eq!(sandbox.visit(Method::GET, &page).await.status, 200);
    decide(&sandbox, &page, "").await;
    assert_eq!(capture(&sandbox, &path).await.status, 201);
    assert_eq!(sandbox.visit(Method::GET, &page).await.status, 409);
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
    let approvals = sandbox.event_kinds().await.into_iter().filter(|kind| kind == "CHECKOUT.ORDER.APPROVED");
    assert_eq!(approvals.count(), 2);
}

#[tokio::test]
async fn an_order_that_does_not_exist_has_no_page() {
    let sandbox = TestSandbox::new().await;
    let declined = sandbox.paypal_order("CAPTURE", wallet("vault-declined")).await;
    assert_eq!((declined.issue().1, declined.link("redirect")), ("INSTRUMENT_DECLINED", None));
}

#[tokio::test]
async fn a_denied_capture_can_return_its_order_to_the_payer() {
    let sandbox = TestSandbox::new().await;
    let (path, page) = create(&sandbox).await;
    decide(&sandbox, &page, "&funding=pending").await;
    let pending = capture(&sandbox, &path).await;
    assert_eq!(
        (&pending.body["status"], &pending.capture()["status"]),
        (&json!("COMPLETED"), &json!("PENDING"))
    );
    let review = format!("/_sandbox/paypal/payments/{}/review", pending.capture()["id"].as_str().unwrap());
    let wrong = sandbox.visit(Method::POST, &format!("{review}?outcome=accept&order=approved")).await;
    assert_eq!((wrong.status, &wrong.body["error"]["field"]), (400, &json!("order")));
    assert_eq!(
        sandbox.visit(Method::POST, &format!("{review}?outcome=deny&order=approved")).await.status,
        200
    );
    assert_eq!(sandbox.event_kinds().await.last().unwrap(), "PAYMENT.CAPTURE.DENIED");

    let seen = sandbox.paypal_get(&path).await;
    assert_eq!((&seen.body["status"], &seen.capture()["status"]), (&json!("APPROVED"), &json!("DECLINED")));
    // A denied capture is not paid by retrying.
    assert_eq!(capture(&sandbox, &path).await.link("redirect"), Some(page.as_str()));
    assert_eq!(sandbox.effects().await, [""; 0]);
    decide(&sandbox, &page, "").await;
    let paid = capture(&sandbox, &path).await;
    let captures = &paid.body["purchase_units"][0]["payments"]["captures"];
    assert_eq!((&captures[0]["status"], &captures[1]["status"]), (&json!("DECLINED"), &json!("COMPLETED")));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}
