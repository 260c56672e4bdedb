//! Orders that a payer has to approve at PayPal.

use reqwest::Method;

use crate::support::{TestSandbox, card, json, order, wallet};

#[tokio::test]
async fn an_approved_order_is_captured_once() {
    let sandbox = TestSandbox::new().await;
    let mut body = order("CAPTURE", "USD", "49.99", json!(null));
    body["application_context"] =
        json!({ "return_url": "https://shop.example/ok?cart=1", "cancel_url": "https://shop.example/no" });
    let created = sandbox.paypal_post("checkout/orders", &body).await;
    assert_eq!(created.body["status"], "CREATED");
    let capture = format!("checkout/orders/{}/capture", created.id());
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.issue(), (422, "ORDER_NOT_APPROVED", ""));

    let page = created.link("approve").unwrap();
    let shown = sandbox.visit(Method::GET, page).await;
    assert!(
        shown.text.contains("value=\"approve\"") && shown.text.contains("value=\"cancel\""),
        "{}",
        shown.text
    );
    assert!(shown.text.contains(": 49.99 USD<"), "{}", shown.text);
    let canceled = sandbox.visit(Method::GET, &format!("{page}&outcome=cancel")).await;
    assert_eq!(
        (canceled.status, canceled.header("location")),
        (303, format!("https://shop.example/no?token={}", created.id()).as_str())
    );
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.issue(), (422, "ORDER_NOT_APPROVED", ""));

    let approved = sandbox.http.post(page).form(&[("outcome", "approve")]).send().await.unwrap();
    assert_eq!(approved.status(), 303);
    let location = approved.headers()["location"].to_str().unwrap();
    assert!(
        location.starts_with(&format!("https://shop.example/ok?cart=1&token={}&PayerID=", created.id())),
        "{location}"
    );
    assert_eq!(
        sandbox.paypal_get(&format!("checkout/orders/{}", created.id())).await.body["status"],
        "APPROVED"
    );
    assert_eq!(sandbox.visit(Method::GET, page).await.status, 409);

    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.status, 201);
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.issue(), (422, "ORDER_ALREADY_CAPTURED", ""));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn sources_that_need_the_payer_say_so_and_pay_after_approval() {
    let sandbox = TestSandbox::new().await;
    let context = json!({ "return_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no" });
    for source in
        [json!({ "paypal": { "experience_context": context } }), wallet("vault-action"), card("vault-action")]
    {
        let created = sandbox.paypal_order("CAPTURE", source).await;
        assert_eq!(created.body["status"], "PAYER_ACTION_REQUIRED");
        let page = created.link("payer-action").unwrap();
        let capture = format!("checkout/orders/{}/capture", created.id());
        assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.issue(), (422, "ORDER_NOT_APPROVED", ""));
        sandbox.visit(Method::GET, &format!("{page}&outcome=approve")).await;
        assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.status, 201);
    }
    assert_eq!(sandbox.effects().await.len(), 3);
}

#[tokio::test]
async fn a_source_can_be_confirmed_later_or_given_with_the_capture() {
    let sandbox = TestSandbox::new().await;
    let created = sandbox.paypal_post("checkout/orders", &order("CAPTURE", "USD", "1.00", json!(null))).await;
    let confirm = format!("checkout/orders/{}/confirm-payment-source", created.id());
    let confirmed = sandbox.paypal_post(&confirm, &json!({ "payment_source": wallet("vault-ok") })).await;
    assert_eq!((confirmed.status, &confirmed.body["status"]), (200, &json!("APPROVED")));
    let capture = format!("checkout/orders/{}/capture", created.id());
    assert_eq!(sandbox.paypal_post(&capture, &json!({})).await.status, 201);
    let again = sandbox.paypal_post(&confirm, &json!({ "payment_source": wallet("vault-ok") })).await;
    assert_eq!(again.issue(), (422, "ORDER_CANNOT_BE_CONFIRMED", ""));

    let created = sandbox.paypal_post("checkout/orders", &order("CAPTURE", "USD", "2.00", json!(null))).await;
    let capture = format!("checkout/orders/{}/capture", created.id());
    let with_source = json!({ "payment_source": wallet("vault-ok") });
    assert_eq!(
        sandbox.paypal_post(&capture, &with_source).await.issue(),
        (400, "PAYPAL_REQUEST_ID_REQUIRED", "PayPal-Request-Id")
    );
    assert_eq!(sandbox.paypal_post_with_id("k", &capture, &with_source).await.status, 201);
    assert_eq!(sandbox.effects().await, ["charge 100 USD", "charge 200 USD"]);
}

#[tokio::test]
async fn the_page_of_an_unknown_order_says_so() {
    let sandbox = TestSandbox::new().await;
    assert_eq!(sandbox.visit(Method::GET, "/checkoutnow?token=NONE").await.status, 404);
    assert_eq!(sandbox.visit(Method::GET, "/checkoutnow?token=NONE&outcome=approve").await.status, 404);
    assert_eq!(sandbox.visit(Method::GET, "/checkoutnow").await.status, 400);
}
