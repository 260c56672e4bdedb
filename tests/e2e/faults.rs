//! Providers that fail at the worst moment. An unknown outcome is never reported as failed, and nothing is executed
//! twice.

use gateway_tests::{FaultyGateway, Gateway, HttpResponse, OwnGateway, faulty, until};
use serde_json::{Value, json};

const METHODS: [(&str, &str); 2] = [("stripe", "pm_card_visa"), ("paypal", "vault-ok")];

/// Longer than this stack's provider timeout.
const TOO_SLOW_MS: u64 = 3_000;

async fn charge(gateway: &Gateway<'_>, (provider, method): (&str, &str)) -> HttpResponse {
    gateway
        .charge(
            &json!({ "provider": provider, "amount": 6100, "currency": "USD", "paymentMethodId": method }),
        )
        .await
}

async fn charged(gateway: &Gateway<'_>, method: (&str, &str)) -> String {
    let response = charge(gateway, method).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    response.transaction_id()
}

async fn is_pending_and_not_failed(gateway: &Gateway<'_>, response: &HttpResponse) -> Value {
    response.succeeds(202, &json!({ "status": "pending" }));
    let payment = gateway.payment(&response.transaction_id()).await;
    assert_eq!(payment["status"], "pending", "{payment}");
    assert_eq!(payment.get("failure"), None, "{payment}");
    payment
}

