//! Faults fire as configured, with exactly the effects that they promise.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, json, order, wallet};

const PAY: &str =
    "amount=4999&currency=usd&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card";

/// Charges with Stripe; `None` if the connection was cut or the response was truncated.
async fn pay(sandbox: &TestSandbox, key: &str) -> Option<HttpResponse> {
    let request = sandbox.stripe_form("payment_intents", PAY).header("Idempotency-Key", key);
    HttpResponse::try_of(request).await.ok()
}

#[tokio::test]
async fn faults_before_the_effect_execute_nothing_and_a_retry_charges() {
    let sandbox = TestSandbox::new().await;
    for (fault, status) in [
        ("rate_limited", Some(429)),
        ("error_before", Some(500)),
        ("drop_before", None),
        ("html_error", Some(502)),
    ] {
        sandbox.visit(Method::DELETE, "/_sandbox").await;
        sandbox.fault(json!({"provider":"stripe","operation":"charge","fault":fault,"times":1})).await;
        assert_eq!(pay(&sandbox, "k").await.map(|reply| reply.status), status, "{fault}");
        assert_eq!(sandbox.effects().await, Vec::<String>::new(), "{fault}");
        assert_eq!(pay(&sandbox, "k").await.unwrap().status, 200, "{fault}");
        assert_eq!(sandbox.effects().await, ["charge 4999 USD"], "{fault}");
    }
}

#[tokio::test]
async fn faults_after_the_effect_hide_it_and_a_retry_finds_it() {
    let sandbox = TestSandbox::new().await;
    for (fault, status) in [("error_after", Some(500)), ("drop_after", None), ("truncated", None)] {
        sandbox.visit(Method::DELETE, "/_sandbox").await;
        sandbox.fault(json!({"provider":"stripe","operation":"charge","fault":fault,"times":1})).await;
        assert_eq!(pay(&sandbox, "k").await.map(|reply| reply.status), status, "{fault}");
        assert_eq!(sandbox.effects().await, ["charge 4999 USD"], "{fault}");
        let again = pay(&sandbox, "k").await.unwrap();
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"), "{fault}");
        assert_eq!(sandbox.effects().await, ["charge 4999 USD"], "{fault}");
    }
}

#[tokio::test]
async fn a_frozen_error_is_replayed_as_stripe_stores_its_500s() {
    let sandbox = TestSandbox::new().await;
    for (fault, effects) in [("error_before", 0), ("error_after", 1)] {
        sandbox.visit(Method::DELETE, "/_sandbox").await;
        let rule = json!({"provider":"stripe","operation":"charge","fault":fault,"times":1,"frozen":true});
        sandbox.fault(rule).await;
        let first = pay(&sandbox, "k").await.unwrap();
        let again = pay(&sandbox, "k").await.unwrap();
        assert_eq!((first.status, again.status), (500, 500));
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(first.text, again.text);
        assert_eq!(sandbox.effects().await.len(), effects, "{fault}");
    }
}

#[tokio::test]
async fn a_forgotten_key_charges_again() {
    let sandbox = TestSandbox::new().await;
    pay(&sandbox, "k").await;
    sandbox.fault(json!({"provider":"stripe","operation":"*","fault":"forget_key"})).await;
    pay(&sandbox, "k").await;
    assert_eq!(sandbox.effects().await.len(), 2);
}

