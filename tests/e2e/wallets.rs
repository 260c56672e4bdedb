//! Apple Pay and Google Pay: Stripe's confirmation tokens, PayPal's orders that a wallet confirms, and what must not
//! come through.

use std::time::Duration;

use futures_util::future::join_all;
use gateway_tests::{Gateway, HttpResponse, OwnGateway, fresh_key, shared, until_within, without_webhooks};
use serde_json::{Value, json};

async fn pay_by_token(gateway: &Gateway<'_>, key: &str, token: &str) -> HttpResponse {
    let charge = json!({ "provider": "stripe", "amount": 2500, "currency": "USD", "paymentMethodId": token });
    gateway.charge_under(key, &charge).await
}

fn order(wallet: &str, amount: u64) -> Value {
    json!({ "provider": "paypal", "amount": amount, "currency": "USD", "wallet": wallet })
}

fn credentials<'s>(gateway: &Gateway<'s>) -> (&'s str, &'s str) {
    let setting = |name| gateway.stack().setting(name).expect("the stack has PayPal credentials");
    (setting("PAYPAL_CLIENT_ID"), setting("PAYPAL_CLIENT_SECRET"))
}

#[tokio::test]
async fn a_wallets_confirmation_token_pays_once_and_the_payment_tells_the_wallet() {
    let gateway = shared().await;
    for (method, wallet, brand, last4) in [
        ("pm_card_sandbox_applePay", "apple_pay", "visa", "4242"),
        ("pm_card_sandbox_googlePay", "google_pay", "mastercard", "4444"),
    ] {
        let token = gateway.sandbox.confirmation_token(method).await;
        let key = fresh_key();
        let response = pay_by_token(&gateway, &key, &token).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        let transaction = response.transaction_id();
        let paid_with = json!({ "kind": "card", "wallet": wallet, "brand": brand, "last4": last4 });
        assert_eq!(gateway.payment(&transaction).await["paymentMethod"], paid_with);
        assert_eq!(pay_by_token(&gateway, &key, &token).await.text(), response.text());

        let again = pay_by_token(&gateway, &fresh_key(), &token).await;
        assert_eq!(again.refuses(402, "PAYMENT_FAILED")["declineCode"], "token_used");
        assert_eq!(gateway.effects(&transaction).await, ["stripe charge 2500 USD"]);
        assert_eq!(gateway.effects(&again.transaction_id()).await, [""; 0]);
    }
}

