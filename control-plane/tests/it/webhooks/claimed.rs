//! Events that claim more than the provider's own objects confirm: PayPal signs a checksum of the body, so an
//! attacker with one delivery can write another body for it.

use payments::model::payment::ChargeTerms;
use payments::model::provider::{Charged, Outcome, Uncertainty};
use payments::model::snapshot::{DisputeSnapshot, RefundProviderStatus, RefundSnapshot};
use payments::model::webhook::{Dispute, EventRefs, EventState};
use payments::usecases;
use serde_json::json;

use super::*;

/// A payment of PayPal's whose charge is `CAPTURE`.
async fn captured() -> (TestGateway, Payment) {
    let test = TestGateway::start().await;
    let request = charge_request(100, "").clone();
    let request = ChargeTerms { provider: Provider::Paypal, ..request };
    test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::Completed {
        payment: ProviderRef::new("ORDER"),
        charge: ProviderRef::new("CAPTURE"),
        paid_with: None,
    }));
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    (test, payment)
}

fn claim(id: &str, payment: PaymentId, second: u32, status: &str, charge: &str) -> String {
    json!({ "id": id, "about": "claimed_dispute", "payment": payment, "second": second, "status": status,
            "charge": charge })
    .to_string()
}

/// As the provider's object says.
fn shown(payment: Option<PaymentId>, charge: &str, status: &str, second: i64) -> Found<DisputeSnapshot> {
    let dispute = dispute(&json!({ "second": second, "status": status }));
    let subject = vec![
        EventRefs { charge: Some(ProviderRef::new("ANOTHER-MERCHANTS")), ..EventRefs::default() },
        EventRefs { payment, charge: Some(ProviderRef::new(charge)), ..EventRefs::default() },
    ];
    Found::Found(DisputeSnapshot { dispute, subject })
}

fn shows(test: &TestGateway, seen: Found<DisputeSnapshot>) {
    *test.provider.seen_dispute.lock().unwrap() = Some(seen);
}

async fn disputes(test: &TestGateway, payment: &Payment) -> Vec<Dispute> {
    test.gateway.store.disputes(&client("demo"), payment.id).await.unwrap()
}

async fn told_of(test: &TestGateway, body: &str) -> EventState {
    told_raw(test, Provider::Paypal, body).await;
    worked_off(&test.gateway).await.state
}

#[tokio::test]
async fn what_the_dispute_itself_says_is_recorded_and_nothing_of_the_event() {
    let (test, payment) = captured().await;
    shows(&test, shown(Some(payment.id), "CAPTURE", "open", 5));
    let forged = claim("WH-1", payment.id, 10, "lost", "CAPTURE");
    assert_eq!(told_of(&test, &forged).await, EventState::Done);
    let [known] = disputes(&test, &payment).await.try_into().unwrap();
    assert!(known.is_verified && known.closed().is_none(), "{known:?}");
    assert_eq!((known.status.as_deref(), known.as_of), (Some("open"), at(5)));
    let last = trail(&test, payment.id).await.pop().unwrap();
    assert_eq!((last.kind().as_str(), last.detail.is_unverified), ("payment.dispute_opened", false));
    // An event that claims the same once more brings nothing new.
    let before = trail(&test, payment.id).await.len();
    told_of(&test, &claim("WH-2", payment.id, 11, "won", "CAPTURE")).await;
    assert_eq!(trail(&test, payment.id).await.len(), before);
}

#[tokio::test]
async fn a_dispute_that_the_provider_does_not_show_is_not_recorded_and_the_event_says_why() {
    let (test, payment) = captured().await;
    shows(&test, Found::Missing);
    let before = trail(&test, payment.id).await;
    let state = told_of(&test, &claim("WH-1", payment.id, 10, "lost", "CAPTURE")).await;
    assert!(matches!(state, EventState::Failed { .. }), "it may be shown in a moment: {state:?}");
    let mut state = state;
    while matches!(state, EventState::Failed { .. }) {
        test.clock.advance(30);
        state = worked_off(&test.gateway).await.state;
    }
    assert!(state.reason().is_some_and(|reason| reason.contains("does not show the dispute")), "{state:?}");
    assert_eq!(state.name(), "ignored");
    assert_eq!(disputes(&test, &payment).await, []);
    assert_eq!(trail(&test, payment.id).await, before);
}

#[tokio::test]
async fn a_dispute_of_another_payment_is_not_recorded_for_the_one_that_the_event_names() {
    let (test, victim) = captured().await;
    let before = trail(&test, victim.id).await;
    for (payment, charge) in [
        (None, "ANOTHERS"),
        // An attacker has made an order at the provider and written the victim's name into it.
        (Some(victim.id), "ANOTHERS"),
    ] {
        shows(&test, shown(payment, charge, "lost", 5));
        let seen = ProviderSnapshot {
            reference: ProviderRef::new("ANOTHER-ORDER"),
            ..snapshot(
                &victim,
                ProviderStatus::Captured { charge: ProviderRef::new(charge), money: usd(100) },
            )
        };
        *test.provider.seen.lock().unwrap() = vec![Found::Found(seen)];
        let id = format!("WH-{}", payment.is_some());
        let state = told_of(&test, &claim(&id, victim.id, 10, "lost", "CAPTURE")).await;
        assert_eq!(state.name(), "ignored", "{state:?}");
    }
    assert_eq!(disputes(&test, &victim).await, []);
    assert_eq!(trail(&test, victim.id).await, before);
}

