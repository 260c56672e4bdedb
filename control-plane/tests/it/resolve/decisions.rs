//! A person decides what machines cannot.

use payments::model::decision::{OperatorDecision, Unfit};
use payments::usecases::decide::{NotDecided, Operator, decide};

use super::*;

fn operator() -> Operator {
    Operator { name: "ada".to_owned(), reason: "not in the dashboard".to_owned() }
}

impl TestGateway {
    async fn lost_charge(&self) -> Payment {
        self.answers([cut()]);
        self.charge(call()).await.unwrap()
    }

    async fn decide(&self, work: Work, decision: OperatorDecision) -> Result<&'static str, NotDecided> {
        decide(&self.gateway, &work, &decision, &operator()).await.map(|decision| decision.state)
    }
}

#[tokio::test]
async fn a_decision_is_recorded_with_the_name_and_the_reason() {
    let test = TestGateway::start().await;
    let payment = test.lost_charge().await;
    let charge = ProviderRef::new("pi_9");
    test.provider.seen.lock().unwrap().push(Found::CannotAsk);
    assert_eq!(
        test.decide(Work::Payment(payment.id), OperatorDecision::Paid { charge }).await.unwrap(),
        "completed"
    );
    let last = test.trail(&payment).await.pop().unwrap();
    assert_eq!(last.cause.initiator.text(), "operator ada");
    assert_eq!(last.detail.reason.as_deref(), Some("not in the dashboard"));
    let again = test.decide(Work::Payment(payment.id), OperatorDecision::NotDone).await;
    assert!(matches!(again, Err(NotDecided::Unfit(Unfit::Decided { .. }))), "{again:?}");
}

#[tokio::test]
async fn what_the_provider_shows_counts_more_than_what_a_person_says() {
    let test = TestGateway::start().await;
    let payment = test.lost_charge().await;
    test.shows(&payment, captured(100));
    assert_eq!(test.decide(Work::Payment(payment.id), OperatorDecision::NotDone).await.unwrap(), "completed");
}

#[tokio::test]
async fn an_object_that_the_provider_denies_decides_nothing() {
    let test = TestGateway::start().await;
    let payment = test.lost_charge().await;
    let paid = OperatorDecision::Paid { charge: ProviderRef::new("pi_9") };
    let denied = test.decide(Work::Payment(payment.id), paid).await;
    assert!(matches!(denied, Err(NotDecided::Denied)), "{denied:?}");
    assert_eq!(test.now(&payment).await.state.name(), "unknown");
}

#[tokio::test]
async fn an_object_of_another_payment_decides_nothing() {
    let test = TestGateway::start().await;
    let payment = test.lost_charge().await;
    test.shows(&payment, captured(100));
    let mut seen = test.provider.seen.lock().unwrap().remove(0);
    if let Found::Found(snapshot) = &mut seen {
        snapshot.payment = None;
    }
    test.provider.seen.lock().unwrap().extend([Found::Missing, Found::Missing, seen]);
    let paid = OperatorDecision::Paid { charge: ProviderRef::new("pi_9") };
    let refused = test.decide(Work::Payment(payment.id), paid).await;
    assert!(matches!(refused, Err(NotDecided::Contradicted(_))), "{refused:?}");
}

#[tokio::test]
async fn a_refund_under_another_name_or_amount_decides_nothing() {
    let test = TestGateway::start().await;
    let payment = test.charge(call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(cut());
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call()).await.unwrap();
    let made = OperatorDecision::Refunded { refund: ProviderRef::new("re_9") };
    let denied = test.decide(Work::Refund(refund.id), made).await;
    assert!(matches!(denied, Err(NotDecided::Denied)), "{denied:?}");
}

#[tokio::test]
async fn a_refund_that_was_not_made_gives_its_amount_back() {
    let test = TestGateway::start().await;
    let payment = test.charge(call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(cut());
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call()).await.unwrap();
    assert_eq!(test.decide(Work::Refund(refund.id), OperatorDecision::NotDone).await.unwrap(), "failed");
    assert_eq!(test.now(&payment).await.refunded, 0);
}