#[tokio::test]
async fn tokens_that_cannot_be_used_any_more_are_named() {
    let gateway = shared().await;
    for (token, reason) in [
        ("ctoken_sandbox_expired", "token_expired"),
        ("ctoken_sandbox_used", "token_used"),
        ("tok_sandbox_expired", "token_expired"),
        ("tok_sandbox_used", "token_used"),
    ] {
        let response = pay_by_token(&gateway, &fresh_key(), token).await;
        assert_eq!(response.refuses(402, "PAYMENT_FAILED")["declineCode"], reason, "{token}");
        assert_eq!(gateway.effects(&response.transaction_id()).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_gateway_token_of_google_pay_is_charged_once() {
    let gateway = shared().await;
    let (token, key) = (gateway.sandbox.card_token("pm_card_sandbox_googlePay").await, fresh_key());
    let response = pay_by_token(&gateway, &key, &token).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    let transaction = response.transaction_id();
    assert_eq!(gateway.payment(&transaction).await["paymentMethod"]["wallet"], "google_pay");
    assert_eq!(pay_by_token(&gateway, &key, &token).await.text(), response.text());
    let again = pay_by_token(&gateway, &fresh_key(), &token).await;
    assert_eq!(again.refuses(402, "PAYMENT_FAILED")["declineCode"], "token_used");
    assert_eq!(gateway.effects(&transaction).await, ["stripe charge 2500 USD"]);
    assert_eq!(gateway.effects(&again.transaction_id()).await, [""; 0]);
}

/// As a page that sends its token more than once, and a server that takes a new key for each.
#[tokio::test]
async fn a_token_under_several_keys_at_the_same_time_pays_once() {
    let gateway = shared().await;
    for token in [
        gateway.sandbox.confirmation_token("pm_card_sandbox_applePay").await,
        gateway.sandbox.card_token("pm_card_sandbox_googlePay").await,
    ] {
        let keys = [(); 4].map(|()| fresh_key());
        let answers = join_all(keys.iter().map(|key| pay_by_token(&gateway, key, &token))).await;
        let (paid, declined): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((paid.len(), declined.len()), (1, 3), "{token}: {answers:?}");
        paid[0].succeeds(200, &json!({ "status": "completed" }));
        assert_eq!(gateway.effects(&paid[0].transaction_id()).await, ["stripe charge 2500 USD"]);
        for declined in declined {
            assert_eq!(declined.refuses(402, "PAYMENT_FAILED")["declineCode"], "token_used", "{token}");
            assert_eq!(gateway.effects(&declined.transaction_id()).await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_paypal_order_is_captured_after_its_wallet_confirmed_it_and_once() {
    let gateway = without_webhooks().await;
    for wallet in ["apple_pay", "google_pay"] {
        let made = gateway.charge(&order(wallet, 4700)).await;
        made.succeeds(200, &json!({ "status": "requires_action" }));
        let action = made.json()["nextAction"].clone();
        assert_eq!(action["type"], "confirm_order");
        let id = action["orderId"].as_str().unwrap();
        let mut back = order(wallet, 4700);
        back["paymentMethodId"] = json!(id);
        let too_early = gateway.charge(&back).await;
        too_early.succeeds(200, &json!({ "status": "requires_action", "nextAction": action }));

        gateway.sandbox.confirm_order(credentials(&gateway), id, wallet, "Sandbox Payer").await;
        let paid = gateway.charge(&back).await;
        let transaction = made.transaction_id();
        paid.succeeds(200, &json!({ "status": "completed", "transactionId": transaction }));
        let again = gateway.charge(&back).await;
        again.succeeds(200, &json!({ "status": "completed", "transactionId": transaction }));
        let paid_with = json!({ "kind": "card", "wallet": wallet, "brand": "visa", "last4": "4242" });
        assert_eq!(gateway.payment(&transaction).await["paymentMethod"], paid_with);
        assert_eq!(gateway.effects(&transaction).await, ["paypal charge 4700 USD"]);
    }
}

#[tokio::test]
async fn an_order_for_a_wallet_is_made_over_graphql_too() {
    let gateway = shared().await;
    let query = "mutation { chargePayment(input: { provider: PAYPAL, amount: 2500, currency: \"EUR\", \
        wallet: GOOGLE_PAY, verification: ALWAYS }) { payment { id status nextAction { type orderId } } } }";
    let body = json!({ "query": query }).to_string();
    let response = gateway.post("/graphql", body).await;
    let payment = response.json()["data"]["chargePayment"]["payment"].clone();
    assert_eq!(payment["nextAction"]["type"], "CONFIRM_ORDER", "{}", response.text());
    let rest = gateway.payment(payment["id"].as_str().unwrap()).await;
    assert_eq!(rest["nextAction"]["orderId"], payment["nextAction"]["orderId"]);
}

#[tokio::test]
async fn what_a_wallet_did_not_confirm_as_the_client_asked_is_never_captured() {
    let gateway = without_webhooks().await;
    for (confirmed_with, name, status, code) in [
        ("google_pay", "SCA-REJECTED", 402, "PAYMENT_FAILED"),
        ("google_pay", "CCREJECT-REFUSED", 402, "PAYMENT_FAILED"),
        ("apple_pay", "Sandbox Payer", 402, "PAYMENT_FAILED"),
    ] {
        let made = gateway.charge(&order("google_pay", 4800)).await;
        let id = made.json()["nextAction"]["orderId"].as_str().unwrap().to_owned();
        gateway.sandbox.confirm_order(credentials(&gateway), &id, confirmed_with, name).await;
        let mut back = order("google_pay", 4800);
        back["paymentMethodId"] = json!(id);
        let refused = gateway.charge(&back).await;
        let error = refused.refuses(status, code);
        if name != "CCREJECT-REFUSED" {
            assert_eq!(error["declineCode"], "authentication_failed", "{name}");
        }
        if confirmed_with == "apple_pay" {
            assert!(error["message"].as_str().unwrap().contains("google_pay"), "{error}");
        }
        assert_eq!(gateway.payment(&made.transaction_id()).await["status"], "failed", "{name}");
        assert_eq!(gateway.effects(&made.transaction_id()).await, [""; 0], "{name}");
    }
}

#[tokio::test]
async fn a_wallets_order_is_resubmitted_with_its_own_wallet_and_amount() {
    let gateway = without_webhooks().await;
    let made = gateway.charge(&order("google_pay", 4900)).await;
    let id = made.json()["nextAction"]["orderId"].clone();
    gateway
        .sandbox
        .confirm_order(credentials(&gateway), id.as_str().unwrap(), "google_pay", "Sandbox Payer")
        .await;
    for (field, wrong, param) in [("wallet", json!("apple_pay"), "wallet"), ("amount", json!(4901), "amount")]
    {
        let mut back = order("google_pay", 4900);
        back["paymentMethodId"] = id.clone();
        back[field] = wrong;
        assert_eq!(gateway.charge(&back).await.refuses(400, "INVALID_REQUEST")["param"], param);
    }
    assert_eq!(gateway.effects(&made.transaction_id()).await, [""; 0]);
}

#[tokio::test]
async fn a_wrong_order_id_is_the_clients_mistake_and_no_error_in_the_gateways_log() {
    let gateway = without_webhooks().await;
    let mut charge = order("google_pay", 4900);
    charge["paymentMethodId"] = json!("0AA00000AA000000A");
    let refused = gateway.charge(&charge).await;
    assert_eq!(refused.refuses(400, "INVALID_REQUEST")["param"], "paymentMethodId");
    let is_log = |file: &std::path::Path| file.extension().is_some_and(|end| end == "log");
    for (file, contents) in gateway.files().into_iter().filter(|(file, _)| is_log(file)) {
        let text = String::from_utf8_lossy(&contents).into_owned();
        let is_blamed = |line: &&str| line.contains("INVALID_RESOURCE_ID") && line.contains("ERROR");
        assert_eq!(text.lines().find(is_blamed), None, "{}", file.display());
    }
}

#[tokio::test]
async fn an_order_whose_amount_was_changed_at_paypal_is_not_captured() {
    let gateway = without_webhooks().await;
    let made = gateway.charge(&order("google_pay", 5300)).await;
    let id = made.json()["nextAction"]["orderId"].as_str().unwrap().to_owned();
    gateway.sandbox.confirm_order(credentials(&gateway), &id, "google_pay", "Sandbox Payer").await;
    gateway.sandbox.change_amount(credentials(&gateway), &id, "52.00").await;
    let mut back = order("google_pay", 5300);
    back["paymentMethodId"] = json!(id);
    let refused = gateway.charge(&back).await;
    let error = refused.refuses(402, "PAYMENT_FAILED");
    assert_eq!(error["declineCode"], "authentication_failed");
    assert_eq!(error["providerCode"], "order_mismatch");
    assert!(error["message"].as_str().unwrap().contains("`amount`"), "{error}");
    assert_eq!(gateway.payment(&made.transaction_id()).await["status"], "failed");
    assert_eq!(gateway.effects(&made.transaction_id()).await, [""; 0]);
}

#[tokio::test]
async fn a_payer_who_must_authenticate_always_is_asked_and_pays_then() {
    let gateway = without_webhooks().await;
    let mut charge = order("google_pay", 5100);
    charge["verification"] = json!("always");
    let made = gateway.charge(&charge).await;
    let id = made.json()["nextAction"]["orderId"].as_str().unwrap().to_owned();
    let confirmed =
        gateway.sandbox.confirm_order(credentials(&gateway), &id, "google_pay", "Sandbox Payer").await;
    assert_eq!(confirmed, "PAYER_ACTION_REQUIRED");
    let page = format!("{}/checkoutnow?token={id}", gateway.stack().sandbox_url());
    gateway.sandbox.decide(&page, "approve").await;
    let mut back = order("google_pay", 5100);
    back["paymentMethodId"] = json!(id);
    gateway.charge(&back).await.succeeds(200, &json!({ "status": "completed" }));
    assert_eq!(gateway.effects(&made.transaction_id()).await, ["paypal charge 5100 USD"]);
}

/// The payer's tab is closed after the confirmation: PayPal's event is enough.
#[tokio::test]
async fn an_order_whose_page_was_closed_after_the_confirmation_is_captured_once() {
    let gateway = shared().await;
    let made = gateway.charge(&order("apple_pay", 5200)).await;
    let id = made.json()["nextAction"]["orderId"].as_str().unwrap().to_owned();
    gateway.sandbox.confirm_order(credentials(&gateway), &id, "apple_pay", "Sandbox Payer").await;
    let transaction = made.transaction_id();
    until_within(Duration::from_secs(45), "the payment", async || {
        (gateway.payment(&transaction).await["status"] == "completed").then_some(())
    })
    .await;
    assert_eq!(gateway.effects(&transaction).await, ["paypal charge 5200 USD"]);
}

#[tokio::test]
async fn a_wallets_own_payload_is_refused_and_kept_nowhere() {
    let gateway = shared().await;
    let canary = "MEUCIQDcanaryofawalletspayload";
    let encrypted =
        json!({ "paymentData": { "version": "EC_v1", "header": { "ephemeralPublicKey": canary } } });
    let decrypted = json!({ "paymentData": { "onlinePaymentCryptogram": canary } });
    for (payload, code) in
        [(&encrypted, "WALLET_PAYLOAD_NOT_ACCEPTED"), (&decrypted, "CARD_DATA_NOT_ACCEPTED")]
    {
        for value in [payload.clone(), json!(payload.to_string())] {
            let charge = json!({
                "provider": "stripe", "amount": 100, "currency": "USD", "paymentMethodId": "pm_card_visa",
                "metadata": { "token": value },
            });
            let response = gateway.charge(&charge).await;
            response.refuses(400, code);
            assert!(!response.text().contains(canary));
        }
        let charge =
            br#"{"provider":"stripe","amount":100,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
        let in_header = gateway.raw_charge().header("x-wallet", payload.to_string()).body(charge);
        let response = gateway.send_raw(&in_header).await;
        assert_eq!(response.refuses(400, code)["param"], "x-wallet");
        assert!(!response.text().contains(canary));
    }
    for (file, contents) in gateway.files() {
        let holds = contents.windows(canary.len()).any(|part| part == canary.as_bytes());
        assert!(!holds, "{}", file.display());
    }
}

#[tokio::test]
async fn a_page_gets_what_its_wallets_need_for_the_domains_of_its_client_only() {
    let settings =
        [("WALLET_DOMAINS", "demo:shop.example"), ("STRIPE_PUBLISHABLE_KEY", "pk_test_sandbox_demo")];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let config = gateway.get("/wallets/config?domain=shop.example").await;
    config.succeeds(200, &json!({ "domain": "shop.example" }));
    let providers = config.json()["providers"].clone();
    assert_eq!(providers[0]["publishableKey"], "pk_test_sandbox_demo");
    assert_eq!(providers[1]["provider"], "paypal");
    assert_eq!(providers[1]["clientId"], credentials(&gateway).0);
    assert_eq!(providers[1]["wallets"], json!(["apple_pay", "google_pay"]));
    for same in ["Shop.EXAMPLE", "shop.example."] {
        let config = gateway.get(&format!("/wallets/config?domain={same}")).await;
        config.succeeds(200, &json!({ "domain": "shop.example" }));
    }
    for other in ["other.example", "OTHER.example."] {
        let refused = gateway.get(&format!("/wallets/config?domain={other}")).await;
        refused.refuses(403, "DOMAIN_NOT_ALLOWED");
    }
    let other = gateway.as_demo_2();
    other.get("/wallets/config?domain=shop.example").await.refuses(403, "DOMAIN_NOT_ALLOWED");
    assert_eq!(gateway.get("/wallets/config").await.refuses(400, "INVALID_REQUEST")["param"], "domain");
}

#[tokio::test]
async fn each_domain_gives_its_whole_file_without_a_key_and_others_give_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // 9 KiB, like the providers' files.
    let contents = "7B227073704964223A22".repeat(461);
    std::fs::write(file.path(), &contents).unwrap();
    let files = format!("shop.example={}", file.path().display());
    let own = OwnGateway::start(&[("WALLET_ASSOCIATION_FILES", &files)]).await;
    let gateway = own.gateway();
    let path = "/.well-known/apple-developer-merchantid-domain-association";
    let url = format!("{}{path}", gateway.stack().gateway_url());
    let ask = async |host: &str| HttpResponse::of(gateway.http.get(&url).header("host", host)).await;
    let given = ask("shop.example").await;
    assert_eq!((given.status, given.text()), (200, contents));
    assert!(given.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let head = HttpResponse::of(gateway.http.head(&url).header("host", "shop.example")).await;
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    assert_eq!(head.header("content-type"), given.header("content-type"));
    let posted = HttpResponse::of(gateway.http.post(&url).header("host", "shop.example")).await;
    assert_ne!(posted.status, 200);
    for same in ["shop.example:8443", "Shop.EXAMPLE", "shop.example.", "SHOP.example.:8443"] {
        assert_eq!(ask(same).await.status, 200, "{same}");
    }
    for other in ["other.example", "shop.example.other.example", "xshop.example", "shop-example"] {
        assert_ne!(ask(other).await.status, 200, "{other}");
    }
}