#[tokio::test]
async fn while_the_provider_does_not_answer_a_claim_waits() {
    let (test, payment) = captured().await;
    shows(&test, Found::Unavailable(Uncertainty::new("timed out")));
    let state = told_of(&test, &claim("WH-1", payment.id, 10, "lost", "CAPTURE")).await;
    assert!(matches!(&state, EventState::Failed { reason, .. } if reason == "timed out"), "{state:?}");
    assert_eq!(disputes(&test, &payment).await, []);
    shows(&test, shown(Some(payment.id), "CAPTURE", "lost", 5));
    test.clock.advance(60);
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert!(disputes(&test, &payment).await[0].is_verified);
}

#[tokio::test]
async fn without_the_permission_a_claim_is_recorded_as_one_until_the_dispute_can_be_read() {
    let (test, payment) = captured().await;
    assert_eq!(told_of(&test, &claim("WH-1", payment.id, 10, "lost", "CAPTURE")).await, EventState::Done);
    let [claimed] = disputes(&test, &payment).await.try_into().unwrap();
    assert!(!claimed.is_verified && claimed.closed() == Some(at(10)), "{claimed:?}");
    let last = trail(&test, payment.id).await.pop().unwrap();
    assert_eq!((last.kind().as_str(), last.detail.is_unverified), ("payment.dispute_closed", true));

    // The account gets the permission: its record is older, and counts.
    shows(&test, shown(Some(payment.id), "CAPTURE", "open", 5));
    assert_eq!(told_of(&test, &claim("WH-2", payment.id, 20, "lost", "CAPTURE")).await, EventState::Done);
    let [verified] = disputes(&test, &payment).await.try_into().unwrap();
    assert!(
        verified.is_verified && verified.closed().is_none() && verified.closed_at.is_none(),
        "{verified:?}"
    );
    let last = trail(&test, payment.id).await.pop().unwrap();
    assert_eq!((last.kind().as_str(), last.detail.is_unverified), ("payment.dispute_updated", false));

    // It loses it again: what is claimed then changes nothing.
    *test.provider.seen_dispute.lock().unwrap() = None;
    told_of(&test, &claim("WH-3", payment.id, 30, "lost", "CAPTURE")).await;
    assert_eq!(disputes(&test, &payment).await, [verified]);
}

#[tokio::test]
async fn a_claim_of_a_time_to_come_does_not_outdate_what_is_claimed_after_it() {
    let (test, payment) = captured().await;
    told_of(&test, &claim("WH-1", payment.id, 2_000_000_000, "lost", "CAPTURE")).await;
    test.clock.advance(3_600);
    told_of(&test, &claim("WH-2", payment.id, 3_590, "won", "CAPTURE")).await;
    let [known] = disputes(&test, &payment).await.try_into().unwrap();
    assert_eq!((known.status.as_deref(), known.closed()), (Some("won"), Some(at(3_590))));
}

#[tokio::test]
async fn without_the_permission_a_claim_about_another_charge_is_not_recorded_here() {
    let (test, payment) = captured().await;
    for (id, charge) in [("WH-1", Some("ANOTHERS")), ("WH-2", None)] {
        let body = claim(id, payment.id, 10, "lost", charge.unwrap_or_default());
        let body = if charge.is_none() { body.replace(r#""charge":"","#, "") } else { body };
        assert_eq!(told_of(&test, &body).await.name(), "ignored");
    }
    assert_eq!(disputes(&test, &payment).await, []);
}

#[tokio::test]
async fn an_event_that_names_anothers_object_leaves_no_trace_in_the_payment_that_it_names() {
    let (test, victim) = captured().await;
    let before = (stored(&test, victim.id).await, trail(&test, victim.id).await);
    let anothers = ProviderSnapshot {
        reference: ProviderRef::new("ANOTHER-ORDER"),
        payment: None,
        ..snapshot(&victim, ProviderStatus::Canceled { is_expired: false })
    };
    *test.provider.seen.lock().unwrap() = vec![Found::Found(anothers)];
    *test.provider.seen_refunds.lock().unwrap() = vec![RefundSnapshot {
        reference: ProviderRef::new("ANOTHER-REFUND"),
        refund: None,
        payment: None,
        charge: Some(ProviderRef::new("CAPTURE")),
        money: Some(usd(100)),
        is_without_funds: false,
        created: None,
        provider_status: RefundProviderStatus::Processed,
    }];
    for (id, subject) in [("WH-1", "payment"), ("WH-2", "refund")] {
        let body = json!({ "id": id, "about": subject, "payment": victim.id, "refund": "ANOTHER-REFUND" });
        let state = told_of(&test, &body.to_string()).await;
        assert!(state.reason().is_some_and(|reason| reason.contains("another payment")), "{state:?}");
        assert_eq!(state.name(), "ignored");
    }
    assert_eq!((stored(&test, victim.id).await, trail(&test, victim.id).await), before);
}
