//! Orders that a payer's browser confirms with a wallet.

use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, Value, json};

/// A token for a page, as a merchant's server gets it.
async fn client_token(sandbox: &TestSandbox) -> Value {
    let request = sandbox.http.post(sandbox.url("/v1/oauth2/token")).basic_auth("client", Some("secret"));
    let form = [
        ("grant_type", "client_credentials"),
        ("response_type", "client_token"),
        ("domains[]", "shop.example"),
    ];
    HttpResponse::of(request.form(&form)).await.body
}

/// Confirms an order by the page's token; `name` decides what happens.
async fn confirm(sandbox: &TestSandbox, order: &str, wallet: &str, name: &str) -> HttpResponse {
    let token = client_token(sandbox).await;
    let url = sandbox.url(&format!("/v2/checkout/orders/{order}/confirm-payment-source"));
    let request = sandbox.http.post(url).bearer_auth(token["access_token"].as_str().unwrap());
    sandbox.paypal_send(request.json(&json!({ "payment_source": { wallet: { "name": name } } }))).await
}

async fn capture(sandbox: &TestSandbox, order: &str) -> HttpResponse {
    sandbox.paypal_post(&format!("checkout/orders/{order}/capture"), &json!({})).await
}

#[tokio::test]
async fn a_confirmed_order_is_captured_once_and_names_the_wallet() {
    let sandbox = TestSandbox::new().await;
    for wallet in ["apple_pay", "google_pay"] {
        let order = sandbox.paypal_order("CAPTURE", json!({ wallet: {} })).await;
        assert_eq!(order.body["status"], "CREATED");
        assert_eq!(capture(&sandbox, order.id()).await.issue(), (422, "ORDER_NOT_APPROVED", ""));
        confirm(&sandbox, order.id(), wallet, "Ada Lovelace").await;
        let captured = capture(&sandbox, order.id()).await;
        assert_eq!(captured.status, 201, "{captured:?}");
        assert_eq!(captured.body["payment_source"][wallet]["card"]["last_digits"], "4242");
        assert_eq!(capture(&sandbox, order.id()).await.issue(), (422, "ORDER_ALREADY_CAPTURED", ""));
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "charge 4999 USD"]);
}

#[tokio::test]
async fn the_payers_name_decides_about_declines_and_authentication() {
    let sandbox = TestSandbox::new().await;
    for (name, code) in [("CCREJECT-REFUSED", "0500"), ("CCREJECT-EC", "5400")] {
        let order = sandbox.paypal_order("CAPTURE", json!({ "google_pay": {} })).await;
        confirm(&sandbox, order.id(), "google_pay", name).await;
        let declined = capture(&sandbox, order.id()).await;
        let declined = &declined.body["purchase_units"][0]["payments"]["captures"][0];
        assert_eq!(declined["status"], "DECLINED", "{name}");
        assert_eq!(declined["processor_response"]["response_code"], code, "{name}");
    }
    assert_eq!(sandbox.effects().await, Vec::<String>::new());

    for (name, shift) in [("SCA-REJECTED", "NO"), ("SCA-UNKNOWN", "UNKNOWN")] {
        let order = sandbox.paypal_order("CAPTURE", json!({ "google_pay": {} })).await;
        confirm(&sandbox, order.id(), "google_pay", name).await;
        let seen = sandbox.paypal_get(&format!("checkout/orders/{}", order.id())).await;
        let card = &seen.body["payment_source"]["google_pay"]["card"];
        assert_eq!(card["authentication_result"]["liability_shift"], shift);
    }
}

#[tokio::test]
async fn a_payer_who_has_to_authenticate_does_so_before_the_capture() {
    let sandbox = TestSandbox::new().await;
    let always = json!({ "google_pay": { "attributes": { "verification": { "method": "SCA_ALWAYS" } } } });
    for (source, name) in [(json!({ "google_pay": {} }), "SCA-REQUIRED"), (always, "Ada Lovelace")] {
        let order = sandbox.paypal_order("CAPTURE", source).await;
        let asked = confirm(&sandbox, order.id(), "google_pay", name).await;
        assert_eq!(asked.body["status"], "PAYER_ACTION_REQUIRED", "{asked:?}");
        assert_eq!(capture(&sandbox, order.id()).await.status, 422);
        sandbox.visit(Method::GET, &format!("{}&outcome=approve", asked.link("payer-action").unwrap())).await;
        let captured = capture(&sandbox, order.id()).await;
        let card = &captured.body["payment_source"]["google_pay"]["card"];
        assert_eq!(card["authentication_result"]["liability_shift"], "POSSIBLE");
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "charge 4999 USD"]);
}

#[tokio::test]
async fn a_bank_that_is_not_convinced_leaves_the_liability_with_the_merchant() {
    let sandbox = TestSandbox::new().await;
    let order = sandbox.paypal_order("CAPTURE", json!({ "google_pay": {} })).await;
    let asked = confirm(&sandbox, order.id(), "google_pay", "SCA-REQUIRED").await;
    sandbox.visit(Method::GET, &format!("{}&outcome=fail", asked.link("payer-action").unwrap())).await;
    let seen = sandbox.paypal_get(&format!("checkout/orders/{}", order.id())).await;
    assert_eq!(seen.body["status"], "APPROVED", "{seen:?}");
    let card = &seen.body["payment_source"]["google_pay"]["card"];
    assert_eq!(card["authentication_result"]["liability_shift"], "NO");

    // A PayPal account has no such bank.
    let account = sandbox.paypal_order("CAPTURE", json!({ "paypal": {} })).await;
    let page = format!("/checkoutnow?token={}&outcome=fail", account.id());
    assert_eq!(sandbox.visit(Method::GET, &page).await.status, 409);
}

#[tokio::test]
async fn a_pages_token_lasts_minutes_and_moves_no_money() {
    let sandbox = TestSandbox::new().await;
    let order = sandbox.paypal_order("CAPTURE", json!({ "google_pay": {} })).await;
    let token = client_token(&sandbox).await;
    assert_eq!(token["expires_in"], 900);
    let send = async |method: Method, path: &str| {
        let url = sandbox.url(&format!("/v2/checkout/orders/{}{path}", order.id()));
        let request = sandbox.http.request(method, url).header("Content-Type", "application/json");
        HttpResponse::of(request.bearer_auth(token["access_token"].as_str().unwrap())).await.status
    };
    assert_eq!(send(Method::GET, "").await, 200);
    assert_eq!(send(Method::POST, "/capture").await, 401);
    sandbox.hours_pass(1);
    assert_eq!(send(Method::GET, "").await, 401);
}
