//! Repeats of a request, and other requests under the same key.

use gateway_tests::{OwnGateway, faulty, fresh_key, shared, until};
use serde_json::json;

use super::{charge_of, counted_charge, is_replay, replays, the_edge_replays};

#[tokio::test]
async fn a_second_charge_with_the_same_key_replays_the_first_answer() {
    let gateway = OwnGateway::start(&[]).await;
    let gateway = gateway.gateway();
    for (provider, method) in [("stripe", "pm_card_visa"), ("paypal", "vault-ok")] {
        let charge = json!({
            "provider": provider, "amount": 720, "currency": "USD", "paymentMethodId": method,
        });
        let key = fresh_key();
        let (first, asked) = counted_charge(&gateway, &key, &charge).await;
        first.succeeds(200, &json!({ "status": "completed" }));
        assert_eq!((is_replay(&first), asked), (false, 1));
        the_edge_replays(&gateway, &key, &charge, &first).await;
        let effects = gateway.effects(&first.transaction_id()).await;
        assert_eq!(effects, [format!("{provider} charge 720 USD")]);
    }
}

#[tokio::test]
async fn a_decline_is_an_answer_that_stands() {
    let gateway = shared().await;
    let key = fresh_key();
    let mut charge = charge_of(721);
    charge["paymentMethodId"] = "pm_card_visa_chargeDeclined".into();
    let first = gateway.charge_under(&key, &charge).await;
    first.refuses(402, "PAYMENT_FAILED");
    replays(&gateway.charge_under(&key, &charge).await, &first);
}

#[tokio::test]
async fn refunds_captures_and_cancellations_happen_once_for_their_key() {
    let gateway = shared().await;
    let mut manual = charge_of(722);
    manual["capture"] = "manual".into();

    let charged = gateway.charge(&charge_of(722)).await.transaction_id();
    let captured = gateway.charge(&manual).await.transaction_id();
    let canceled = gateway.charge(&manual).await.transaction_id();
    let refund = json!({ "transactionId": charged, "amount": 22 }).to_string();
    let requests = [
        ("/payments/refund".to_owned(), refund.as_str(), &charged, "stripe refund 22 USD"),
        (format!("/payments/{captured}/capture"), "", &captured, "stripe capture 722 USD"),
        (format!("/payments/{canceled}/cancel"), "", &canceled, "stripe cancel 722 USD"),
    ];
    for (path, body, transaction, effect) in requests {
        let key = fresh_key();
        let first = gateway.post_under(&key, &path, body.to_owned()).await;
        first.succeeds(200, &json!({}));
        replays(&gateway.post_under(&key, &path, body.to_owned()).await, &first);
        assert_eq!(gateway.effects(transaction).await[1..], [effect], "{path}");
    }
}

#[tokio::test]
async fn what_was_refused_for_good_stays_refused_and_what_can_be_mended_is_not_kept() {
    let gateway = shared().await;
    let unknown = json!({ "transactionId": "txn_01890000-0000-7000-8000-000000000001" }).to_string();
    let key = fresh_key();
    let first = gateway.post_under(&key, "/payments/refund", unknown.clone()).await;
    first.refuses(404, "TRANSACTION_NOT_FOUND");
    replays(&gateway.post_under(&key, "/payments/refund", unknown).await, &first);

    let key = fresh_key();
    let mut charge = charge_of(723);
    charge["currency"] = "UGX".into();
    for _ in 0..2 {
        let response = gateway.charge_under(&key, &charge).await;
        response.refuses(400, "INVALID_REQUEST");
        assert!(!is_replay(&response));
    }
    // Nothing was executed, so the key is free for the corrected request.
    gateway.charge_under(&key, &charge_of(723)).await.succeeds(200, &json!({ "status": "completed" }));
}

#[tokio::test]
async fn another_request_under_the_key_is_refused_and_nothing_happens() {
    let gateway = shared().await;
    let key = fresh_key();
    let first = gateway.charge_under(&key, &charge_of(724)).await;
    for other in [charge_of(725), json!({ "provider": "stripe" })] {
        let response = gateway.charge_under(&key, &other).await;
        if other == charge_of(725) {
            response.refuses(422, "IDEMPOTENCY_KEY_REUSED");
        } else {
            response.refuses(400, "INVALID_REQUEST");
        }
    }
    // The same charge in other bytes is another request.
    let spaced = charge_of(724).to_string().replace(':', ": ");
    let response = gateway.post_under(&key, "/payments/charge", spaced).await;
    response.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    replays(&gateway.charge_under(&key, &charge_of(724)).await, &first);
    assert_eq!(gateway.effects(&first.transaction_id()).await, ["stripe charge 724 USD"]);
    let mine = gateway.get("/payments?limit=100").await.json();
    let amounts: Vec<_> = mine["data"].as_array().unwrap().iter().map(|p| p["amount"].clone()).collect();
    assert!(!amounts.contains(&json!(725)), "{amounts:?}");
}

