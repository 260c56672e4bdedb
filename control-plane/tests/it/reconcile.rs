//! Our records against the provider's.

use control_plane::domain::evidence::{Evidence, Found, Listed, Origin, Standing};
use control_plane::domain::operations;
use control_plane::domain::operations::reconcile::{Compared, Finding, reconcile};
use control_plane::domain::payment::{Payment, Status};
use control_plane::domain::provider::{Doubt, Outcome, ProviderRef};
use edge_core::money::{Amount, Currency, Money};
use edge_core::request::CaptureMode;

use crate::common::*;

fn usd(minor: u64) -> Money {
    Money { amount: Amount::new(minor).unwrap(), currency: Currency::from_code("USD").unwrap() }
}

fn shown(payment: &Payment, standing: Standing) -> Evidence {
    Evidence {
        reference: payment.reference.clone().unwrap_or_else(|| ProviderRef::new("pi_found")),
        payment: Some(payment.id),
        money: Some(payment.money()),
        standing,
    }
}

fn taken(payment: &Payment, minor: u64) -> Evidence {
    let charge = payment.reference.clone().unwrap_or_else(|| ProviderRef::new("pi_found"));
    shown(payment, Standing::Captured { charge, money: usd(minor) })
}

async fn charged(test: &TestGateway) -> Payment {
    operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap()
}

async fn lost(test: &TestGateway) -> Payment {
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Doubt::new("cut")));
    charged(test).await
}

/// What is found; the one provider of the test stands for two, so what it lists is told twice.
async fn found(test: &TestGateway, since_s: i64) -> Vec<Compared> {
    let mut all = Vec::new();
    reconcile(&test.gateway, at(since_s), |one| {
        if !all.contains(&one) {
            all.push(one);
        }
    })
    .await
    .unwrap();
    all
}

fn sees(test: &TestGateway, seen: Found<Evidence>) {
    *test.provider.seen.lock().unwrap() = vec![seen];
}

#[tokio::test]
async fn what_is_recorded_as_the_provider_shows_it_is_the_same() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    sees(&test, Found::Found(taken(&payment, 100)));
    let found = found(&test, 0).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].payment, &found[0].finding), (Some(payment.id), &Finding::Same));
}

#[tokio::test]
async fn money_that_moved_without_a_record_of_the_answer_is_adopted_and_is_a_difference() {
    let test = TestGateway::start().await;
    let payment = lost(&test).await;
    sees(&test, Found::Found(taken(&payment, 100)));
    let before = found(&test, 0).await;
    assert_eq!(before[0].finding, Finding::Adopted("completed".to_owned()));
    assert!(before[0].finding.is_difference());
    let now = test.gateway.store.anyones_payment(payment.id).await.unwrap().unwrap();
    assert_eq!(now.state.status(), Status::Completed);
    assert_eq!(found(&test, 0).await[0].finding, Finding::Same);
}

#[tokio::test]
async fn what_contradicts_the_records_is_told_and_changes_nothing() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    sees(&test, Found::Found(taken(&payment, 99)));
    let found = found(&test, 0).await;
    assert!(matches!(found[0].finding, Finding::Differs(_)), "{found:?}");
    let now = test.gateway.store.anyones_payment(payment.id).await.unwrap().unwrap();
    assert_eq!(now, payment);
}

#[tokio::test]
async fn a_completed_payment_that_the_provider_does_not_know_is_a_difference() {
    let test = TestGateway::start().await;
    charged(&test).await;
    sees(&test, Found::Missing);
    let found = found(&test, 0).await;
    assert!(matches!(found[0].finding, Finding::Differs(_)), "{found:?}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leaves_the_comparison_open() {
    let test = TestGateway::start().await;
    charged(&test).await;
    sees(&test, Found::Unavailable(Doubt::new("connection refused")));
    let found = found(&test, 0).await;
    assert_eq!(found[0].finding, Finding::NotSeen("connection refused".to_owned()));
}

#[tokio::test]
async fn a_charge_at_the_provider_that_no_record_is_about_and_that_names_no_client_is_a_difference() {
    let test = TestGateway::start().await;
    let (elsewhere, _) = opening(7, "demo", 100);
    let declined = Evidence { standing: Standing::Open, ..taken(&opening(8, "demo", 100).0, 100) };
    let listed = [taken(&elsewhere, 100), declined];
    *test.provider.listed.lock().unwrap() = listed.map(|seen| Listed { seen, origin: None }).to_vec();
    let found = found(&test, 0).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].payment, found[0].recorded), (Some(elsewhere.id), None));
    assert!(matches!(found[0].finding, Finding::Differs(_)), "{found:?}");
}