/// Charges while the provider fails so, and gives what really happened there.
async fn charge_with(gateway: &FaultyGateway, fault: &str, method: (&str, &str)) -> Vec<String> {
    gateway.sandbox.break_down(method.0, "charge", fault).await;
    let response = charge(gateway, method).await;
    is_pending_and_not_failed(gateway, &response).await;
    gateway.sandbox.heal().await;
    // Neither refundable nor capturable while the outcome is unknown.
    let transaction = response.transaction_id();
    for refused in [gateway.refund(&transaction, None).await, gateway.capture(&transaction, None).await] {
        assert_eq!(refused.refuses(409, "INVALID_STATE")["retryable"], true);
    }
    gateway.effects(&transaction).await
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_pending_and_happened_once() {
    let gateway = faulty().await;
    for fault in ["drop_after", "error_after", "truncated"] {
        for method in METHODS {
            let effects = charge_with(&gateway, fault, method).await;
            assert_eq!(effects, [format!("{} charge 6100 USD", method.0)], "{fault}");
        }
    }
}

/// The gateway cannot tell these from the ones above.
#[tokio::test]
async fn a_charge_that_may_have_arrived_is_pending_even_if_it_was_not_executed() {
    let gateway = faulty().await;
    for fault in ["drop_before", "error_before", "html_error"] {
        for method in METHODS {
            assert_eq!(charge_with(&gateway, fault, method).await, [""; 0], "{fault} {}", method.0);
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_too_slow_leaves_the_charge_pending_and_it_happened_once() {
    let gateway = faulty().await;
    for method in METHODS {
        gateway.sandbox.slow_down(method.0, "charge", TOO_SLOW_MS).await;
        let response = charge(&gateway, method).await;
        is_pending_and_not_failed(&gateway, &response).await;
        let transaction = response.transaction_id();
        let effects = until("the late effect", async || {
            Some(gateway.effects(&transaction).await).filter(|effects| !effects.is_empty())
        });
        assert_eq!(effects.await, [format!("{} charge 6100 USD", method.0)]);
    }
}

#[tokio::test]
async fn a_rate_limited_charge_was_not_made_and_waits_to_be() {
    let gateway = faulty().await;
    for method in METHODS {
        gateway.sandbox.break_down(method.0, "charge", "rate_limited").await;
        let response = charge(&gateway, method).await;
        is_pending_and_not_failed(&gateway, &response).await;
        let transaction = response.transaction_id();
        assert_eq!(gateway.last_event(&transaction).await["type"], "payment.queued");
        assert_eq!(gateway.effects(&transaction).await, [""; 0]);
        gateway.sandbox.heal().await;
        charged(&gateway, method).await;
    }
}

/// Without a token no order can have been made.
#[tokio::test]
async fn a_charge_for_which_paypal_gives_no_token_was_not_made_and_is_made_later() {
    for fault in ["drop_before", "error_before", "html_error", "rate_limited", "truncated"] {
        // A gateway that has had a token keeps it, so each fault needs one that has not.
        let own = OwnGateway::start(&[]).await;
        let gateway = own.gateway();
        gateway.sandbox.break_down("paypal", "token", fault).await;
        let response = charge(&gateway, ("paypal", "vault-ok")).await;
        response.succeeds(202, &json!({ "status": "pending" }));
        let transaction = response.transaction_id();
        assert_eq!(gateway.effects(&transaction).await, [""; 0], "{fault}");
        gateway.sandbox.heal().await;
        until("the completed payment", async || {
            (gateway.payment(&transaction).await["status"] == "completed").then_some(())
        })
        .await;
        assert_eq!(gateway.effects(&transaction).await, ["paypal charge 6100 USD"], "{fault}");
    }
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_pending_keeps_its_amount_and_happened_once() {
    let gateway = faulty().await;
    for fault in ["drop_after", "error_after", "truncated"] {
        for method in METHODS {
            let transaction = charged(&gateway, method).await;
            gateway.sandbox.break_down(method.0, "refund", fault).await;
            let response = gateway.refund(&transaction, Some(6000)).await;
            response.succeeds(202, &json!({ "status": "pending" }));
            gateway.sandbox.heal().await;

            let refund = gateway.get(&format!("/refunds/{}", response.at("/refundId"))).await;
            refund.succeeds(200, &json!({ "status": "pending", "amount": 6000 }));
            let more = gateway.refund(&transaction, Some(101)).await;
            // It depends on the refund that is undecided, so the refusal is not final.
            assert_eq!(more.refuses(409, "INVALID_STATE")["retryable"], true);
            let effects = ["charge 6100", "refund 6000"].map(|effect| format!("{} {effect} USD", method.0));
            assert_eq!(gateway.effects(&transaction).await, effects, "{fault}");
        }
    }
}

#[tokio::test]
async fn a_rate_limited_refund_was_not_made_and_keeps_its_amount() {
    let gateway = faulty().await;
    for method in METHODS {
        let transaction = charged(&gateway, method).await;
        gateway.sandbox.break_down(method.0, "refund", "rate_limited").await;
        gateway.refund(&transaction, Some(6000)).await.succeeds(202, &json!({ "status": "pending" }));
        gateway.sandbox.heal().await;
        let more = gateway.refund(&transaction, Some(101)).await;
        // It depends on the refund that is undecided, so the refusal is not final.
        assert_eq!(more.refuses(409, "INVALID_STATE")["retryable"], true);
        gateway.refund(&transaction, Some(100)).await.succeeds(200, &json!({ "status": "processed" }));
        let effects = ["charge 6100", "refund 100"].map(|effect| format!("{} {effect} USD", method.0));
        assert_eq!(gateway.effects(&transaction).await, effects);
    }
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_is_pending_and_happened_once() {
    let gateway = faulty().await;
    for (provider, method) in METHODS {
        let charge = json!({
            "provider": provider, "amount": 6100, "currency": "USD", "paymentMethodId": method, "capture": "manual",
        });
        let transaction = gateway.charge(&charge).await.transaction_id();
        gateway.sandbox.break_down(provider, "capture", "drop_after").await;
        gateway.capture(&transaction, Some(6000)).await.succeeds(202, &json!({ "status": "pending" }));
        gateway.sandbox.heal().await;
        gateway.capture(&transaction, Some(6000)).await.refuses(409, "INVALID_STATE");
        let effects = ["authorize 6100", "capture 6000"].map(|effect| format!("{provider} {effect} USD"));
        assert_eq!(gateway.effects(&transaction).await, effects);
    }
}

#[tokio::test]
async fn a_rate_limited_capture_was_not_made_and_can_be_canceled() {
    let gateway = faulty().await;
    for (provider, method) in METHODS {
        let charge = json!({
            "provider": provider, "amount": 6100, "currency": "USD", "paymentMethodId": method, "capture": "manual",
        });
        let transaction = gateway.charge(&charge).await.transaction_id();
        gateway.sandbox.break_down(provider, "*", "rate_limited").await;
        gateway.capture(&transaction, None).await.succeeds(202, &json!({ "status": "pending" }));
        gateway.sandbox.heal().await;
        assert_eq!(gateway.payment(&transaction).await["status"], "pending");
        gateway.cancel(&transaction).await.succeeds(200, &json!({ "status": "canceled" }));
        let effects = ["authorize", "cancel"].map(|effect| format!("{provider} {effect} 6100 USD"));
        assert_eq!(gateway.effects(&transaction).await, effects);
    }
}