#[tokio::test]
async fn another_operation_and_another_client_have_keys_of_their_own() {
    let gateway = shared().await;
    let key = fresh_key();
    let mine = gateway.charge_under(&key, &charge_of(726)).await;
    let theirs = gateway.as_demo_2().charge_under(&key, &charge_of(726)).await;
    assert!(!is_replay(&theirs));
    assert_ne!(mine.transaction_id(), theirs.transaction_id());
    let refund = json!({ "transactionId": mine.transaction_id() }).to_string();
    let refund = gateway.post_under(&key, "/payments/refund", refund).await;
    refund.succeeds(200, &json!({ "status": "processed" }));
    assert!(!is_replay(&refund));
    assert_eq!(gateway.effects(&mine.transaction_id()).await.len(), 2);
    assert_eq!(gateway.effects(&theirs.transaction_id()).await.len(), 1);
}

#[tokio::test]
async fn while_the_first_runs_a_repeat_is_to_wait_and_another_request_is_refused() {
    let gateway = faulty().await;
    gateway.sandbox.slow_down("stripe", "charge", 1_800).await;
    let key = fresh_key();
    let charge = charge_of(727);
    let (first, ()) = tokio::join!(gateway.charge_under(&key, &charge), async {
        until("the first charge", async || {
            let pending = gateway.get("/payments?status=pending&limit=100").await.json();
            let mut amounts = pending["data"].as_array()?.iter().map(|payment| &payment["amount"]);
            amounts.any(|amount| amount == 727).then_some(())
        })
        .await;
        let waiting = gateway.charge_under(&key, &charge).await;
        let error = waiting.refuses(409, "IDEMPOTENCY_IN_PROGRESS");
        assert_eq!(error["retryable"], true, "{error}");
        assert_eq!(waiting.header("retry-after"), Some("1"));
        let other = gateway.charge_under(&key, &charge_of(728)).await;
        other.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    });
    first.succeeds(200, &json!({ "status": "completed" }));
    assert!(!is_replay(&first));
    replays(&gateway.charge_under(&key, &charge).await, &first);
    assert_eq!(gateway.effects(&first.transaction_id()).await, ["stripe charge 727 USD"]);
}

#[tokio::test]
async fn with_the_edges_memory_lost_the_durable_row_answers_and_refuses_the_same() {
    let own = OwnGateway::start(&[]).await;
    let key = fresh_key();
    let first = own.gateway().charge_under(&key, &charge_of(729)).await;
    // The cache is in the control plane's process here and is lost with it.
    let own = own.restarted(&[]).await;
    let gateway = own.gateway();
    gateway.charge_under(&key, &charge_of(730)).await.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    let (again, asked) = counted_charge(&gateway, &key, &charge_of(729)).await;
    replays(&again, &first);
    assert_eq!(asked, 1, "by the durable row");
    // The control plane has also completed the claim at the edge cache.
    the_edge_replays(&gateway, &key, &charge_of(729), &first).await;
    assert_eq!(gateway.sandbox.all_effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_client_that_hangs_up_finds_the_answer_when_it_asks_again() {
    let gateway = faulty().await;
    gateway.sandbox.slow_down("stripe", "charge", 1_000).await;
    let key = fresh_key();
    let charge = charge_of(731);
    let impatient = gateway.request(reqwest::Method::POST, "/payments/charge").json(&charge);
    let impatient = impatient.header("idempotency-key", &key);
    let hung_up = impatient.timeout(std::time::Duration::from_millis(300)).send().await;
    assert!(hung_up.is_err_and(|error| error.is_timeout()));
    let response = until("the answer", async || {
        let response = gateway.charge_under(&key, &charge).await;
        (response.status != 409).then_some(response)
    })
    .await;
    response.succeeds(200, &json!({ "status": "completed" }));
    assert_eq!(gateway.effects(&response.transaction_id()).await, ["stripe charge 731 USD"]);
}

#[tokio::test]
async fn the_caches_verdict_is_counted_and_stands_in_the_access_log() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let key = fresh_key();
    let first = gateway.charge_under(&key, &charge_of(732)).await;
    let again = gateway.charge_under(&key, &charge_of(732)).await;
    let other = gateway.charge_under(&key, &charge_of(733)).await;
    for (response, verdict, outcome) in [
        (first, "start", "forwarded"),
        (again, "replay", "replayed"),
        (other, "mismatch", "idempotency_key_reused"),
    ] {
        let line = gateway.access_log_line(&response).await;
        assert_eq!(line["edge_idempotency"], verdict, "{line}");
        assert_eq!(line["edge_outcome"], outcome, "{line}");
        assert!(gateway.edge_claims(verdict).await > 0, "{verdict}");
    }
}
