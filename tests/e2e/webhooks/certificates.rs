//! PayPal's certificates: with invented names, while PayPal is down, and across a crash of the filter.

use std::time::Instant;

use futures_util::future::join_all;
use gateway_tests::{Gateway, OwnGateway, until};
use serde_json::json;

use super::to_paypals_door;
use crate::filter_crash::crashing_filter;

async fn charge(gateway: &Gateway<'_>) {
    let charge =
        json!({ "provider": "paypal", "amount": 850, "currency": "USD", "paymentMethodId": "vault-ok" });
    gateway.charge(&charge).await.succeeds(200, &json!({ "status": "completed" }));
}

/// Waits until PayPal's webhooks for so many charges, one or two each, have been delivered at the first attempt.
async fn are_delivered(gateway: &Gateway<'_>, charges: usize) {
    let deliveries = gateway.sandbox.deliveries("paypal", charges).await;
    assert!(deliveries.iter().all(|delivery| delivery == "delivered"), "{deliveries:?}");
    assert_eq!(gateway.sandbox.attempts("paypal").await, deliveries.len(), "some were refused first");
}

#[tokio::test]
async fn made_up_names_cost_paypal_a_few_requests_and_no_genuine_webhook_its_turn() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    charge(&gateway).await;
    are_delivered(&gateway, 1).await;
    let (begin, to) = (Instant::now(), gateway.address());
    let certificates = format!("{}/v1/notifications/certs", gateway.stack().sandbox_url());
    let forged = (0..400).map(|n| {
        let request = to_paypals_door(&format!("{certificates}/CERT-360caa42-fca2a594-{n:08x}"));
        async move { request.send(to).await }
    });
    let genuine = async {
        for _ in 0..5 {
            charge(&gateway).await;
        }
    };
    let (responses, ()) = tokio::join!(join_all(forged), genuine);
    for response in &responses {
        response.refuses(503, "SIGNATURE_UNVERIFIABLE");
        assert_eq!(response.header("retry-after"), Some("30"));
    }
    are_delivered(&gateway, 6).await;
    // Four at once, then one more every two seconds; one of them was the genuine one.
    let most = 4 + begin.elapsed().as_secs() / 2 + 1;
    let asked = gateway.sandbox.requests("paypal", "certificate").await;
    assert!((2..=most).contains(&asked), "{asked} of at most {most}");
    // While the maximum is in flight, further fetches are rejected without using the bucket.
    let (unknown, busy) = (
        gateway.edge_webhooks("certificate_unknown_names").await,
        gateway.edge_webhooks("certificate_busy").await,
    );
    assert!(unknown + busy >= 400 - most, "{unknown} {busy}");
}

#[tokio::test]
async fn a_key_is_refreshed_ahead_and_goes_on_while_paypals_certificates_are_away() {
    let own = OwnGateway::start(&[("PAYPAL_CERTIFICATE_REFRESH_SECONDS", "1")]).await;
    let gateway = own.gateway();
    charge(&gateway).await;
    are_delivered(&gateway, 1).await;
    let asked = |at_least: u64| {
        let sandbox = &gateway.sandbox;
        until("a refresh", async move || {
            (sandbox.requests("paypal", "certificate").await >= at_least).then_some(())
        })
    };
    asked(2).await;
    gateway.sandbox.break_down("paypal", "certificate", "html_error").await;
    for n in 2..5 {
        charge(&gateway).await;
        are_delivered(&gateway, n).await;
        asked(n as u64 + 1).await;
    }
    charge(&gateway).await;
    are_delivered(&gateway, 5).await;
    assert_eq!(gateway.edge_count("signature_unverifiable").await, 0);

    // The sandbox's own: its root for ten years, a leaf for thirteen months.
    for (of, days) in [("bundle", 3_640..3_655), ("issuers", 3_640..3_655), ("key", 390..400)] {
        let left = gateway.edge_days_left(of).await;
        assert!(days.contains(&left), "{of}: {left}");
    }
}

#[tokio::test]
async fn a_key_outlives_the_filter_that_has_fetched_it() {
    let filter = crashing_filter();
    let own = OwnGateway::start(&[("EDGE_FILTER_WASM", filter.to_str().unwrap())]).await;
    let gateway = own.gateway();
    charge(&gateway).await;
    are_delivered(&gateway, 1).await;
    gateway.sandbox.break_down("paypal", "certificate", "drop_before").await;
    let fatal = gateway.raw_charge().header("x-crash-at", "head").body("{}");
    fatal.send(gateway.address()).await.refuses(503, "GATEWAY_UNAVAILABLE");
    until("the filter's return", async || (gateway.get("/payments").await.status == 200).then_some(())).await;
    assert_eq!(gateway.filter_reloads().await, 1);
    for n in 2..5 {
        charge(&gateway).await;
        are_delivered(&gateway, n).await;
    }
    assert_eq!(gateway.sandbox.requests("paypal", "certificate").await, 1);
}
