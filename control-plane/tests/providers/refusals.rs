//! Refusals that both providers document and that are nobody's decline: whose mistake each of them is.

use payments::model::provider::{CancelTarget, Captured, Outcome, ProviderRef, RefusalKind};
use serde_json::{Value, json};

use crate::sandbox_fixture::{
    Expect, SandboxFixture, authorized, completed, effect, invalid, paypal_issue, paypal_issue_at,
    to_be_acted_on,
};

/// Where a request names a vaulted account.
const VAULT: &str = "/payment_source/paypal/vault_id";

fn stripe_error(code: Option<&str>, message: &str) -> Value {
    let mut error = json!({ "type": "invalid_request_error", "message": message });
    if let Some(code) = code {
        error["code"] = code.into();
    }
    json!({ "error": error })
}

#[tokio::test]
async fn a_used_up_payment_method_is_the_clients_to_replace() {
    let fixture = SandboxFixture::open().await;
    let said = "The provided PaymentMethod was previously used and may not be used again.";
    fixture.refuse("stripe", "charge", 400, &stripe_error(None, said)).await;
    let order = fixture.charge(4_999, "USD", Some("pm_card_visa"));
    let refusal = fixture.stripe().charge(&order).await.refused();
    assert_eq!((refusal.kind, refusal.message.as_str()), (invalid("paymentMethodId"), said));

    fixture.refuse("paypal", "charge", 422, &paypal_issue("TOKEN_ID_NOT_FOUND")).await;
    let order = fixture.charge(4_999, "USD", Some("vault-ok"));
    assert_eq!(fixture.paypal().charge(&order).await.refused().kind, invalid("paymentMethodId"));
    assert_eq!(fixture.effects(order.payment).await, []);
}

#[tokio::test]
async fn a_balance_too_low_to_refund_is_a_decline_with_its_code() {
    let fixture = SandboxFixture::open().await;
    for (name, provider, method, status, body, code) in [
        (
            "stripe",
            fixture.stripe(),
            "pm_card_visa",
            400,
            stripe_error(Some("balance_insufficient"), "Too little."),
            "balance_insufficient",
        ),
        (
            "paypal",
            fixture.paypal(),
            "vault-ok",
            422,
            paypal_issue("REFUND_FAILED_INSUFFICIENT_FUNDS"),
            "REFUND_FAILED_INSUFFICIENT_FUNDS",
        ),
    ] {
        let order = fixture.charge(4_999, "USD", Some(method));
        let charge = completed(provider.charge(&order).await.done());
        fixture.refuse(name, "refund", status, &body).await;
        let refusal = provider.refund(&fixture.refund(&order, &charge, 4_999)).await.refused();
        assert_eq!((refusal.kind, refusal.code.as_deref()), (RefusalKind::Declined, Some(code)));
        assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
    }
}

#[tokio::test]
async fn an_authorization_that_has_run_out_is_told_as_expired() {
    let fixture = SandboxFixture::open().await;
    let cases = [
        (
            "stripe",
            fixture.stripe(),
            "pm_card_visa",
            400,
            stripe_error(Some("charge_expired_for_capture"), "Too late."),
        ),
        ("paypal", fixture.paypal(), "vault-ok", 422, paypal_issue("AUTHORIZATION_EXPIRED")),
    ];
    for (name, provider, method, status, body) in cases {
        let order = fixture.authorize(4_999, "USD", Some(method));
        let authorization: ProviderRef = authorized(provider.charge(&order).await.done());
        fixture.refuse(name, "capture", status, &body).await;
        let capture = fixture.capture(&order, &authorization, 4_999);
        assert_eq!(provider.capture(&capture).await.refused().kind, RefusalKind::Expired, "{name}");
        let captured = provider.capture(&fixture.capture(&order, &authorization, 4_999)).await.done();
        assert!(matches!(captured, Captured::Completed { .. }), "{name}");
    }
}

