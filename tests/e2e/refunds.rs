//! Refunds, and never more than was captured.

use gateway_tests::{Gateway, HttpResponse, fresh_key, shared};
use serde_json::json;
use tokio::task::JoinSet;

const METHODS: [(&str, &str); 2] = [("stripe", "pm_card_visa"), ("paypal", "vault-ok")];

async fn charged(gateway: &Gateway<'_>, (provider, method): (&str, &str), amount: u64) -> String {
    let charge =
        json!({ "provider": provider, "amount": amount, "currency": "USD", "paymentMethodId": method });
    let response = gateway.charge(&charge).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    response.transaction_id()
}

/// Sends the same refund this many times at once.
async fn at_once(
    gateway: &Gateway<'static>,
    transaction: &str,
    amount: u64,
    times: usize,
) -> Vec<HttpResponse> {
    let mut refunds = JoinSet::new();
    for _ in 0..times {
        let body = json!({ "transactionId": transaction, "amount": amount }).to_string();
        let request =
            gateway.request(reqwest::Method::POST, "/payments/refund").header("idempotency-key", fresh_key());
        let request = request.header("content-type", "application/json").body(body);
        refunds.spawn(async move { HttpResponse::of(request).await });
    }
    refunds.join_all().await
}

#[tokio::test]
async fn a_charge_is_refunded_in_parts_until_nothing_is_left() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = charged(&gateway, method, 10_000).await;
        for (amount, refunded) in [(2_500, 2_500), (1, 2_501)] {
            let response = gateway.refund(&transaction, Some(amount)).await;
            response.succeeds(200, &json!({ "status": "processed" }));
            assert_eq!(gateway.payment(&transaction).await["amountRefunded"], refunded);
        }
        gateway.refund(&transaction, None).await.succeeds(200, &json!({ "status": "processed" }));
        let payment = gateway.payment(&transaction).await;
        assert_eq!(payment["amountRefunded"], 10_000);
        assert_eq!(payment["refunds"].as_array().map(Vec::len), Some(3));

        gateway.refund(&transaction, Some(1)).await.refuses(422, "REFUND_EXCEEDS_CHARGE");
        gateway.refund(&transaction, None).await.refuses(422, "REFUND_EXCEEDS_CHARGE");
        let effects = ["charge 10000", "refund 2500", "refund 1", "refund 7499"];
        let effects = effects.map(|effect| format!("{} {effect} USD", method.0));
        assert_eq!(gateway.effects(&transaction).await, effects);
    }
}

#[tokio::test]
async fn a_refund_beyond_the_rest_is_refused_and_takes_nothing_from_it() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = charged(&gateway, method, 1_000).await;
        gateway.refund(&transaction, Some(1_001)).await.refuses(422, "REFUND_EXCEEDS_CHARGE");
        gateway.refund(&transaction, Some(1_000)).await.succeeds(200, &json!({ "status": "processed" }));
        let effects = ["charge 1000", "refund 1000"].map(|effect| format!("{} {effect} USD", method.0));
        assert_eq!(gateway.effects(&transaction).await, effects);
    }
}

/// More than is left, whether or not the refund that takes the rest is decided yet.
fn exceeds(response: &HttpResponse) {
    if response.status == 409 {
        assert_eq!(response.refuses(409, "INVALID_STATE")["retryable"], true);
    } else {
        response.refuses(422, "REFUND_EXCEEDS_CHARGE");
    }
}

#[tokio::test]
async fn of_two_refunds_of_60_on_a_charge_of_100_at_once_exactly_one_succeeds() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = charged(&gateway, method, 100).await;
        let responses = at_once(&gateway, &transaction, 60, 2).await;
        let (done, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 200);
        assert_eq!((done.len(), refused.len()), (1, 1), "{responses:?}");
        done[0].succeeds(200, &json!({ "status": "processed" }));
        exceeds(refused[0]);
        let effects = ["charge 100", "refund 60"].map(|effect| format!("{} {effect} USD", method.0));
        assert_eq!(gateway.effects(&transaction).await, effects);
        assert_eq!(gateway.payment(&transaction).await["amountRefunded"], 60);
    }
}

#[tokio::test]
async fn of_twenty_refunds_of_10_on_a_charge_of_100_at_once_exactly_ten_succeed() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = charged(&gateway, method, 100).await;
        let responses = at_once(&gateway, &transaction, 10, 20).await;
        let (done, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 200);
        assert_eq!(done.len(), 10, "{responses:?}");
        refused.into_iter().for_each(exceeds);
        let effects = gateway.effects(&transaction).await;
        let refunds = effects.iter().filter(|effect| effect.ends_with("refund 10 USD")).count();
        assert_eq!((effects.len(), refunds), (11, 10), "{effects:?}");
        assert_eq!(gateway.payment(&transaction).await["amountRefunded"], 100);
    }
}

#[tokio::test]
async fn a_failed_or_only_authorized_payment_has_nothing_to_refund() {
    let gateway = shared().await;
    let declined = json!({
        "provider": "stripe", "amount": 500, "currency": "USD", "paymentMethodId": "pm_card_chargeDeclined",
    });
    let authorized = json!({
        "provider": "stripe", "amount": 500, "currency": "USD", "paymentMethodId": "pm_card_visa", "capture": "manual",
    });
    for charge in [declined, authorized] {
        let transaction = gateway.charge(&charge).await.transaction_id();
        let before = gateway.effects(&transaction).await;
        let error = gateway.refund(&transaction, None).await.refuses(409, "INVALID_STATE");
        assert_eq!(error["transactionId"], transaction);
        assert_eq!(gateway.effects(&transaction).await, before);
    }
}
