//! Faults strike as told, with exactly the effects they promise.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::{Reply, World, json, order, wallet};

const PAY: &str =
    "amount=4999&currency=usd&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card";

/// Charges with Stripe; `None` if the connection was cut or the answer broke off.
async fn pay(world: &World, key: &str) -> Option<Reply> {
    let request = world.stripe_form("payment_intents", PAY).header("Idempotency-Key", key);
    Reply::try_of(request).await.ok()
}

#[tokio::test]
async fn before_the_effect_nothing_happened_and_a_repeat_charges() {
    let world = World::new().await;
    for (fault, status) in [
        ("rate_limited", Some(429)),
        ("error_before", Some(500)),
        ("drop_before", None),
        ("html_error", Some(502)),
    ] {
        world.visit(Method::DELETE, "/_sandbox").await;
        world.fault(json!({"provider":"stripe","operation":"charge","fault":fault,"times":1})).await;
        assert_eq!(pay(&world, "k").await.map(|reply| reply.status), status, "{fault}");
        assert_eq!(world.effects().await, Vec::<String>::new(), "{fault}");
        assert_eq!(pay(&world, "k").await.unwrap().status, 200, "{fault}");
        assert_eq!(world.effects().await, ["charge 4999 USD"], "{fault}");
    }
}

#[tokio::test]
async fn after_the_effect_it_happened_and_a_repeat_finds_it() {
    let world = World::new().await;
    for (fault, status) in [("error_after", Some(500)), ("drop_after", None), ("truncated", None)] {
        world.visit(Method::DELETE, "/_sandbox").await;
        world.fault(json!({"provider":"stripe","operation":"charge","fault":fault,"times":1})).await;
        assert_eq!(pay(&world, "k").await.map(|reply| reply.status), status, "{fault}");
        assert_eq!(world.effects().await, ["charge 4999 USD"], "{fault}");
        let again = pay(&world, "k").await.unwrap();
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"), "{fault}");
        assert_eq!(world.effects().await, ["charge 4999 USD"], "{fault}");
    }
}

#[tokio::test]
async fn a_frozen_error_is_repeated_as_stripe_keeps_its_500s() {
    let world = World::new().await;
    for (fault, effects) in [("error_before", 0), ("error_after", 1)] {
        world.visit(Method::DELETE, "/_sandbox").await;
        let rule = json!({"provider":"stripe","operation":"charge","fault":fault,"times":1,"frozen":true});
        world.fault(rule).await;
        let first = pay(&world, "k").await.unwrap();
        let again = pay(&world, "k").await.unwrap();
        assert_eq!((first.status, again.status), (500, 500));
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(first.text, again.text);
        assert_eq!(world.effects().await.len(), effects, "{fault}");
    }
}

#[tokio::test]
async fn a_forgotten_key_charges_again() {
    let world = World::new().await;
    pay(&world, "k").await;
    world.fault(json!({"provider":"stripe","operation":"*","fault":"forget_key"})).await;
    pay(&world, "k").await;
    assert_eq!(world.effects().await.len(), 2);
}

#[tokio::test]
async fn a_late_answer_is_late_by_its_delay() {
    let world = World::new().await;
    world.fault(json!({"operation":"charge","fault":"latency","delayMs":150})).await;
    let started = Instant::now();
    assert_eq!(pay(&world, "k").await.unwrap().status, 200);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_caller_that_hangs_up_is_charged_all_the_same() {
    let world = World::new().await;
    world.fault(json!({"operation":"charge","fault":"latency","delayMs":1500,"times":1})).await;
    let impatient = world.stripe_form("payment_intents", PAY).timeout(Duration::from_millis(700));
    assert!(Reply::try_of(impatient).await.is_err());
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.effects().await.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn every_third_charge_loses_its_answer_and_none_its_effect() {
    let world = World::new().await;
    world
        .fault(json!({"provider":"stripe","operation":"charge","fault":"drop_after","every":3,"times":2}))
        .await;
    let mut lost = Vec::new();
    for call in 1..=9 {
        if pay(&world, &format!("k{call}")).await.is_none() {
            lost.push(call);
        }
    }
    assert_eq!(lost, [3, 6]);
    assert_eq!(world.effects().await.len(), 9);
    let faults = world.visit(Method::GET, "/_sandbox/faults").await;
    assert_eq!(faults.body["faults"][0]["matched"], 9);
    assert_eq!(faults.body["faults"][0]["fired"], 2);
}

#[tokio::test]
async fn faults_strike_by_purpose() {
    let world = World::new().await;
    world.fault(json!({"provider":"stripe","operation":"authorize","fault":"error_before"})).await;
    assert_eq!(pay(&world, "k").await.unwrap().status, 200);
    assert_eq!(world.stripe_pay("pm_card_visa", 500, "&capture_method=manual").await.status, 500);
    let open = world.stripe_post(
        "payment_intents",
        "amount=500&currency=usd&capture_method=manual&payment_method_types[]=card",
    );
    world.visit(Method::DELETE, "/_sandbox/faults").await;
    let open = open.await;
    world.fault(json!({"provider":"stripe","operation":"authorize","fault":"error_before"})).await;
    let confirm = format!("payment_intents/{}/confirm", open.id());
    assert_eq!(world.stripe_post(&confirm, "payment_method=pm_card_visa").await.status, 500);
}

#[tokio::test]
async fn paypal_is_struck_in_its_own_shape() {
    let world = World::new().await;
    let body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
    world.paypal_token().await;
    for (fault, status, name) in
        [("rate_limited", 429, "RATE_LIMIT_REACHED"), ("error_after", 500, "INTERNAL_SERVER_ERROR")]
    {
        world.fault(json!({"provider":"paypal","operation":"charge","fault":fault,"times":1})).await;
        let struck = world.paypal_post_with_id("k", "checkout/orders", &body).await;
        assert_eq!((struck.status, &struck.body["name"]), (status, &json!(name)));
    }
    assert_eq!(world.effects().await, ["charge 4999 USD"]);
    let found = world.paypal_post_with_id("k", "checkout/orders", &body).await;
    assert_eq!((found.status, &found.body["status"]), (200, &json!("COMPLETED")));
    assert_eq!(world.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back_if_told_to() {
    let world = World::new().await;
    world.fault(json!({"provider":"stripe","fault":"rate_limited","retryAfter":7,"times":1})).await;
    let limited = pay(&world, "k").await.unwrap();
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    world.fault(json!({"provider":"stripe","fault":"rate_limited","times":1})).await;
    assert_eq!(pay(&world, "k").await.unwrap().header("retry-after"), "");
}

#[tokio::test]
async fn the_token_can_be_struck_too() {
    let world = World::new().await;
    world.fault(json!({"provider":"paypal","operation":"token","fault":"drop_before","times":1})).await;
    let request = || {
        let request = world.http.post(world.url("/v1/oauth2/token")).basic_auth("client", Some("secret"));
        request.form(&[("grant_type", "client_credentials")])
    };
    assert!(Reply::try_of(request()).await.is_err());
    assert_eq!(Reply::of(request()).await.status, 200);
}

#[tokio::test]
async fn a_cut_connection_ends_all_streams_of_http_2() {
    let world = World::new().await;
    let http2 = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = world.url("/v1/payment_intents");
    let send = || http2.get(&url).bearer_auth("sk_test_1").send();
    assert_eq!(send().await.unwrap().version(), reqwest::Version::HTTP_2);
    world.fault(json!({"operation":"retrieve","fault":"drop_before","times":1})).await;
    assert!(send().await.is_err());
    assert_eq!(send().await.unwrap().status(), 200);
}
