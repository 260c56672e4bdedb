//! Charging with Stripe: accepted and rejected requests, and the ledger.

use reqwest::Method;

use crate::support::{TestSandbox, json};

const BASE: &str = "payment_method=pm_card_visa&confirm=true&payment_method_types[]=card";

#[tokio::test]
async fn a_charge_succeeds_and_is_an_effect_with_its_key_and_transaction() {
    let sandbox = TestSandbox::new().await;
    let form = format!("amount=4999&currency=usd&{BASE}&metadata[transactionId]=txn_1&description=Shoes");
    let paid = sandbox.stripe_post_with_key("key-1", "payment_intents", &form).await;
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(paid.body["status"], "succeeded");
    assert_eq!(paid.body["amount_received"], 4999);
    assert_eq!(paid.body["description"], "Shoes");
    assert_eq!(
        sandbox.ledger().await,
        [json!({
            "provider": "stripe", "kind": "charge", "amount": 4999, "currency": "USD", "id": paid.id(),
            "idempotencyKey": "key-1", "transactionId": "txn_1", "at": "2026-01-01T00:00:00Z",
        })]
    );
}

#[tokio::test]
async fn creating_confirming_and_retrieving_are_separate_steps_too() {
    let sandbox = TestSandbox::new().await;
    let created =
        sandbox.stripe_post("payment_intents", "amount=500&currency=eur&payment_method_types[]=card").await;
    assert_eq!(created.body["status"], "requires_payment_method");
    let confirm = format!("payment_intents/{}/confirm", created.id());
    assert_eq!(sandbox.stripe_post(&confirm, "").await.error(), (400, "payment_intent_unexpected_state", ""));
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
    let confirmed = sandbox.stripe_post(&confirm, "payment_method=pm_card_mastercard").await;
    assert_eq!(confirmed.body["status"], "succeeded");
    let seen = sandbox.stripe_get(&format!("payment_intents/{}?expand[]=latest_charge", created.id())).await;
    assert_eq!(seen.body["latest_charge"]["payment_method_details"]["card"]["brand"], "mastercard");
    let charge = seen.body["latest_charge"]["id"].as_str().unwrap();
    assert_eq!(sandbox.stripe_get(&format!("charges/{charge}")).await.body["paid"], true);
    assert_eq!(sandbox.stripe_get("payment_methods/pm_card_visa").await.body["card"]["last4"], "4242");
    let again = sandbox.stripe_post(&confirm, "").await;
    assert_eq!(again.error(), (400, "payment_intent_unexpected_state", ""));
    assert_eq!(again.body["error"]["payment_intent"]["status"], "succeeded");
    assert_eq!(sandbox.effects().await, ["charge 500 EUR"]);
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let sandbox = TestSandbox::new().await;
    for (form, code, param) in [
        ("currency=usd", "parameter_missing", "amount"),
        ("amount=500", "parameter_missing", "currency"),
        ("amount=5.00&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=1e2&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=&currency=usd", "parameter_invalid_empty", "amount"),
        ("amount=0&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=-500&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=49&currency=usd", "amount_too_small", "amount"),
        ("amount=100000000&currency=usd", "amount_too_large", "amount"),
        ("amount=500&currency=USD", "", "currency"),
        ("amount=500&currency=xyz", "", "currency"),
        ("amount=500&currency=usd&colour=red", "parameter_unknown", "colour"),
        (
            "amount=500&currency=usd&automatic_payment_methods[x]=1",
            "parameter_missing",
            "automatic_payment_methods[enabled]",
        ),
        (
            "amount=500&currency=usd&automatic_payment_methods[enabled]=true&automatic_payment_methods[x]=1",
            "parameter_unknown",
            "automatic_payment_methods[x]",
        ),
        ("amount=500&currency=usd&confirm=yes", "", "confirm"),
        ("amount=500&currency=usd&capture_method=never", "", "capture_method"),
        ("amount=500&currency=usd&metadata=x", "", "metadata"),
        ("amount=500&amount=600&currency=usd", "", "amount"),
        ("amount=500&currency=usd&off_session=true", "", "off_session"),
        ("amount=500&currency=usd&return_url=https://example.com/", "", "return_url"),
        (
            "amount=500&currency=usd&confirm=true&payment_method_types[]=card&return_url=here",
            "url_invalid",
            "return_url",
        ),
        ("amount=500&currency=usd&payment_method=pm_card_nobody", "resource_missing", "payment_method"),
        ("amount=500&currency=usd&customer=cus_1", "resource_missing", "customer"),
        ("amount=500&currency=usd&payment_method_data[type]=card", "", "payment_method_data"),
    ] {
        let reply = sandbox.stripe_post("payment_intents", form).await;
        assert_eq!(reply.error(), (400, code, param), "{form}: {}", reply.text);
        assert_eq!(reply.body["error"]["type"], "invalid_request_error");
    }
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_confirmation_that_may_redirect_needs_a_way_back() {
    let sandbox = TestSandbox::new().await;
    let common = "amount=500&currency=usd&payment_method=pm_card_visa&confirm=true";
    for (methods, status) in [
        ("", 400),
        ("&automatic_payment_methods[enabled]=true", 400),
        ("&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=always", 400),
        ("&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never", 200),
        ("&automatic_payment_methods[enabled]=true&return_url=https://example.com/back", 200),
        ("&payment_method_types[]=card", 200),
    ] {
        let reply = sandbox.stripe_post("payment_intents", &format!("{common}{methods}")).await;
        assert_eq!(reply.status, status, "{methods}: {}", reply.text);
    }
}

#[tokio::test]
async fn each_currency_is_counted_as_stripe_counts_it() {
    let sandbox = TestSandbox::new().await;
    for (currency, amount, status) in [
        ("jpy", 500, 200),
        ("isk", 50_000, 200),
        ("isk", 50_050, 400),
        ("kwd", 5120, 200),
        ("kwd", 5124, 400),
        ("huf", 49_900, 200),
        ("huf", 499, 400),
    ] {
        let reply = sandbox
            .stripe_post("payment_intents", &format!("amount={amount}&currency={currency}&{BASE}"))
            .await;
        assert_eq!(reply.status, status, "{currency} {amount}: {}", reply.text);
    }
    let expected = ["charge 500 JPY", "charge 500 ISK", "charge 5120 KWD", "charge 49900 HUF"];
    assert_eq!(sandbox.effects().await, expected);
}

#[tokio::test]
async fn only_test_keys_open_and_they_do_as_bearer_or_as_basic_user() {
    let sandbox = TestSandbox::new().await;
    let get = |path: &str| sandbox.http.get(sandbox.url(path));
    assert_eq!(sandbox.stripe_send(get("/v1/payment_intents")).await.status, 401);
    assert_eq!(sandbox.stripe_send(get("/v1/payment_intents").bearer_auth("sk_live_123")).await.status, 401);
    assert_eq!(
        sandbox.stripe_send(get("/v1/payment_intents").basic_auth("sk_test_1", Some(""))).await.status,
        200
    );
    let refused = sandbox.stripe_send(get("/v1/payment_intents").bearer_auth("sk_live_123")).await;
    assert!(!refused.text.contains("sk_live_123"), "a key must not be echoed: {}", refused.text);
}

#[tokio::test]
async fn a_configured_key_is_the_only_one() {
    let sandbox = TestSandbox::with(|config| provider_sandbox::Config {
        stripe_secret_key: Some("sk_test_abc".to_owned()),
        ..config
    })
    .await;
    let get = |key: &str| sandbox.http.get(sandbox.url("/v1/payment_intents")).bearer_auth(key);
    assert_eq!(sandbox.stripe_send(get("sk_test_123")).await.status, 401);
    assert_eq!(sandbox.stripe_send(get("sk_test_abc")).await.status, 200);
}

#[tokio::test]
async fn a_version_that_exists_is_echoed_and_other_bodies_than_forms_are_refused() {
    let sandbox = TestSandbox::new().await;
    let pinned =
        sandbox.stripe_request(Method::GET, "payment_intents").header("Stripe-Version", "2023-08-16");
    assert_eq!(sandbox.stripe_send(pinned).await.header("stripe-version"), "2023-08-16");
    for unknown in ["latest", "2099-01-01.zebra", "2026-10-28"] {
        let other = sandbox.stripe_request(Method::GET, "payment_intents").header("Stripe-Version", unknown);
        let refused = sandbox.stripe_send(other).await;
        assert_eq!(refused.error(), (400, "", ""), "{unknown}");
        assert_eq!(refused.body["error"]["type"], "invalid_request_error");
    }
    let json = sandbox.stripe_request(Method::POST, "payment_intents").json(&json!({ "amount": 500 }));
    assert_eq!(sandbox.stripe_send(json).await.status, 400);
    assert_eq!(sandbox.stripe_get("customers").await.status, 404);
    assert_eq!(
        sandbox.stripe_get("payment_intents/pi_none").await.error(),
        (404, "resource_missing", "intent")
    );
}

#[tokio::test]
async fn a_description_ends_at_a_thousand_characters() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 500, &format!("&description={}", "a".repeat(1000))).await;
    assert_eq!(paid.status, 200);
    for path in ["payment_intents".to_owned(), format!("payment_intents/{}", paid.id())] {
        let terms =
            if path.contains('/') { "" } else { "amount=500&currency=usd&payment_method_types[]=card&" };
        let form = format!("{terms}description={}", "a".repeat(1001));
        let refused = sandbox.stripe_post(&path, &form).await;
        assert_eq!((refused.status, refused.error().2), (400, "description"), "{path}");
    }
    assert_eq!(sandbox.effects().await, ["charge 500 USD"]);
}

