//! Reading Stripe's PaymentIntents and refunds.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use payments::model::provider::RefusalKind;

const TXN: &str = "txn_00000000-0000-7101-8101-010101010101";

fn expected() -> Expected {
    Expected {
        payment: PaymentId::new(Timestamp::UNIX_EPOCH, [1; 10]),
        units: 4_999,
        currency: Currency::from_code("USD").unwrap(),
    }
}

fn intent(status: &str, more: &Value) -> ProviderResponse {
    let mut intent = intent_json(more);
    intent["status"] = status.into();
    ProviderResponse::of(200, intent.to_string())
}

fn intent_json(more: &Value) -> Value {
    let mut intent = json!({
        "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 4_999, "currency": "usd",
        "metadata": { "transactionId": TXN }, "next_action": null, "last_payment_error": null,
        "something_new": { "nested": [1] },
    });
    for (key, value) in more.as_object().unwrap() {
        intent[key] = value.clone();
    }
    intent
}

fn charged(answer: &ProviderResponse, mode: CaptureMode) -> ProviderResult<IntentOutcome> {
    charge(answer, RequestKind::Charge, &expected(), mode)
}

fn pi() -> ProviderRef {
    ProviderRef::new("pi_1")
}

#[test]
fn each_status_of_a_charge_has_its_meaning() {
    let received = json!({ "amount_received": 4_999 });
    let page = json!({ "next_action": { "type": "redirect_to_url", "redirect_to_url": { "url": "https://bank.example/3ds" } } });
    let cases = [
        (
            "succeeded",
            &received,
            CaptureMode::Automatic,
            Charged::Completed { payment: pi(), charge: pi(), paid_with: None },
        ),
        (
            "requires_capture",
            &json!({}),
            CaptureMode::Manual,
            Charged::Authorized { payment: pi(), authorization: pi(), paid_with: None },
        ),
        (
            "requires_action",
            &page,
            CaptureMode::Automatic,
            Charged::RequiresAction {
                payment: pi(),
                action: PayerAction::Page("https://bank.example/3ds".to_owned()),
                declined: false,
            },
        ),
        ("processing", &json!({}), CaptureMode::Manual, Charged::Pending { payment: pi() }),
    ];
    for (status, more, mode, meaning) in cases {
        assert_eq!(charged(&intent(status, more), mode), Ok(IntentOutcome::Charged(meaning)), "{status}");
    }
}

#[test]
fn an_action_without_a_page_on_the_web_is_no_way_to_act() {
    let sdk = json!({ "next_action": { "type": "use_stripe_sdk", "use_stripe_sdk": {} } });
    let anothers = json!({ "next_action": { "type": "use_stripe_sdk" }, "client_secret": "pi_2_secret_3" });
    let script = json!({ "next_action": { "redirect_to_url": { "url": "javascript:alert(1)" } } });
    for more in [sdk, anothers, script] {
        let provider_status = charged(&intent("requires_action", &more), CaptureMode::Automatic);
        assert_eq!(provider_status, Ok(IntentOutcome::NoWayToAct(pi())));
    }
}

#[test]
fn a_step_for_stripes_script_comes_with_the_secret_of_its_payment() {
    let sdk = json!({
        "next_action": { "type": "use_stripe_sdk", "use_stripe_sdk": {} }, "client_secret": "pi_1_secret_3",
    });
    let action = PayerAction::Script(ClientSecret::new("pi_1_secret_3"));
    let waits = Charged::RequiresAction { payment: pi(), action, declined: false };
    let read = charged(&intent("requires_action", &sdk), CaptureMode::Automatic);
    assert_eq!(read, Ok(IntentOutcome::Charged(waits)));
    assert!(
        !format!("{:?}", serde_json::from_value::<Intent>(intent_json(&sdk)).unwrap()).contains("secret_3")
    );
}

