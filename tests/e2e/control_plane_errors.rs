//! The errors that need a payment, a provider or both.

use std::fs;

use gateway_tests::{HttpResponse, OwnGateway, shared, until};
use serde_json::{Value, json};

const METHODS: [(&str, &str); 2] = [("stripe", "pm_card_visa"), ("paypal", "vault-ok")];

fn charge_of((provider, method): (&str, &str), amount: u64) -> Value {
    json!({ "provider": provider, "amount": amount, "currency": "USD", "paymentMethodId": method })
}

#[tokio::test]
async fn a_decline_has_its_reason_and_its_transaction() {
    let gateway = shared().await;
    for (method, reason) in [
        (("stripe", "pm_card_visa_chargeDeclinedInsufficientFunds"), "insufficient_funds"),
        (("paypal", "vault-declined"), "INSTRUMENT_DECLINED"),
    ] {
        let response = gateway.charge(&charge_of(method, 300)).await;
        let error = response.refuses(402, "PAYMENT_FAILED");
        assert_eq!((&error["declineCode"], &error["retryable"]), (&json!(reason), &json!(false)));
        let payment = gateway.payment(&response.transaction_id()).await;
        assert_eq!(payment["failure"]["declineCode"], reason, "{payment}");
    }
}

#[tokio::test]
async fn a_payment_that_does_not_exist_is_an_unknown_transaction() {
    let gateway = shared().await;
    let unknown = "txn_01890000-0000-7000-8000-000000000000";
    for response in [
        gateway.get(&format!("/payments/{unknown}")).await,
        gateway.get(&format!("/payments/{unknown}/events")).await,
        gateway.refund(unknown, Some(1)).await,
        gateway.refund(unknown, None).await,
        gateway.capture(unknown, None).await,
        gateway.cancel(unknown).await,
    ] {
        response.refuses(404, "TRANSACTION_NOT_FOUND");
    }
    let unknown = unknown.replace("txn", "rfnd");
    gateway.get(&format!("/refunds/{unknown}")).await.refuses(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_a_payments_state_does_not_allow_is_refused_with_its_transaction() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = gateway.charge(&charge_of(method, 300)).await.transaction_id();
        for response in [gateway.capture(&transaction, None).await, gateway.cancel(&transaction).await] {
            assert_eq!(response.refuses(409, "INVALID_STATE")["transactionId"], transaction);
        }
        let error = gateway.refund(&transaction, Some(301)).await.refuses(422, "REFUND_EXCEEDS_CHARGE");
        assert_eq!(error["transactionId"], transaction);
    }
}

#[tokio::test]
async fn a_time_that_never_was_is_refused_by_the_name_of_its_parameter() {
    let gateway = shared().await;
    for parameter in ["createdAfter", "createdBefore"] {
        let path = format!("/payments?{parameter}=2026-02-30T00:00:00Z");
        assert_eq!(gateway.get(&path).await.refuses(400, "INVALID_REQUEST")["param"], parameter);
    }
}

#[tokio::test]
async fn credentials_that_a_provider_refuses_are_the_gateways_fault_and_not_the_payers() {
    let right = |key: &str| format!("{key}-that-is-right");
    let strict = provider_sandbox::Config {
        stripe_secret_key: Some(right("sk_test_key")),
        paypal_credentials: Some((right("id"), right("secret"))),
        ..provider_sandbox::Config::default()
    };
    let strict = provider_sandbox::start(strict).await.unwrap();
    let secrets = ["sk_test_key-of-another-account", "secret-of-another-account"];
    let own = OwnGateway::start(&[
        ("STRIPE_API_BASE", &strict.url()),
        ("PAYPAL_API_BASE", &strict.url()),
        ("STRIPE_SECRET_KEY", secrets[0]),
        ("PAYPAL_CLIENT_ID", "id-of-another-account"),
        ("PAYPAL_CLIENT_SECRET", secrets[1]),
    ])
    .await;
    let gateway = own.gateway();
    for method in METHODS {
        let response = gateway.charge(&charge_of(method, 300)).await;
        response.refuses(502, "PROVIDER_REJECTED");
        assert!(!response.text().contains("another-account"), "{}", response.text());
        assert_eq!(gateway.payment(&response.transaction_id()).await["status"], "failed");
    }
    let log = fs::read_to_string(own.stack.run_dir().log("control-plane")).unwrap();
    assert!(!secrets.iter().any(|secret| log.contains(secret)), "{log}");
}

#[tokio::test]
async fn what_a_provider_that_cannot_be_reached_should_do_is_accepted_and_done_later() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let mut transactions = Vec::new();
    for method in METHODS {
        transactions.push(gateway.charge(&charge_of(method, 300)).await.transaction_id());
    }
    gateway.terminate("sandbox");
    until("the end of the sandbox", async || {
        HttpResponse::try_of(gateway.http.get(own.stack.sandbox_url())).await.err()
    })
    .await;
    for (method, transaction) in METHODS.into_iter().zip(&transactions) {
        let response = gateway.charge(&charge_of(method, 300)).await;
        response.succeeds(202, &json!({ "status": "pending" }));
        let last = gateway.last_event(&response.transaction_id()).await;
        assert_eq!(last["type"], "payment.queued");
        assert!(last["nextAt"].is_string() && last["reason"].is_string(), "{last}");

        gateway.refund(transaction, Some(300)).await.succeeds(202, &json!({ "status": "pending" }));
        let payment = gateway.payment(transaction).await;
        assert_eq!(
            (&payment["amountRefunded"], &payment["refunds"][0]["status"]),
            (&json!(300), &json!("pending"))
        );
    }
}
