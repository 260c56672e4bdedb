//! Reading PayPal's own record of a dispute.

use payments::model::id::PaymentId;
use payments::model::provider::ProviderRef;
use payments::model::snapshot::Found;
use payments::model::webhook::{DisputeStage, DisputeVerdict, EventSubject};
use serde_json::{Value, json};

use crate::sandbox_fixture::{Expect, SandboxFixture, completed, money};

/// A charge that its payer has disputed: the payment, its capture and PayPal's name for the dispute.
async fn disputed(fixture: &SandboxFixture) -> (PaymentId, ProviderRef, ProviderRef) {
    let order = fixture.charge(4_999, "USD", Some("vault-ok"));
    let capture = completed(fixture.paypal().charge(&order).await.done());
    let opened = json!({ "provider": "paypal", "type": "CUSTOMER.DISPUTE.CREATED", "id": capture.as_str() });
    fixture.happens(&opened).await;
    let listed =
        fixture.http.get(fixture.url("/_sandbox/webhooks?provider=paypal&type=CUSTOMER.DISPUTE.CREATED"));
    let listed: Value = listed.send().await.unwrap().json().await.unwrap();
    let event = listed["events"][0]["id"].as_str().unwrap();
    let shown = fixture.http.get(fixture.url(&format!("/_sandbox/webhooks/{event}"))).send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    // What the event claims leads to the dispute.
    let parsed = fixture.paypal().read_event(shown["event"].to_string().as_bytes()).unwrap();
    let EventSubject::Dispute(_, claimed) = parsed.subject else { panic!("{parsed:?}") };
    assert!(!claimed.is_verified, "PayPal signs no more than a checksum of it");
    (order.payment, capture, claimed.id)
}

#[tokio::test]
async fn paypals_record_of_a_dispute_tells_which_charge_and_where_it_stands() {
    let fixture = SandboxFixture::open().await;
    let (payment, capture, dispute) = disputed(&fixture).await;
    let Found::Found(seen) = fixture.paypal().look_up_dispute(&dispute).await else { panic!("not found") };
    let [subject] = seen.subject.try_into().unwrap();
    assert_eq!((subject.payment, subject.charge), (Some(payment), Some(capture.clone())));
    let open = seen.dispute;
    assert!(open.is_verified && open.id == dispute, "{open:?}");
    assert_eq!((open.stage, open.closed()), (DisputeStage::Open, None));
    assert_eq!(open.amount.zip(open.currency), Some((money(4_999, "USD").amount, money(1, "USD").currency)));

    fixture.sandbox_clock.advance(jiff::SignedDuration::from_secs(60));
    let resolved = json!({ "provider": "paypal", "type": "CUSTOMER.DISPUTE.RESOLVED", "id": capture.as_str(),
                           "outcome": "lost" });
    fixture.happens(&resolved).await;
    let Found::Found(seen) = fixture.paypal().look_up_dispute(&dispute).await else { panic!("not found") };
    let closed = seen.dispute;
    assert_eq!(closed.outcome.as_ref().map(|outcome| outcome.verdict), Some(DisputeVerdict::Lost));
    assert_eq!(closed.closed(), closed.changed_at);
    assert_eq!(open.updated(&closed).unwrap(), closed);
    assert_eq!(closed.updated(&open), None, "an old read brings nothing");
}

#[tokio::test]
async fn a_missing_a_forbidden_and_an_unavailable_dispute_are_three_different_answers() {
    let fixture = SandboxFixture::open().await;
    let paypal = fixture.paypal();
    let (_, _, dispute) = disputed(&fixture).await;
    assert_eq!(paypal.look_up_dispute(&ProviderRef::new("PP-D-FORGED")).await, Found::Missing);

    let denied = json!({ "name": "NOT_AUTHORIZED", "message": "Authorization failed.", "debug_id": "d",
                         "details": [{ "issue": "PERMISSION_DENIED", "description": "You do not have permission." }] });
    fixture.refuse("paypal", "dispute", 403, &denied).await;
    assert_eq!(paypal.look_up_dispute(&dispute).await, Found::CannotAsk);
    // Something on the way says no: PayPal itself did not refuse the permission.
    fixture.refuse("paypal", "dispute", 403, &json!("blocked")).await;
    assert!(matches!(paypal.look_up_dispute(&dispute).await, Found::Unavailable(_)));
    for fault in ["error_before", "drop_before", "html_error", "truncated", "rate_limited"] {
        fixture.fault("paypal", "dispute", fault).await;
        let seen = paypal.look_up_dispute(&dispute).await;
        assert!(matches!(seen, Found::Unavailable(_)), "{fault}: {seen:?}");
        fixture.heal().await;
    }
    assert!(matches!(paypal.look_up_dispute(&dispute).await, Found::Found(_)));
    // Stripe's events are its word.
    assert_eq!(fixture.stripe().look_up_dispute(&ProviderRef::new("dp_1")).await, Found::CannotAsk);
}