#[tokio::test]
async fn a_charge_whose_record_is_lost_is_recorded_anew_for_its_client() {
    for (capture, standing, status) in [
        (CaptureMode::Automatic, None, Status::Completed),
        (CaptureMode::Manual, Some(usd(60)), Status::Captured),
    ] {
        let test = TestGateway::start().await;
        let (lost, _) = opening(7, "demo", 100);
        let seen = taken(&lost, standing.map_or(100, |part| part.amount.minor()));
        let origin = Some(Origin { client: lost.client.clone(), capture });
        *test.provider.listed.lock().unwrap() = vec![Listed { seen: seen.clone(), origin }];
        sees(&test, Found::Found(seen));
        let before = found(&test, 0).await;
        assert_eq!(before[0].finding, Finding::Adopted(format!("recorded anew, {}", status.name())));
        assert_eq!((before[0].payment, before[0].recorded), (Some(lost.id), None));

        let now = test.gateway.store.payment(&lost.client, lost.id).await.unwrap().unwrap();
        assert_eq!((now.state.status(), now.money()), (status, lost.money()));
        let trail = test.gateway.store.events(&lost.client, lost.id).await.unwrap();
        let states: Vec<_> = trail.iter().map(|event| event.to.as_str()).collect();
        assert_eq!(states, ["created", status.name()]);
        assert_eq!(found(&test, 0).await[0].finding, Finding::Same);
    }
}

#[tokio::test]
async fn what_was_recorded_anew_is_told_even_if_a_second_look_fails() {
    let test = TestGateway::start().await;
    let (lost, _) = opening(7, "demo", 100);
    let origin = Some(Origin { client: lost.client.clone(), capture: CaptureMode::Automatic });
    *test.provider.listed.lock().unwrap() = vec![Listed { seen: taken(&lost, 100), origin }];
    sees(&test, Found::Unavailable(Doubt::new("connection refused")));
    let told = "recorded anew, completed, its refunds not seen: connection refused";
    assert_eq!(found(&test, 0).await[0].finding, Finding::NotSeen(told.to_owned()));
    let now = test.gateway.store.payment(&lost.client, lost.id).await.unwrap().unwrap();
    assert_eq!(now.state.status(), Status::Completed);
}

#[tokio::test]
async fn an_authorization_whose_record_is_lost_can_be_captured() {
    let test = TestGateway::start().await;
    let (lost, _) = opening(7, "demo", 100);
    let seen = shown(&lost, Standing::Authorized { authorization: ProviderRef::new("pi_found") });
    let origin = Some(Origin { client: lost.client.clone(), capture: CaptureMode::Manual });
    *test.provider.listed.lock().unwrap() = vec![Listed { seen: seen.clone(), origin }];
    sees(&test, Found::Found(seen));
    assert_eq!(found(&test, 0).await[0].finding, Finding::Adopted("recorded anew, authorized".to_owned()));
    let captured = operations::capture(test.gateway.clone(), lost.id, None, call()).await.unwrap();
    assert_eq!(captured.state.status(), Status::Captured);
}

#[tokio::test]
async fn only_what_changed_since_then_or_is_undecided_is_compared() {
    let test = TestGateway::start().await;
    let old = charged(&test).await;
    let undecided = lost(&test).await;
    test.clock.advance(3_600);
    let new = charged(&test).await;
    sees(&test, Found::Missing);
    let mut compared: Vec<_> = found(&test, 1_800).await.into_iter().filter_map(|one| one.payment).collect();
    compared.sort();
    assert_eq!(compared, [undecided.id, new.id]);
    assert!(!compared.contains(&old.id));
}