#[test]
fn what_was_paid_with_is_read_where_it_is_told() {
    let with = |details: Value| {
        let more = json!({ "latest_charge": { "id": "ch_1", "payment_method_details": details } });
        serde_json::from_value::<Intent>(intent_json(&more)).unwrap().paid_with()
    };
    let card = |wallet: Option<&str>| PaidWith {
        kind: "card".to_owned(),
        wallet: wallet.map(str::to_owned),
        brand: Some("visa".to_owned()),
        last4: Some("4242".to_owned()),
    };
    let details = |wallet: Value| json!({ "type": "card", "card": { "brand": "visa", "last4": "4242", "wallet": wallet } });
    assert_eq!(with(details(json!(null))), Some(card(None)));
    assert_eq!(with(details(json!({ "type": "apple_pay" }))), Some(card(Some("apple_pay"))));
    assert_eq!(
        with(details(json!({ "type": "wallet_of_next_year" }))),
        Some(card(Some("wallet_of_next_year")))
    );
    let link = PaidWith { kind: "link".to_owned(), wallet: None, brand: None, last4: None };
    assert_eq!(with(json!({ "type": "link", "link": {} })), Some(link));
    for nothing in [json!(null), json!({}), json!({ "type": "a b" })] {
        assert_eq!(with(nothing), None);
    }
    let unexpanded = intent_json(&json!({ "latest_charge": "ch_1" }));
    assert_eq!(serde_json::from_value::<Intent>(unexpanded).unwrap().paid_with(), None);
}

#[test]
fn a_failed_authentication_is_a_decline_with_its_reason() {
    let more = json!({ "last_payment_error": {
        "type": "invalid_request_error", "code": "payment_intent_authentication_failure", "message": "No."
    } });
    let Err(NotDone::Refused(refusal)) =
        charged(&intent("requires_payment_method", &more), CaptureMode::Automatic)
    else {
        panic!("not refused")
    };
    assert_eq!(refusal.kind, RefusalKind::Declined);
    assert_eq!(refusal.code.as_deref(), Some("payment_intent_authentication_failure"));
    assert_eq!(refusal.reference, Some(pi()));
}

#[test]
fn an_answer_about_something_else_is_never_believed() {
    let full = |more: &Value| {
        let mut all = json!({ "amount_received": 4_999 });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        intent("succeeded", &all)
    };
    let answers = [
        full(&json!({ "amount": 5_000 })),
        full(&json!({ "amount_received": 4_998 })),
        full(&json!({ "currency": "eur" })),
        full(&json!({ "metadata": {} })),
        full(&json!({ "metadata": { "transactionId": "txn_00000000-0000-7101-8101-020202020202" } })),
        full(&json!({ "id": "../refunds" })),
        intent("a_status_of_next_year", &json!({})),
        intent("requires_capture", &json!({})),
        ProviderResponse::of(200, "<html>ok</html>"),
        ProviderResponse::of(200, ""),
    ];
    for answer in answers {
        let provider_status = charged(&answer, CaptureMode::Automatic);
        assert!(matches!(provider_status, Err(NotDone::Unknown(_))), "{answer:?} gave {provider_status:?}");
    }
}

#[test]
fn a_capture_counts_only_with_the_amount_that_was_asked_for() {
    let wanted = Expected { units: 1_000, ..expected() };
    let captured = |received: u64| intent("succeeded", &json!({ "amount_received": received }));
    assert_eq!(capture(&captured(1_000), &pi(), &wanted), Ok(Captured::Completed { charge: pi() }));
    assert!(matches!(capture(&captured(4_999), &pi(), &wanted), Err(NotDone::Unknown(_))));
    assert!(matches!(
        capture(&captured(1_000), &ProviderRef::new("pi_2"), &wanted),
        Err(NotDone::Unknown(_))
    ));
    assert_eq!(shows_capture(&captured(1_000), &pi(), &wanted), Ok(true));
    assert_eq!(shows_capture(&captured(999), &pi(), &wanted), Ok(false));
}

#[test]
fn a_refund_is_processed_pending_or_failed() {
    let id = RefundId::new(Timestamp::UNIX_EPOCH, [3; 10]);
    let answer = |status: &str, amount: u64| {
        let body = json!({
            "id": "re_1", "status": status, "amount": amount, "currency": "usd",
            "metadata": { "refundId": id.to_string() }, "failure_reason": "lost_or_stolen_card",
        });
        ProviderResponse::of(200, body.to_string())
    };
    let re = ProviderRef::new("re_1");
    let read = |status, amount| refund(&answer(status, amount), id, &expected());
    assert_eq!(read("succeeded", 4_999), Ok(Refunded::Processed { refund: re.clone() }));
    assert_eq!(read("pending", 4_999), Ok(Refunded::Pending { refund: re.clone() }));
    assert!(matches!(read("succeeded", 1), Err(NotDone::Unknown(_))));
    let Err(NotDone::Refused(refusal)) = read("failed", 4_999) else { panic!("not refused") };
    assert_eq!(refusal.decline_code.as_deref(), Some("lost_or_stolen_card"));
    let other = RefundId::new(Timestamp::UNIX_EPOCH, [4; 10]);
    assert!(matches!(refund(&answer("succeeded", 4_999), other, &expected()), Err(NotDone::Unknown(_))));
}
