//! Our records against the provider's.

use std::sync::atomic::Ordering;

use control_plane::jobs;
use edge_core::money::{Amount, Currency, Money};
use edge_core::provider::Provider;
use edge_core::request::CaptureMode;
use jiff::SignedDuration;
use payments::model::payer_action::PayerAction;
use payments::model::payment::{ChargeTerms, Payment, Status};
use payments::model::provider::{Charged, Outcome, ProviderRef, Uncertainty};
use payments::model::snapshot::{Found, ListedPayment, Origin, ProviderSnapshot, ProviderStatus};
use payments::usecases;
use payments::usecases::reconcile::{Compared, Finding, Pace, ReconcileCursor, Reconciliation, Unseen};

use crate::common::*;

fn usd(minor: u64) -> Money {
    Money { amount: Amount::new(minor).unwrap(), currency: Currency::from_code("USD").unwrap() }
}

fn shown(payment: &Payment, provider_status: ProviderStatus) -> ProviderSnapshot {
    ProviderSnapshot {
        reference: payment.reference.clone().unwrap_or_else(|| ProviderRef::new("pi_found")),
        payment: Some(payment.id),
        money: Some(payment.money()),
        paid_with: None,
        provider_status,
    }
}

fn taken(payment: &Payment, minor: u64) -> ProviderSnapshot {
    let charge = payment.reference.clone().unwrap_or_else(|| ProviderRef::new("pi_found"));
    shown(payment, ProviderStatus::Captured { charge, money: usd(minor) })
}

async fn charged(test: &TestGateway) -> Payment {
    usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap()
}

async fn lost(test: &TestGateway) -> Payment {
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    charged(test).await
}

/// What is found; the one provider of the test stands for two, so what it lists is found twice.
async fn found(test: &TestGateway, since_s: i64) -> Vec<Compared> {
    let mut all = Vec::new();
    let pace = Pace::new(1_000);
    let mut reconciliation =
        Reconciliation::new(&test.gateway, at(since_s), ReconcileCursor::BEGINNING, &pace);
    while let Some(part) = reconciliation.compare_next().await.unwrap() {
        for one in part {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

fn sees(test: &TestGateway, seen: Found<ProviderSnapshot>) {
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
    assert_eq!(before[0].finding, Finding::Applied("completed".to_owned()));
    assert!(before[0].finding.is_difference());
    let now = test.gateway.store.payment_by_id(payment.id).await.unwrap().unwrap();
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
    let now = test.gateway.store.payment_by_id(payment.id).await.unwrap().unwrap();
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

/// The operator answers for the credentials, so the order's time need not be over. Stripe forgets nothing.
#[tokio::test]
async fn an_order_that_paypal_does_not_know_any_more_ends_when_an_operator_asks() {
    for (provider, status) in
        [(Provider::Paypal, Status::Canceled), (Provider::Stripe, Status::RequiresAction)]
    {
        let test = TestGateway::start().await;
        test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
            payment: ProviderRef::new("ORDER1"),
            action: PayerAction::Page("https://pay.example/ORDER1".to_owned()),
            declined: false,
        }));
        let terms = ChargeTerms { provider, ..charge_request(100, "") };
        let payment = usecases::charge(test.gateway.clone(), terms, None, call()).await.unwrap();
        test.clock.advance(60);
        sees(&test, Found::Missing);
        found(&test, 0).await;
        let stored = test.gateway.store.payment(&client("demo"), payment.id).await.unwrap().unwrap();
        assert_eq!(stored.state.status(), status, "{provider}");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leaves_the_comparison_open() {
    let test = TestGateway::start().await;
    charged(&test).await;
    sees(&test, Found::Unavailable(Uncertainty::new("connection refused")));
    let found = found(&test, 0).await;
    assert_eq!(found[0].finding, Finding::NotSeen("connection refused".to_owned()));
}

#[tokio::test]
async fn a_charge_at_the_provider_without_a_record_and_a_client_is_a_difference() {
    let test = TestGateway::start().await;
    let (elsewhere, _) = opening(7, "demo", 100);
    let declined =
        ProviderSnapshot { provider_status: ProviderStatus::Open, ..taken(&opening(8, "demo", 100).0, 100) };
    let listed = [taken(&elsewhere, 100), declined];
    *test.provider.listed.lock().unwrap() = listed.map(|seen| ListedPayment { seen, origin: None }).to_vec();
    let found = found(&test, 0).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].payment, found[0].recorded), (Some(elsewhere.id), None));
    assert!(matches!(found[0].finding, Finding::Differs(_)), "{found:?}");
}

#[tokio::test]
async fn a_charge_whose_record_is_lost_is_recorded_again_for_its_client() {
    for (capture, provider_status, status) in [
        (CaptureMode::Automatic, None, Status::Completed),
        (CaptureMode::Manual, Some(usd(60)), Status::Captured),
    ] {
        let test = TestGateway::start().await;
        test.clock.advance(60);
        let (lost, _) = opening(7, "demo", 100);
        let seen = taken(&lost, provider_status.map_or(100, |part| part.amount.minor()));
        let origin = Some(Origin { client: lost.client.clone(), capture });
        *test.provider.listed.lock().unwrap() = vec![ListedPayment { seen: seen.clone(), origin }];
        sees(&test, Found::Found(seen));
        let before = found(&test, 0).await;
        assert_eq!(before[0].finding, Finding::Applied(format!("recorded again, {}", status.name())));
        assert_eq!((before[0].payment, before[0].recorded), (Some(lost.id), None));

        let now = test.gateway.store.payment(&lost.client, lost.id).await.unwrap().unwrap();
        assert_eq!(Some(now.created_at), lost.id.made_at());
        assert_eq!((now.state.status(), now.money()), (status, lost.money()));
        let trail = test.gateway.store.events(&lost.client, lost.id).await.unwrap();
        let states: Vec<_> = trail.iter().map(|event| event.to.as_str()).collect();
        assert_eq!(states, ["created", status.name()]);
        assert_eq!(found(&test, 0).await[0].finding, Finding::Same);
    }
}

