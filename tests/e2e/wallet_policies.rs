//! Each client's own policy on who bears a chargeback of a wallet's card, by whatever way its order would be captured.

use std::time::Duration;

use gateway_tests::{Gateway, HttpResponse, OwnGateway, until_within};
use serde_json::{Value, json};

/// The client `demo` takes cards that nobody authenticated, `demo-2` does not.
const BY_CLIENT: (&str, &str) = ("WALLET_LIABILITY_SHIFT", "POSSIBLE,UNKNOWN,demo-2=POSSIBLE");

fn order() -> Value {
    json!({ "provider": "paypal", "amount": 4700, "currency": "USD", "wallet": "google_pay" })
}

/// A payment's transaction, and its order, which the payer has confirmed; the payer's name decides what the bank says.
async fn confirmed(gateway: &Gateway<'_>, payer: &str) -> (String, String) {
    let made = gateway.charge(&order()).await;
    let id = made.json()["nextAction"]["orderId"].as_str().unwrap().to_owned();
    let credentials = ["PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET"];
    let [user, secret] = credentials.map(|name| gateway.stack().setting(name).unwrap());
    gateway.sandbox.confirm_order((user, secret), &id, "google_pay", payer).await;
    (made.transaction_id(), id)
}

async fn resubmit(gateway: &Gateway<'_>, order_id: &str) -> HttpResponse {
    let mut back = order();
    back["paymentMethodId"] = json!(order_id);
    gateway.charge(&back).await
}

/// The payment of `transaction` has failed for its payer's authentication, and nothing was taken.
async fn is_refused(gateway: &Gateway<'_>, transaction: &str) {
    let payment = gateway.payment(transaction).await;
    assert_eq!(payment["status"], "failed", "{payment}");
    assert_eq!(payment["failure"]["declineCode"], "authentication_failed", "{payment}");
    assert_eq!(gateway.effects(transaction).await, [""; 0]);
}

#[tokio::test]
async fn a_client_that_refuses_what_another_takes_gets_402_and_nothing_is_taken() {
    let own = OwnGateway::start(&[BY_CLIENT]).await;
    let lenient = own.gateway();
    let strict = lenient.as_demo_2();
    for payer in ["SCA-UNKNOWN", "Sandbox Payer"] {
        let (transaction, id) = confirmed(&lenient, payer).await;
        resubmit(&lenient, &id).await.succeeds(200, &json!({ "status": "completed" }));
        assert_eq!(lenient.effects(&transaction).await, ["paypal charge 4700 USD"], "{payer}");

        let (transaction, id) = confirmed(&strict, payer).await;
        let refused = resubmit(&strict, &id).await;
        let error = refused.refuses(402, "PAYMENT_FAILED");
        assert_eq!(error["declineCode"], "authentication_failed", "{payer}: {error}");
        assert!(error["message"].as_str().unwrap().contains("WALLET_LIABILITY_SHIFT"), "{error}");
        is_refused(&strict, &transaction).await;
    }
}

#[tokio::test]
async fn graphql_judges_by_the_policy_of_its_client() {
    let own = OwnGateway::start(&[BY_CLIENT]).await;
    let lenient = own.gateway();
    let strict = lenient.as_demo_2();
    let resubmit = async |gateway: &Gateway<'_>, id: &str| {
        let query = format!(
            "mutation {{ chargePayment(input: {{ provider: PAYPAL, amount: 4700, currency: \"USD\", \
             wallet: GOOGLE_PAY, paymentMethodId: \"{id}\" }}) \
             {{ payment {{ status }} userErrors {{ declineCode }} }} }}"
        );
        let answer = gateway.post("/graphql", json!({ "query": query }).to_string()).await;
        answer.json()["data"]["chargePayment"].clone()
    };
    let (_, id) = confirmed(&lenient, "SCA-UNKNOWN").await;
    let paid = resubmit(&lenient, &id).await;
    assert_eq!(paid["payment"]["status"], "COMPLETED", "{paid}");
    let (transaction, id) = confirmed(&strict, "SCA-UNKNOWN").await;
    let refused = resubmit(&strict, &id).await;
    assert_eq!(refused["userErrors"][0]["declineCode"], "authentication_failed", "{refused}");
    is_refused(&strict, &transaction).await;
}

/// The payers' tabs are closed after the confirmation: PayPal's events, or without them the gateway's own look at each
/// order, let it be captured or refused.
#[tokio::test]
async fn an_order_that_nobody_resubmits_is_judged_by_the_policy_of_its_client() {
    let silence = [("SANDBOX_PAYPAL_WEBHOOK_URL", ""), ("WATCH_AFTER_SECONDS", "1")];
    for settings in [&[BY_CLIENT][..], &[BY_CLIENT, silence[0], silence[1]]] {
        let own = OwnGateway::start(settings).await;
        let lenient = own.gateway();
        let strict = lenient.as_demo_2();
        let (taken, _) = confirmed(&lenient, "SCA-UNKNOWN").await;
        let (refused, _) = confirmed(&strict, "SCA-UNKNOWN").await;
        for (gateway, transaction, end) in [(&lenient, &taken, "completed"), (&strict, &refused, "failed")] {
            until_within(Duration::from_secs(45), end, async || {
                (gateway.payment(transaction).await["status"] == end).then_some(())
            })
            .await;
        }
        assert_eq!(lenient.effects(&taken).await, ["paypal charge 4700 USD"]);
        is_refused(&strict, &refused).await;
    }
}