#[tokio::test]
async fn a_duplicate_invoice_at_a_capture_is_told_by_what_was_captured() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let authorization = authorized(fixture.paypal().charge(&order).await.done());
    let duplicate = paypal_issue("DUPLICATE_INVOICE_ID");
    fixture.refuse("paypal", "capture", 422, &duplicate).await;
    let refused = fixture.paypal().capture(&fixture.capture(&order, &authorization, 2_000)).await.refused();
    assert_eq!(refused.kind, RefusalKind::State);
    let captured = fixture.paypal().capture(&fixture.capture(&order, &authorization, 2_000)).await.done();
    fixture.refuse("paypal", "capture", 422, &duplicate).await;
    let applied = fixture.paypal().capture(&fixture.capture(&order, &authorization, 2_000)).await.done();
    assert_eq!(applied, captured);
    assert_eq!(fixture.received("paypal", "capture").await, 3);
}

#[tokio::test]
async fn what_paypal_does_not_have_is_no_fault_of_the_gateways_configuration() {
    let fixture = SandboxFixture::open().await;
    let paypal = fixture.paypal();
    let missing = |field| paypal_issue_at("INVALID_RESOURCE_ID", field);
    for (status, field) in [(404, None), (404, Some(VAULT)), (422, Some(VAULT))] {
        fixture.refuse("paypal", "charge", status, &missing(field)).await;
        let refused = paypal.charge(&fixture.charge(4_999, "USD", Some("vault-ok"))).await.refused();
        assert_eq!(refused.kind, invalid("paymentMethodId"), "{status} {field:?}");
    }

    let order = fixture.charge(4_999, "USD", Some("vault-ok"));
    let charge = completed(paypal.charge(&order).await.done());
    fixture.refuse("paypal", "refund", 404, &missing(None)).await;
    assert_eq!(paypal.refund(&fixture.refund(&order, &charge, 100)).await.refused().kind, RefusalKind::State);

    // Nothing of it is shown, its order neither.
    let gone = ProviderRef::new("0AA00000AA000000A");
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    assert_eq!(paypal.capture(&fixture.capture(&order, &gone, 100)).await.refused().kind, RefusalKind::State);
    let cancel = fixture.cancel(&order, CancelTarget::Authorization(gone));
    assert_eq!(paypal.cancel(&cancel).await.refused().kind, RefusalKind::State);
}

#[tokio::test]
async fn an_approved_order_that_paypal_does_not_find_is_paid_later_or_gone() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", None);
    let (session, page) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
    fixture.visit(&page, "approve").await;
    fixture.refuse("paypal", "charge", 404, &paypal_issue("INVALID_RESOURCE_ID")).await;
    let later = fixture.paypal().resume(&fixture.resume(&order, &session)).await;
    assert!(matches!(later, Outcome::NotSent(_)), "{later:?}");
    completed(fixture.paypal().resume(&fixture.resume(&order, &session)).await.done());
}

#[tokio::test]
async fn an_unknown_code_goes_to_the_client_with_its_words() {
    let fixture = SandboxFixture::open().await;
    fixture
        .refuse("stripe", "charge", 400, &stripe_error(Some("a_code_of_next_year"), "Something new."))
        .await;
    fixture.refuse("paypal", "charge", 422, &paypal_issue("AN_ISSUE_OF_NEXT_YEAR")).await;
    for (provider, method, code, message) in [
        (fixture.stripe(), "pm_card_visa", "a_code_of_next_year", "Something new."),
        (fixture.paypal(), "vault-ok", "AN_ISSUE_OF_NEXT_YEAR", "Because."),
    ] {
        let order = fixture.charge(4_999, "USD", Some(method));
        let refusal = provider.charge(&order).await.refused();
        assert_eq!(refusal.kind, RefusalKind::Invalid { param: None });
        assert_eq!((refusal.code.as_deref(), refusal.message.as_str()), (Some(code), message));
    }
}