#[tokio::test]
async fn what_was_recorded_again_is_told_even_if_a_second_look_fails() {
    let test = TestGateway::start().await;
    let (lost, _) = opening(7, "demo", 100);
    let origin = Some(Origin { client: lost.client.clone(), capture: CaptureMode::Automatic });
    *test.provider.listed.lock().unwrap() = vec![ListedPayment { seen: taken(&lost, 100), origin }];
    sees(&test, Found::Unavailable(Uncertainty::new("connection refused")));
    let told = "recorded again, completed, its refunds not seen: connection refused";
    assert_eq!(found(&test, 0).await[0].finding, Finding::NotSeen(told.to_owned()));
    let now = test.gateway.store.payment(&lost.client, lost.id).await.unwrap().unwrap();
    assert_eq!(now.state.status(), Status::Completed);
}

#[tokio::test]
async fn an_authorization_whose_record_is_lost_can_be_captured() {
    let test = TestGateway::start().await;
    let (lost, _) = opening(7, "demo", 100);
    let seen = shown(
        &lost,
        ProviderStatus::Authorized { authorization: ProviderRef::new("pi_found"), expires: None },
    );
    let origin = Some(Origin { client: lost.client.clone(), capture: CaptureMode::Manual });
    *test.provider.listed.lock().unwrap() = vec![ListedPayment { seen: seen.clone(), origin }];
    sees(&test, Found::Found(seen));
    assert_eq!(found(&test, 0).await[0].finding, Finding::Applied("recorded again, authorized".to_owned()));
    let captured = usecases::capture(test.gateway.clone(), lost.id, None, call()).await.unwrap();
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

#[tokio::test]
async fn an_interrupted_reconciliation_goes_on_where_it_was() {
    let test = TestGateway::start().await;
    // More than one part of records, and of the list.
    for _ in 0..205 {
        let payment = charged(&test).await;
        sees(&test, Found::Found(taken(&payment, 100)));
    }
    let seen = |n| taken(&opening(n, "nobody", 100).0, 100);
    let listed: Vec<_> = (1..=5).map(|n| ListedPayment { seen: seen(n), origin: None }).collect();
    *test.provider.listed.lock().unwrap() = listed;
    let (pace, mut all, mut cursor) = (Pace::new(100_000), Vec::new(), ReconcileCursor::BEGINNING);
    loop {
        // Another process each time: only the cursor is left of the one before.
        let kept: ReconcileCursor = cursor.to_string().parse().unwrap();
        let mut reconciliation = Reconciliation::new(&test.gateway, at(0), kept, &pace);
        let Some(part) = reconciliation.compare_next().await.unwrap() else { break };
        all.extend(part.into_iter().filter_map(|one| one.payment));
        cursor = reconciliation.cursor().clone();
    }
    // The one provider of the test stands for two, and each has its list.
    assert_eq!(all.len(), 205 + 5 + 5);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 205 + 5);
}

#[tokio::test]
async fn a_provider_that_lists_nothing_is_told_as_not_seen_and_as_no_failure() {
    let test = TestGateway::start().await;
    test.provider.lists_nothing.store(true, Ordering::SeqCst);
    let pace = Pace::new(1_000);
    let mut reconciliation = Reconciliation::new(&test.gateway, at(0), ReconcileCursor::BEGINNING, &pace);
    while reconciliation.compare_next().await.unwrap().is_some() {}
    let unseen: Vec<_> = reconciliation.unseen.iter().collect();
    assert_eq!(unseen, [&Unseen::NotListed(Provider::Stripe), &Unseen::NotListed(Provider::Paypal)]);
    assert!(unseen.iter().all(|one| !one.is_failure()));
}

#[tokio::test]
async fn what_runs_by_itself_goes_on_after_a_crash_and_begins_again_when_it_is_time() {
    let test = TestGateway::start().await;
    let payment = lost(&test).await;
    sees(&test, Found::Found(taken(&payment, 100)));
    let (every, pace) = (SignedDuration::from_hours(6), Pace::new(1_000));
    let once = async |holder| jobs::reconcile::once(&test.gateway, every, &pace, holder).await.unwrap();
    // A process has taken it and died of it.
    let (now, store) = (test.gateway.now(), &test.gateway.store);
    let begun =
        store.take_run("dead", now, every, now + SignedDuration::from_mins(10)).await.unwrap().unwrap();
    assert_eq!(once("a").await, None, "it is held");
    test.clock.advance(600);
    let run = once("a").await.unwrap();
    assert_eq!((run.began_at, run.compared, run.different), (begun.began_at, 1, 1));
    assert_eq!(once("b").await, None, "it is not time");
    test.clock.advance(6 * 3_600);
    let next = once("b").await.unwrap();
    assert_eq!((next.since, next.different), (begun.began_at - SignedDuration::from_hours(1), 0));
}