#[tokio::test]
async fn a_late_answer_is_late_by_its_delay() {
    let sandbox = TestSandbox::new().await;
    sandbox.fault(json!({"operation":"charge","fault":"latency","delayMs":150})).await;
    let started = Instant::now();
    assert_eq!(pay(&sandbox, "k").await.unwrap().status, 200);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_caller_that_disconnects_is_charged_all_the_same() {
    let sandbox = TestSandbox::new().await;
    sandbox.fault(json!({"operation":"charge","fault":"latency","delayMs":1500,"times":1})).await;
    let impatient = sandbox.stripe_form("payment_intents", PAY).timeout(Duration::from_millis(700));
    assert!(HttpResponse::try_of(impatient).await.is_err());
    let deadline = Instant::now() + Duration::from_secs(20);
    while sandbox.effects().await.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn every_third_charge_loses_its_answer_and_none_its_effect() {
    let sandbox = TestSandbox::new().await;
    sandbox
        .fault(json!({"provider":"stripe","operation":"charge","fault":"drop_after","every":3,"times":2}))
        .await;
    let mut lost = Vec::new();
    for call in 1..=9 {
        if pay(&sandbox, &format!("k{call}")).await.is_none() {
            lost.push(call);
        }
    }
    assert_eq!(lost, [3, 6]);
    assert_eq!(sandbox.effects().await.len(), 9);
    let faults = sandbox.visit(Method::GET, "/_sandbox/faults").await;
    assert_eq!(faults.body["faults"][0]["matched"], 9);
    assert_eq!(faults.body["faults"][0]["fired"], 2);
}

#[tokio::test]
async fn faults_match_by_operation() {
    let sandbox = TestSandbox::new().await;
    sandbox.fault(json!({"provider":"stripe","operation":"authorize","fault":"error_before"})).await;
    assert_eq!(pay(&sandbox, "k").await.unwrap().status, 200);
    assert_eq!(sandbox.stripe_pay("pm_card_visa", 500, "&capture_method=manual").await.status, 500);
    let open = sandbox.stripe_post(
        "payment_intents",
        "amount=500&currency=usd&capture_method=manual&payment_method_types[]=card",
    );
    sandbox.visit(Method::DELETE, "/_sandbox/faults").await;
    let open = open.await;
    sandbox.fault(json!({"provider":"stripe","operation":"authorize","fault":"error_before"})).await;
    let confirm = format!("payment_intents/{}/confirm", open.id());
    assert_eq!(sandbox.stripe_post(&confirm, "payment_method=pm_card_visa").await.status, 500);
}

#[tokio::test]
async fn paypals_faults_have_paypals_error_format() {
    let sandbox = TestSandbox::new().await;
    let body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
    sandbox.paypal_token().await;
    for (fault, status, name) in
        [("rate_limited", 429, "RATE_LIMIT_REACHED"), ("error_after", 500, "INTERNAL_SERVER_ERROR")]
    {
        sandbox.fault(json!({"provider":"paypal","operation":"charge","fault":fault,"times":1})).await;
        let struck = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
        assert_eq!((struck.status, &struck.body["name"]), (status, &json!(name)));
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
    let found = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    assert_eq!((found.status, &found.body["status"]), (200, &json!("COMPLETED")));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn a_rate_limit_has_retry_after_if_configured() {
    let sandbox = TestSandbox::new().await;
    sandbox.fault(json!({"provider":"stripe","fault":"rate_limited","retryAfter":7,"times":1})).await;
    let limited = pay(&sandbox, "k").await.unwrap();
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    sandbox.fault(json!({"provider":"stripe","fault":"rate_limited","times":1})).await;
    assert_eq!(pay(&sandbox, "k").await.unwrap().header("retry-after"), "");
}

#[tokio::test]
async fn the_token_request_can_be_faulty_too() {
    let sandbox = TestSandbox::new().await;
    sandbox.fault(json!({"provider":"paypal","operation":"token","fault":"drop_before","times":1})).await;
    let request = || {
        let request = sandbox.http.post(sandbox.url("/v1/oauth2/token")).basic_auth("client", Some("secret"));
        request.form(&[("grant_type", "client_credentials")])
    };
    assert!(HttpResponse::try_of(request()).await.is_err());
    assert_eq!(HttpResponse::of(request()).await.status, 200);
}

#[tokio::test]
async fn a_cut_connection_ends_all_streams_of_http_2() {
    let sandbox = TestSandbox::new().await;
    let http2 = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = sandbox.url("/v1/payment_intents");
    let send = || http2.get(&url).bearer_auth("sk_test_1").send();
    assert_eq!(send().await.unwrap().version(), reqwest::Version::HTTP_2);
    sandbox.fault(json!({"operation":"retrieve","fault":"drop_before","times":1})).await;
    assert!(send().await.is_err());
    assert_eq!(send().await.unwrap().status(), 200);
}
