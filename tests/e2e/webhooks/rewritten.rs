//! A captured delivery with another body of the same CRC-32: its signature is valid, but it changes nothing.

use std::process::Command;

use gateway_tests::{Gateway, OwnGateway, until};
use local_stack::Programs;
use serde_json::{Value, json};

use super::captured::Tap;

/// What a forger claims about another client's payment, in events of each kind that is acted on.
fn claims(victim: &str, order: &str) -> Vec<Value> {
    let links = |up: &str| json!([{ "href": format!("https://api.paypal.com/v2/{up}"), "rel": "up", "method": "GET" }]);
    let related = json!({ "related_ids": { "order_id": "FORGEDORDER" } });
    let sum = json!({ "currency_code": "USD", "value": "8.40" });
    let dispute = |status: &str| {
        json!({ "dispute_id": "PP-D-FORGED", "status": status, "reason": "FORGED", "dispute_amount": sum,
                "create_time": "2026-11-01T00:00:00Z", "update_time": "2026-11-02T00:00:00Z",
                "dispute_outcome": { "outcome_code": "RESOLVED_BUYER_FAVOUR" },
                "disputed_transactions": [{ "seller_transaction_id": "FORGED", "custom": victim }] })
    };
    let unit = json!([{ "custom_id": victim, "amount": sum }]);
    let capture = |status: &str, related: &Value| json!({ "id": "FORGED", "custom_id": victim, "status": status, "amount": sum, "supplementary_data": related });
    let own = json!({ "related_ids": { "order_id": order } });
    let kinds = [
        ("CUSTOMER.DISPUTE.CREATED", dispute("OPEN")),
        ("CUSTOMER.DISPUTE.RESOLVED", dispute("RESOLVED")),
        ("PAYMENT.CAPTURE.COMPLETED", capture("COMPLETED", &related)),
        ("PAYMENT.CAPTURE.DENIED", capture("DECLINED", &own)),
        ("PAYMENT.CAPTURE.DECLINED", capture("DECLINED", &own)),
        ("PAYMENT.CAPTURE.PENDING", capture("PENDING", &own)),
        ("PAYMENT.CAPTURE.REVERSED", capture("REVERSED", &own)),
        (
            "PAYMENT.CAPTURE.REFUNDED",
            json!({ "id": "FORGEDREFUND", "custom_id": victim, "status": "COMPLETED", "amount": sum,
                    "links": links("payments/captures/FORGED") }),
        ),
        ("PAYMENT.REFUND.FAILED", json!({ "id": "FORGEDREFUND", "custom_id": victim, "status": "FAILED" })),
        (
            "PAYMENT.AUTHORIZATION.VOIDED",
            json!({ "id": "FORGED", "custom_id": victim, "status": "VOIDED",
            "links": links(&format!("checkout/orders/{order}")) }),
        ),
        ("CHECKOUT.ORDER.APPROVED", json!({ "id": order, "status": "APPROVED", "purchase_units": unit })),
        ("CHECKOUT.ORDER.VOIDED", json!({ "id": order, "status": "VOIDED", "purchase_units": unit })),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", json!({ "order_id": order, "purchase_units": unit })),
    ];
    let event = |(n, (kind, resource)): (usize, &(&str, Value))| {
        json!({ "id": format!("WH-FORGED-{n}"), "event_version": "1.0", "create_time": "2026-11-27T00:00:00.000Z",
                "event_type": kind, "resource": resource })
    };
    kinds.iter().enumerate().map(event).collect()
}

#[tokio::test]
async fn another_body_under_a_captured_signature_changes_no_payment_and_no_trail() {
    let tap = Tap::open().await;
    let own = OwnGateway::start(&[("SANDBOX_PAYPAL_WEBHOOK_URL", &tap.url())]).await;
    let gateway = own.gateway();
    let charge =
        json!({ "provider": "paypal", "amount": 840, "currency": "USD", "paymentMethodId": "vault-ok" });
    gateway.charge(&charge).await.succeeds(200, &json!({ "status": "completed" }));
    let captured = tap.next().await;
    captured.as_it_came().send(gateway.address()).await.succeeds(200, &json!({}));

    let victim = gateway.as_demo_2();
    let transaction = victim.charge(&charge).await.transaction_id();
    let held = json!({ "provider": "paypal", "amount": 841, "currency": "USD", "paymentMethodId": "vault-ok",
                       "capture": "manual" });
    let on_hold = victim.charge(&held).await.transaction_id();
    for transaction in [transaction, on_hold] {
        let (payment, trail) = (victim.payment(&transaction).await, trail(&victim, &transaction).await);
        let order = payment["providerReference"].as_str().unwrap();
        let claims = claims(&transaction, order);
        for claim in &claims {
            let mut claim = claim.clone();
            claim["id"] = json!(format!("{}-{}", claim["id"].as_str().unwrap(), &transaction[4..]));
            let body = captured.rewritten(&claim);
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["event_type"], claim["event_type"]);
            captured.with(&body).send(gateway.address()).await.succeeds(200, &json!({}));
        }
        // Disputes and refunds that are not shown are looked up a few more times.
        until("the end of the forged events", async || {
            let states = states(&own);
            let open = states.iter().filter(|(id, _)| id.ends_with(&transaction[4..]));
            let open: Vec<_> =
                open.filter(|(_, state)| !matches!(state.as_str(), "done" | "ignored")).collect();
            let all = states.iter().filter(|(id, _)| id.ends_with(&transaction[4..])).count();
            (all == claims.len() && open.iter().all(|(_, state)| state == "failed")).then_some(())
        })
        .await;
        assert_eq!(victim.payment(&transaction).await, payment);
        assert_eq!(self::trail(&victim, &transaction).await, trail);
        assert_eq!(victim.effects(&transaction).await.len(), 1);
    }
    assert!(gateway.edge_webhooks("verified").await >= 27, "they were not verified");
}

/// The events as they were recorded. The seal of the trail reaches them meanwhile.
async fn trail(victim: &Gateway<'_>, transaction: &str) -> Vec<Value> {
    let mut events = victim.events(transaction).await;
    for event in events.iter_mut().filter_map(Value::as_object_mut) {
        event.retain(|member, _| !matches!(member.as_str(), "sealed" | "index"));
    }
    events
}

/// The id and the result of each event, as an operator sees it.
fn states(own: &OwnGateway) -> Vec<(String, String)> {
    let mut command = Command::new(Programs::of_this_build().unwrap().control_plane);
    command.args(["webhook", "list", "--provider", "paypal", "--json", "--limit", "1000"]);
    let settings = ["DB_URI", "ENCRYPTION_KEYS"].map(|name| (name, own.stack.setting(name).unwrap()));
    let listed = command.envs(settings).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let line = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        (event["id"].as_str().unwrap().to_owned(), event["state"].as_str().unwrap().to_owned())
    };
    String::from_utf8(listed.stdout).unwrap().lines().map(line).collect()
}