#[tokio::test]
async fn a_payment_intent_takes_metadata_and_a_description_later() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 500, "&metadata[a]=1&metadata[b]=2").await;
    let path = format!("payment_intents/{}", paid.id());
    let changed = sandbox.stripe_post(&path, "metadata[a]=&metadata[c]=3&description=late").await;
    assert_eq!((changed.status, &changed.body["description"]), (200, &json!("late")));
    assert_eq!(changed.body["metadata"], json!({ "b": "2", "c": "3" }));
    assert_eq!(sandbox.stripe_get(&path).await.body, changed.body);
    assert_eq!(sandbox.stripe_post(&path, "amount=600").await.error(), (400, "", "amount"));
    assert_eq!(sandbox.stripe_post(&path, "color=red").await.error().1, "parameter_unknown");
    assert_eq!(sandbox.stripe_post("payment_intents/pi_none", "description=x").await.status, 404);
    let refund = sandbox.stripe_post("refunds", &format!("payment_intent={}", paid.id())).await;
    let path = format!("refunds/{}", refund.id());
    let changed = sandbox.stripe_post(&path, "metadata[why]=late").await;
    assert_eq!((changed.status, &changed.body["metadata"]), (200, &json!({ "why": "late" })));
    assert_eq!(sandbox.stripe_get(&path).await.body, changed.body);
    assert_eq!(sandbox.stripe_post(&path, "amount=1").await.error().1, "parameter_unknown");
    assert_eq!(sandbox.effects().await, ["charge 500 USD", "refund 500 USD"]);
}

#[tokio::test]
async fn some_payers_dispute_what_they_paid() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_createDispute", 500, "").await;
    assert_eq!(paid.body["status"], "succeeded");
    assert_eq!(sandbox.event_kinds().await.pop().unwrap(), "charge.dispute.created");
    let charge =
        sandbox.stripe_get(&format!("charges/{}", paid.body["latest_charge"].as_str().unwrap())).await;
    assert_eq!(charge.body["disputed"], true);
    let refused = sandbox.stripe_post("refunds", &format!("payment_intent={}", paid.id())).await;
    assert_eq!(refused.error(), (400, "charge_disputed", ""));
    // A payment that is only held cannot be disputed.
    let held = sandbox.stripe_pay("pm_card_createDispute", 500, "&capture_method=manual").await;
    assert_eq!(sandbox.event_kinds().await.pop().unwrap(), "payment_intent.amount_capturable_updated");
    sandbox.stripe_post(&format!("payment_intents/{}/capture", held.id()), "").await;
    assert_eq!(sandbox.event_kinds().await.pop().unwrap(), "charge.dispute.created");
}
