//! Refunds with Stripe.

use crate::support::TestSandbox;

#[tokio::test]
async fn several_partial_refunds_add_up_to_the_charge_and_no_further() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 5000, "&metadata[transactionId]=txn_1").await;
    let refund = |more: &str| format!("payment_intent={}{more}", paid.id());
    let first = sandbox.stripe_post("refunds", &refund("&amount=2000&reason=duplicate")).await;
    assert_eq!(first.body["status"], "succeeded");
    assert_eq!(first.body["reason"], "duplicate");
    let too_much = sandbox.stripe_post("refunds", &refund("&amount=3001")).await;
    assert_eq!(too_much.error(), (400, "", "amount"));
    let rest = sandbox.stripe_post("refunds", &refund("")).await;
    assert_eq!(rest.body["amount"], 3000);
    assert_eq!(
        sandbox.stripe_post("refunds", &refund("")).await.error(),
        (400, "charge_already_refunded", "")
    );
    assert_eq!(sandbox.effects().await, ["charge 5000 USD", "refund 2000 USD", "refund 3000 USD"]);
    let ledger = sandbox.ledger().await;
    assert_eq!(ledger[1]["id"], first.id());
    assert_eq!(ledger[1]["transactionId"], "txn_1");
    assert_eq!(sandbox.stripe_get(&format!("refunds/{}", rest.id())).await.body["amount"], 3000);
}

#[tokio::test]
async fn a_refund_goes_by_charge_too_and_can_name_its_own_transaction() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 5000, "&metadata[transactionId]=txn_1").await;
    let charge = paid.body["latest_charge"].as_str().unwrap();
    let form = format!("charge={charge}&amount=100&metadata[transactionId]=txn_2");
    assert_eq!(sandbox.stripe_post("refunds", &form).await.status, 200);
    assert_eq!(sandbox.ledger().await[1]["transactionId"], "txn_2");
}

#[tokio::test]
async fn only_captured_money_can_be_refunded() {
    let sandbox = TestSandbox::new().await;
    let held = sandbox.stripe_pay("pm_card_visa", 5000, "&capture_method=manual").await;
    let refund = format!("payment_intent={}", held.id());
    let refused = sandbox.stripe_post("refunds", &refund).await;
    assert_eq!(refused.error(), (400, "", ""));
    sandbox.stripe_post(&format!("payment_intents/{}/capture", held.id()), "amount_to_capture=3000").await;
    assert_eq!(sandbox.stripe_post("refunds", &refund).await.body["amount"], 3000);
    let declined = sandbox.stripe_pay("pm_card_visa_chargeDeclined", 5000, "").await;
    let id = declined.body["error"]["payment_intent"]["id"].as_str().unwrap();
    assert_eq!(sandbox.stripe_post("refunds", &format!("payment_intent={id}")).await.status, 400);
}

#[tokio::test]
async fn wrong_refunds_are_refused_by_name() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 5000, "").await;
    for (form, code, param) in [
        ("", "parameter_missing", ""),
        ("payment_intent=pi_none", "resource_missing", "payment_intent"),
        ("charge=ch_none", "resource_missing", "charge"),
        ("payment_intent=PAID&charge=ch_1", "", ""),
        ("payment_intent=PAID&amount=0", "parameter_invalid_integer", "amount"),
        ("payment_intent=PAID&amount=1.5", "parameter_invalid_integer", "amount"),
        ("payment_intent=PAID&reason=bored", "", "reason"),
        ("payment_intent=PAID&speed=fast", "parameter_unknown", "speed"),
    ] {
        let reply = sandbox.stripe_post("refunds", &form.replace("PAID", paid.id())).await;
        assert_eq!(reply.error(), (400, code, param), "{form}: {}", reply.text);
    }
}

#[tokio::test]
async fn two_refunds_of_sixty_on_a_hundred_at_once_are_one_refund() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 10_000, "").await;
    let form = format!("payment_intent={}&amount=6000", paid.id());
    let (one, two) =
        tokio::join!(sandbox.stripe_post("refunds", &form), sandbox.stripe_post("refunds", &form));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(sandbox.effects().await, ["charge 10000 USD", "refund 6000 USD"]);
}

#[tokio::test]
async fn the_refunds_of_some_cards_succeed_and_fail_right_after() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_refundFail", 500, "").await;
    let refund = sandbox.stripe_post("refunds", &format!("payment_intent={}&amount=200", paid.id())).await;
    assert_eq!((refund.status, refund.body["status"].as_str()), (200, Some("succeeded")));
    let later = sandbox.stripe_get(&format!("refunds/{}", refund.id())).await;
    assert_eq!(
        (later.body["status"].as_str(), later.body["failure_reason"].as_str()),
        (Some("failed"), Some("unknown"))
    );
    let charge =
        sandbox.stripe_get(&format!("charges/{}", paid.body["latest_charge"].as_str().unwrap())).await;
    assert_eq!(charge.body["amount_refunded"], 0);
    let kinds = sandbox.event_kinds().await;
    assert!(
        kinds.ends_with(&["refund.updated", "refund.failed", "charge.refund.updated"].map(str::to_owned)),
        "{kinds:?}"
    );
}
