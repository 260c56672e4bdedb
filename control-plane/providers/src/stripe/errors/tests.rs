//! Reading Stripe's errors.

use serde_json::{Value, json};

use super::*;
use crate::blame::tests::repeated;

fn answer(status: u16, error: &Value) -> ProviderResponse {
    ProviderResponse::of(status, json!({ "error": error }).to_string())
}

fn refusal(status: u16, error: &Value, asked: RequestKind) -> Refusal {
    match not_done(&answer(status, error), asked) {
        NotDone::Refused(refusal) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_decline_carries_the_banks_reason_and_what_it_left_behind() {
    let error = json!({
        "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.", "payment_intent": { "id": "pi_9", "status": "x" },
    });
    let refusal = refusal(402, &error, RequestKind::Charge);
    assert_eq!(refusal.kind, RefusalKind::Declined);
    assert_eq!(refusal.code.as_deref(), Some("card_declined"));
    assert_eq!(refusal.decline_code.as_deref(), Some("insufficient_funds"));
    assert_eq!(refusal.message, "Your card has insufficient funds.");
    assert_eq!(refusal.reference, Some(ProviderRef::new("pi_9")));
}

#[test]
fn parameters_at_fault_are_named_as_the_client_knows_them() {
    for (param, asked, field) in [
        ("amount", RequestKind::Charge, "amount"),
        ("amount_to_capture", RequestKind::Capture, "amount"),
        ("currency", RequestKind::Charge, "currency"),
        ("payment_method", RequestKind::Charge, "paymentMethodId"),
        ("return_url", RequestKind::Charge, "returnUrl"),
        ("metadata[order]", RequestKind::Charge, "metadata.order"),
    ] {
        let error = json!({ "type": "invalid_request_error", "code": "parameter_invalid", "param": param });
        let kind = RefusalKind::Invalid { param: Some(field.to_owned()) };
        assert_eq!(refusal(400, &error, asked).kind, kind, "{param}");
    }
}

/// A used token can follow from an earlier success of the same payment, so it must not count as a decline.
#[test]
fn a_token_that_cannot_be_used_any_more_is_named_and_is_no_decline() {
    for (code, message, reason) in [
        (json!("token_already_used"), "You cannot use a Stripe token more than once: tok_1.", "token_used"),
        (json!("token_in_use"), "Your token is currently in use in another request.", "token_used"),
        (json!(null), "The confirmation token ctoken_1 has already been used to confirm pi_1.", "token_used"),
        (json!("resource_missing"), "This ConfirmationToken has expired.", "token_expired"),
    ] {
        let error = json!({ "type": "invalid_request_error", "code": code, "message": message });
        let refusal = refusal(400, &error, RequestKind::Charge);
        assert_eq!(refusal.reason().map(String::as_str), Some(reason), "{message}");
        assert_eq!(refusal.kind, RefusalKind::Invalid { param: Some("paymentMethodId".to_owned()) });
    }
    for (param, message, reason) in [
        ("confirmation_token", "It has already been used.", "token_used"),
        ("confirmation_token", "It has expired.", "token_expired"),
        ("card[token]", "It has expired.", "token_expired"),
    ] {
        let error = json!({ "type": "invalid_request_error", "param": param, "message": message });
        let refusal = refusal(400, &error, RequestKind::Charge);
        assert_eq!(refusal.reason().map(String::as_str), Some(reason), "{param}: {message}");
    }
    let card = json!({ "type": "card_error", "code": "expired_card", "message": "Your card has expired." });
    assert_eq!(refusal(402, &card, RequestKind::Charge).decline_code, None);
    let other = json!({ "type": "invalid_request_error", "message": "The API key has expired." });
    assert_eq!(refusal(400, &other, RequestKind::Charge).decline_code, None);
}

#[test]
fn more_than_remains_cannot_be_refunded() {
    let exceeding = json!({ "type": "invalid_request_error", "param": "amount", "message": "too much" });
    let again = json!({ "type": "invalid_request_error", "code": "charge_already_refunded" });
    let uncaptured = json!({ "type": "invalid_request_error", "message": "no successful charge" });
    assert_eq!(refusal(400, &exceeding, RequestKind::Refund).kind, RefusalKind::RefundExceeds);
    assert_eq!(refusal(400, &again, RequestKind::Refund).kind, RefusalKind::RefundExceeds);
    assert_eq!(refusal(400, &uncaptured, RequestKind::Refund).kind, RefusalKind::State);
}

#[test]
fn a_fault_of_our_own_is_not_explained_to_the_client() {
    let error = json!({ "type": "invalid_request_error", "message": "Invalid API Key: sk_test_abc" });
    for (status, asked) in
        [(401, RequestKind::Charge), (403, RequestKind::Refund), (404, RequestKind::Retrieve)]
    {
        let mut error = error.clone();
        error["code"] = json!("resource_missing");
        let refusal = refusal(status, &error, asked);
        assert_eq!(refusal.kind, RefusalKind::Configuration);
        assert!(!refusal.message.contains("sk_test"), "{}", refusal.message);
    }
}

#[test]
fn every_code_has_one_to_blame() {
    assert_eq!(repeated(codes::CODES), Vec::<&str>::new());
    assert!(TURNED_AWAY.iter().all(|code| blame(codes::CODES, code).is_none()));
}

/// A 400 `invalid_request_error`: the kind of request, the code, the parameter, the message, and the expected refusal.
type Case = (RequestKind, Option<&'static str>, Option<&'static str>, &'static str, RefusalKind);

fn told(cases: &[Case]) {
    for (asked, code, param, message, expected) in cases {
        let error =
            json!({ "type": "invalid_request_error", "code": code, "param": param, "message": message });
        assert_eq!(refusal(400, &error, *asked).kind, *expected, "{asked:?} {error}");
    }
}

#[test]
fn a_payment_method_that_cannot_pay_is_the_clients_to_replace() {
    let method = || invalid(Some("paymentMethodId"));
    let used = "The provided PaymentMethod was previously used and may not be used again.";
    told(&[
        (RequestKind::Charge, None, None, used, method()),
        (RequestKind::Charge, None, None, "You cannot use a Stripe token more than once: tok_1.", method()),
        (RequestKind::Charge, None, Some("payment_method_types"), "Not allowed.", method()),
        (RequestKind::Charge, None, Some("customer"), "It belongs to a Customer.", method()),
        (RequestKind::Charge, None, Some("mandate"), "It requires a mandate.", method()),
        (RequestKind::Charge, None, Some("mandate_data"), "It requires a mandate.", method()),
        (RequestKind::Charge, Some("token_already_used"), None, "", method()),
        (RequestKind::Charge, Some("payment_method_unactivated"), None, "", method()),
        (RequestKind::Charge, Some("payment_intent_incompatible_payment_method"), None, "", method()),
        (
            RequestKind::Charge,
            Some("resource_missing"),
            Some("payment_method"),
            "No such PaymentMethod",
            method(),
        ),
        (RequestKind::Charge, Some("payment_method_currency_mismatch"), None, "", invalid(Some("currency"))),
        (
            RequestKind::Charge,
            Some("payment_intent_invalid_parameter"),
            Some("capture_method"),
            "",
            invalid(Some("capture")),
        ),
        (RequestKind::Charge, Some("payment_method_provider_decline"), None, "", RefusalKind::Declined),
        (RequestKind::Charge, Some("expired_payment_method"), None, "", RefusalKind::Declined),
    ]);
}

#[test]
fn amounts_and_balances_are_not_the_gateways_fault() {
    let amount = || invalid(Some("amount"));
    told(&[
        (RequestKind::Charge, Some("amount_too_small"), None, "", amount()),
        (RequestKind::Charge, Some("amount_too_large"), Some("amount"), "", amount()),
        (RequestKind::Capture, Some("amount_too_large"), Some("amount_to_capture"), "", amount()),
        (RequestKind::Refund, Some("balance_insufficient"), None, "", RefusalKind::Declined),
        (
            RequestKind::Refund,
            None,
            None,
            "Insufficient funds in your Stripe account.",
            RefusalKind::Declined,
        ),
    ]);
}

#[test]
fn what_has_run_out_or_is_over_is_told_as_that() {
    told(&[
        (RequestKind::Capture, Some("charge_expired_for_capture"), None, "", RefusalKind::Expired),
        (RequestKind::Capture, Some("capture_charge_authorization_expired"), None, "", RefusalKind::Expired),
        (RequestKind::Capture, Some("payment_intent_unexpected_state"), None, "", RefusalKind::State),
        (RequestKind::Capture, None, None, "This PaymentIntent could not be captured.", RefusalKind::State),
        (RequestKind::Capture, Some("payment_method_unexpected_state"), None, "", RefusalKind::State),
        (RequestKind::Refund, Some("refund_disputed_payment"), None, "", RefusalKind::State),
    ]);
    let error = json!({ "type": "card_error", "code": "capture_charge_authorization_expired" });
    assert_eq!(refusal(402, &error, RequestKind::Capture).kind, RefusalKind::Expired);
}

#[test]
fn a_404_in_another_form_than_stripes_shows_nothing() {
    for body in ["{}", r#"{"error":{"message":"no route"}}"#, r#"{"error":"not found"}"#, "not found", ""] {
        let answer = ProviderResponse::of(404, body);
        assert!(!is_missing(&answer), "{body}");
        assert!(matches!(not_done(&answer, RequestKind::Charge), NotDone::Unknown(_)), "{body}");
    }
    let missing = json!({ "error": { "type": "invalid_request_error", "code": "resource_missing" } });
    assert!(is_missing(&ProviderResponse::of(404, missing.to_string())));
}

#[test]
fn the_account_and_requests_of_our_own_making_are_the_gateways_fault() {
    told(&[
        (RequestKind::Charge, Some("testmode_charges_only"), None, "", RefusalKind::Configuration),
        (RequestKind::Charge, Some("platform_api_key_expired"), None, "", RefusalKind::Configuration),
        (RequestKind::Charge, Some("parameter_unknown"), Some("confirm"), "", RefusalKind::Configuration),
        (
            RequestKind::Charge,
            None,
            None,
            "Your account cannot make live charges.",
            RefusalKind::Configuration,
        ),
        (RequestKind::Capture, Some("resource_missing"), Some("intent"), "", RefusalKind::Configuration),
        (RequestKind::Retrieve, Some("card_declined"), None, "", RefusalKind::Configuration),
    ]);
    let no_such_url = json!({ "type": "invalid_request_error", "message": "Unrecognized request URL" });
    assert_eq!(refusal(404, &no_such_url, RequestKind::Charge).kind, RefusalKind::Configuration);
}

#[test]
fn a_code_of_next_year_is_not_laid_on_the_gateway() {
    let code = Some("a_code_of_next_year");
    told(&[
        (RequestKind::Charge, code, None, "Something new.", invalid(None)),
        (RequestKind::Charge, code, Some("currency"), "Something new.", invalid(Some("currency"))),
        (RequestKind::Refund, code, None, "Something new.", RefusalKind::State),
        (RequestKind::Cancel, code, None, "Something new.", RefusalKind::State),
    ]);
    let error = json!({ "type": "invalid_request_error", "code": code, "message": "Something new." });
    let refusal = refusal(400, &error, RequestKind::Charge);
    assert_eq!((refusal.code.as_deref(), refusal.message.as_str()), (code, "Something new."));
}

#[test]
fn what_was_not_executed_and_what_may_have_been_are_kept_apart() {
    let error = |kind: &str, code: &str| json!({ "type": kind, "code": code });
    let limited = answer(429, &error("invalid_request_error", "rate_limit"));
    let locked = answer(400, &error("invalid_request_error", "lock_timeout"));
    for answer in [limited, locked] {
        assert!(matches!(not_done(&answer, RequestKind::Charge), NotDone::NotSent(_)), "{answer:?}");
    }
    let html = |status| ProviderResponse::of(status, "<html>no</html>");
    let uncertainties = [
        answer(409, &error("invalid_request_error", "idempotency_key_in_use")),
        answer(400, &error("idempotency_error", "")),
        answer(500, &error("api_error", "")),
        answer(400, &error("api_error", "")),
        answer(302, &error("api_error", "")),
        html(502),
        html(400),
        html(401),
    ];
    for answer in uncertainties {
        assert!(matches!(not_done(&answer, RequestKind::Charge), NotDone::Unknown(_)), "{answer:?}");
    }
}
