//! Tokens that Stripe's scripts make on a page, and the domains of such pages.

use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, json};

const BACK: &str = "&return_url=https://shop.example/back&use_stripe_sdk=true";

/// A confirmation token, made on a page by the publishable key.
async fn token(sandbox: &TestSandbox, method: &str) -> HttpResponse {
    made_on_a_page(sandbox, "confirmation_tokens", method).await
}

async fn made_on_a_page(sandbox: &TestSandbox, what: &str, method: &str) -> HttpResponse {
    let request = sandbox.http.post(sandbox.url(&format!("/v1/{what}"))).bearer_auth("pk_test_page");
    sandbox.stripe_send(request.form(&[("payment_method", method)])).await
}

async fn pay_with(sandbox: &TestSandbox, token: &str, more: &str) -> HttpResponse {
    let form = format!(
        "amount=4999&currency=usd&confirmation_token={token}&confirm=true&payment_method_types[]=card\
         &expand[]=latest_charge{more}"
    );
    sandbox.stripe_post("payment_intents", &form).await
}

#[tokio::test]
async fn a_confirmation_token_pays_one_payment() {
    let sandbox = TestSandbox::new().await;
    let token = token(&sandbox, "pm_card_sandbox_applePay").await;
    assert!(token.id().starts_with("ctoken_"), "{token:?}");
    assert_eq!(token.body["payment_method_preview"]["card"]["wallet"]["type"], "apple_pay");
    let paid = pay_with(&sandbox, token.id(), "").await;
    assert_eq!(paid.body["status"], "succeeded", "{paid:?}");
    assert_eq!(paid.body["latest_charge"]["payment_method_details"]["card"]["wallet"]["type"], "apple_pay");
    let seen = sandbox.stripe_get(&format!("confirmation_tokens/{}", token.id())).await;
    assert_eq!(seen.body["payment_intent"], paid.id());
    let again = pay_with(&sandbox, token.id(), "").await;
    assert_eq!(again.error(), (400, "", "confirmation_token"));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn a_confirmation_token_lasts_twelve_hours() {
    let sandbox = TestSandbox::new().await;
    let (early, late) = (token(&sandbox, "pm_card_visa").await, token(&sandbox, "pm_card_visa").await);
    sandbox.hours_pass(11);
    assert_eq!(pay_with(&sandbox, early.id(), "").await.body["status"], "succeeded");
    sandbox.hours_pass(1);
    assert_eq!(pay_with(&sandbox, late.id(), "").await.error(), (400, "", "confirmation_token"));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn the_test_helper_shows_what_a_page_collects_besides_the_payment_method() {
    let sandbox = TestSandbox::new().await;
    let form = "payment_method=pm_card_visa&setup_future_usage=off_session&return_url=https://shop.example/back\
        &shipping[name]=Ada&shipping[address][line1]=Hauptstr. 1&shipping[address][country]=DE\
        &payment_method_options[card][installments][plan][type]=fixed_count\
        &payment_method_options[card][installments][plan][interval]=month\
        &payment_method_options[card][installments][plan][count]=3";
    let made = sandbox.stripe_post("test_helpers/confirmation_tokens", form).await;
    assert_eq!(made.body["setup_future_usage"], "off_session", "{made:?}");
    assert_eq!(made.body["shipping"]["address"]["country"], "DE");
    assert_eq!(made.body["payment_method_options"]["card"]["installments"]["plan"]["count"], 3);
    assert_eq!(sandbox.stripe_get(&format!("confirmation_tokens/{}", made.id())).await.body, made.body);
    assert_eq!(pay_with(&sandbox, made.id(), "").await.body["status"], "succeeded");
    for (wrong, param) in [
        ("&setup_future_usage=always", "setup_future_usage"),
        ("&shipping[name]=Ada", "shipping[address]"),
        ("&payment_method_data[type]=klarna", "payment_method_data"),
    ] {
        let form = format!("payment_method=pm_card_visa{wrong}");
        let refused = sandbox.stripe_post("test_helpers/confirmation_tokens", &form).await;
        assert_eq!((refused.status, refused.error().2), (400, param), "{refused:?}");
    }
}

#[tokio::test]
async fn a_declined_confirmation_token_moves_nothing() {
    let sandbox = TestSandbox::new().await;
    let token = token(&sandbox, "pm_card_sandbox_googlePay_declined").await;
    assert_eq!(pay_with(&sandbox, token.id(), "").await.error(), (402, "card_declined", ""));
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_with_the_script_is_not_left_for_authentication() {
    let sandbox = TestSandbox::new().await;
    let token = token(&sandbox, "pm_card_sandbox_googlePay_authenticate").await;
    let waiting = pay_with(&sandbox, token.id(), BACK).await;
    assert_eq!(waiting.body["next_action"]["type"], "use_stripe_sdk");
    let page = format!("/_sandbox/stripe/authenticate/{}", waiting.id());
    let done = sandbox.visit(Method::GET, &format!("{page}?outcome=succeed")).await;
    assert_eq!((done.status, done.header("location")), (200, ""));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn a_page_sees_its_payment_by_the_client_secret_alone() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 4999, "").await;
    let secret = paid.body["client_secret"].as_str().unwrap();
    let look = async |query: &str| {
        let url = sandbox.url(&format!("/v1/payment_intents/{}{query}", paid.id()));
        HttpResponse::of(sandbox.http.get(url).bearer_auth("pk_test_page")).await.status
    };
    assert_eq!(look(&format!("?client_secret={secret}")).await, 200);
    assert_ne!(look("?client_secret=pi_1_secret_2").await, 200);
    assert_eq!(look("").await, 401);
    for (path, field) in [
        ("refunds", ("payment_intent", paid.id())),
        ("test_helpers/confirmation_tokens", ("payment_method", "pm_card_visa")),
    ] {
        let request = sandbox.http.post(sandbox.url(&format!("/v1/{path}"))).bearer_auth("pk_test_page");
        let refused = sandbox.stripe_send(request.form(&[field])).await;
        assert_eq!(refused.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_token_of_the_older_script_stands_for_a_payment_method() {
    let sandbox = TestSandbox::new().await;
    let made = sandbox.stripe_post("payment_methods", "type=card&card[token]=tok_visa").await;
    let paid = sandbox.stripe_pay(made.id(), 4999, "").await;
    assert_eq!(paid.body["status"], "succeeded", "{paid:?}");
    let used = sandbox.stripe_post("payment_methods", "type=card&card[token]=tok_sandbox_used").await;
    assert_eq!(used.error(), (400, "token_already_used", "card[token]"));
    let expired = sandbox.stripe_post("payment_methods", "type=card&card[token]=tok_sandbox_expired").await;
    assert_eq!(expired.error(), (400, "", "card[token]"));
    let card = "type=card&card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2030";
    let refused = sandbox.stripe_post("payment_methods", card).await;
    assert_eq!(refused.error(), (400, "", "card[number]"));
}

#[tokio::test]
async fn a_token_that_was_made_is_used_once_and_a_test_token_again_and_again() {
    let sandbox = TestSandbox::new().await;
    let token = made_on_a_page(&sandbox, "tokens", "pm_card_sandbox_googlePay").await;
    assert!(token.id().starts_with("tok_"), "{token:?}");
    assert_eq!(token.body["card"]["tokenization_method"], "android_pay");
    let use_it = async |key: &str, token: &str| {
        let request = sandbox.stripe_request(Method::POST, "payment_methods").header("Idempotency-Key", key);
        sandbox.stripe_send(request.form(&[("type", "card"), ("card[token]", token)])).await
    };
    let made = use_it("first", token.id()).await;
    assert_eq!((made.status, made.id()), (200, "pm_card_sandbox_googlePay"), "{made:?}");
    assert_eq!(use_it("first", token.id()).await.body, made.body, "a repeat is answered as before");
    let again = use_it("second", token.id()).await;
    assert_eq!(again.error(), (400, "token_already_used", "card[token]"));
    let seen = sandbox.stripe_get(&format!("tokens/{}", token.id())).await;
    assert_eq!(seen.body["used"], true);
    for key in ["third", "fourth"] {
        assert_eq!(use_it(key, "tok_visa").await.id(), "pm_card_visa");
    }
    let unknown = use_it("fifth", "tok_unknown").await;
    assert_eq!(unknown.error(), (400, "resource_missing", "card[token]"));
    let card = [("card[number]", "4242424242424242"), ("card[exp_month]", "1")];
    let request = sandbox.http.post(sandbox.url("/v1/tokens")).bearer_auth("pk_test_page").form(&card);
    assert_eq!(sandbox.stripe_send(request).await.error(), (400, "", "card[number]"));
}

#[tokio::test]
async fn a_domain_is_registered_once_and_says_what_is_wrong_with_it() {
    let sandbox = TestSandbox::new().await;
    let form = "domain_name=pay.shop.example&enabled=true";
    let made = sandbox.stripe_post("payment_method_domains", form).await;
    assert_eq!(made.body["apple_pay"]["status"], "active", "{made:?}");
    assert_eq!(sandbox.stripe_post("payment_method_domains", form).await.id(), made.id());
    let listed = sandbox.stripe_get("payment_method_domains?domain_name=pay.shop.example").await;
    assert_eq!(listed.body["data"], json!([made.body]));
    let update = format!("payment_method_domains/{}", made.id());
    assert_eq!(sandbox.stripe_post(&update, "enabled=false").await.body["enabled"], false);
    let seen = sandbox.stripe_get(&update).await;
    assert_eq!((&seen.body["enabled"], &seen.body["id"]), (&json!(false), &made.body["id"]));
    assert_eq!(sandbox.stripe_post("payment_method_domains/pmd_none", "enabled=true").await.status, 404);
    let bad = sandbox.stripe_post("payment_method_domains", "domain_name=pay.shop.invalid").await;
    let bad = sandbox.stripe_post(&format!("payment_method_domains/{}/validate", bad.id()), "").await;
    assert_eq!(bad.body["apple_pay"]["status"], "inactive", "{bad:?}");
    for wrong in ["https://shop.example", "shop.example:8443", "shop", "a..b"] {
        let form = format!("domain_name={wrong}");
        let refused = sandbox.stripe_post("payment_method_domains", &form).await;
        assert_eq!(refused.error(), (400, "", "domain_name"), "{wrong}");
    }
}
