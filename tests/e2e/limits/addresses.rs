//! Floods of thousands of requests a second from one address, without a key.

use std::time::Duration;

use gateway_tests::{Gateway, HttpResponse, OwnGateway};
use serde_json::json;
use tokio::time::sleep;

use super::{caller, charge, flood, url};
use crate::webhooks::{event, now_s, secret, stripe_signature};

/// Low limits: a busy machine's flood exceeds them, too.
const ADDRESS: u64 = 20;
const WEBHOOKS_OF_ADDRESS: u64 = 20;
const HONEST: u64 = 30;

/// The overall limit is below the rate of the flood, and above the limit of one address.
const SETTINGS: [(&str, &str); 7] = [
    ("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "20"),
    ("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "20"),
    ("GATEWAY_REQUESTS_PER_SECOND", "40"),
    ("GATEWAY_ADDRESS_WEBHOOKS_PER_SECOND", "20"),
    ("GATEWAY_WEBHOOKS_PER_SECOND", "40"),
    ("SANDBOX_STRIPE_WEBHOOK_URL", ""),
    ("SANDBOX_PAYPAL_WEBHOOK_URL", ""),
];

/// A client's charges from one address and Stripe's webhooks from another, below their limits: none is rejected.
async fn nothing_is_lost(gateway: &Gateway<'_>) {
    let stripe = caller(3);
    let secret = secret(gateway);
    for n in 0..HONEST {
        let response = gateway.charge(&charge(600 + n)).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        let body = event(&format!("evt_flood_{n}"), 2_000);
        let webhook =
            stripe.post(url(gateway, "/webhooks/stripe")).header("content-type", "application/json");
        let webhook = webhook.header("stripe-signature", stripe_signature(&secret, now_s(), &body));
        HttpResponse::of(webhook.body(body)).await.succeeds(200, &json!({}));
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn an_anonymous_flood_from_one_address_costs_clients_and_providers_nothing() {
    let own = OwnGateway::start(&SETTINGS).await;
    let gateway = own.gateway();
    let attacker = caller(2);
    let asked_before = gateway.control_plane_requests().await;

    let without_key = || attacker.get(url(&gateway, "/payments?limit=1"));
    let ((), flooded) = flood(without_key, nothing_is_lost(&gateway)).await;
    flooded.was_held_to(ADDRESS, 401);

    let with_a_made_up_key = || attacker.post(url(&gateway, "/payments/charge")).bearer_auth("guessed");
    let ((), flooded) = flood(with_a_made_up_key, nothing_is_lost(&gateway)).await;
    flooded.was_held_to(ADDRESS, 401);

    let forged = || {
        let webhook =
            attacker.post(url(&gateway, "/webhooks/stripe")).header("content-type", "application/json");
        webhook.header("stripe-signature", format!("t={},v1={}", now_s(), "0".repeat(64))).body("{}")
    };
    let ((), flooded) = flood(forged, nothing_is_lost(&gateway)).await;
    flooded.without_closed().was_held_to(WEBHOOKS_OF_ADDRESS, 401);

    // Charges and webhooks, and nothing of the floods.
    assert_eq!(gateway.control_plane_requests().await, asked_before + 3 * 2 * HONEST);
    assert_eq!(gateway.sandbox.all_effects().await.len(), 3 * 30);
}

#[tokio::test]
async fn clients_at_their_limit_and_providers_do_not_use_each_others_reserve() {
    let settings = [
        ("GATEWAY_REQUESTS_PER_SECOND", "20"),
        ("GATEWAY_WEBHOOKS_PER_SECOND", "20"),
        ("SANDBOX_STRIPE_WEBHOOK_URL", ""),
        ("SANDBOX_PAYPAL_WEBHOOK_URL", ""),
    ];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let secret = secret(&gateway);
    let webhook = |n: u64| {
        let body = event(&format!("evt_reserve_{n}"), 300);
        let webhook = caller(3).post(url(&gateway, "/webhooks/stripe"));
        let webhook = webhook.header("content-type", "application/json");
        webhook.header("stripe-signature", stripe_signature(&secret, now_s(), &body)).body(body)
    };
    let webhooks = async {
        for n in 0..20 {
            HttpResponse::of(webhook(n)).await.succeeds(200, &json!({}));
            sleep(Duration::from_millis(100)).await;
        }
    };
    let read = || caller(2).get(url(&gateway, "/payments?limit=1")).bearer_auth("demo-key");
    let client = read();
    let requests = || client.try_clone().unwrap();
    let ((), flooded) = flood(requests, webhooks).await;
    flooded.was_held_to(20, 200);

    let reads = async {
        for _ in 0..20 {
            let response = HttpResponse::of(read()).await;
            assert_eq!(response.status, 200, "{}", response.text());
            sleep(Duration::from_millis(100)).await;
        }
    };
    sleep(Duration::from_secs(1)).await;
    let forged = caller(3).post(url(&gateway, "/webhooks/stripe")).header("content-type", "application/json");
    let forged = forged.header("stripe-signature", format!("t={},v1={}", now_s(), "0".repeat(64))).body("{}");
    let ((), flooded) = flood(|| forged.try_clone().unwrap(), reads).await;
    flooded.without_closed().was_held_to(20, 401);
}

/// Each has its own bucket, whatever the proxy's address.
#[tokio::test]
async fn behind_a_trusted_proxy_an_address_is_the_one_that_the_proxy_saw() {
    let settings = [("GATEWAY_TRUSTED_PROXIES", "1"), ("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "20")];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let proxy = caller(4);
    let from = |address: &'static str| {
        let request = proxy.get(url(&gateway, "/payments")).header("x-forwarded-for", address);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let mut refused = 0;
    for _ in 0..200 {
        refused += u32::from(from("192.0.2.1").await == 429);
        if refused > 0 {
            break;
        }
    }
    assert!(refused > 0, "nothing is turned away");
    assert_eq!(from("192.0.2.2").await, 401);
    // An IPv6 household counts as one address.
    let mut refused = false;
    for n in 0..200 {
        let neighbour: &'static str = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"][n % 3];
        refused = from(neighbour).await == 429;
        if refused {
            break;
        }
    }
    assert!(refused, "a household is not one address");
    assert_eq!(from("2001:db8:0:1::1").await, 401);
    // Addresses that the caller claims in front of the proxy are ignored.
    let pretended = proxy.get(url(&gateway, "/payments")).header("x-forwarded-for", "192.0.2.9, 192.0.2.3");
    assert_eq!(pretended.send().await.unwrap().status().as_u16(), 401);
}
