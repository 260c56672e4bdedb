//! How what is not decided comes to its end, step by step.

mod cancels;
mod claims;
mod clock_back;
mod dead_keys;
mod decisions;
mod refunds;
mod watches;

use control_plane::http::charge_terms;
use control_plane::jobs::handler::{GatewayJobs, JobHandler as _};
use edge_core::money::{Amount, Currency, Money};
use edge_core::request::ChargeRequest;
use jiff::SignedDuration;
use payments::model::event::Event;
use payments::model::idempotency::Subject;
use payments::model::in_flight::InProgress as _;
use payments::model::payment::{Payment, State, Status};
use payments::model::provider::{Captured, Charged, Outcome, ProviderRef, Refusal, RefusalKind, Uncertainty};
use payments::model::refund::Refund;
use payments::model::snapshot::{
    Found, ProviderSnapshot, ProviderStatus, RefundProviderStatus, RefundSnapshot,
};
use payments::model::work::{Claimed, Work};
use payments::ports::store::{Change, Mutation};
use payments::usecases::call::Call;
use payments::usecases::resolve::{run_next_due, work_off};
use payments::usecases::retries::RetryPolicy;
use payments::usecases::review::for_review;
use payments::usecases::{self, FirstOutcome, OperationError};

use crate::common::*;

const HORIZON_S: i64 = 3_600;

fn cut<T>() -> Outcome<T> {
    Outcome::Unknown(Uncertainty::new("connection cut"))
}

fn unreached<T>() -> Outcome<T> {
    Outcome::NotSent(Uncertainty::new("connection refused"))
}

fn refused<T>(kind: RefusalKind) -> Outcome<T> {
    let (code, decline_code, reference) = (Some("no".to_owned()), None, None);
    Outcome::Refused(Refusal { kind, code, decline_code, message: "no".to_owned(), reference })
}

impl TestGateway {
    /// The answers come in this order.
    fn answers(&self, answers: impl IntoIterator<Item = Outcome<Charged>>) {
        let mut script: Vec<_> = answers.into_iter().collect();
        script.reverse();
        *self.provider.charges.lock().unwrap() = script;
    }

    async fn charge(&self, call: Call<Payment>) -> Result<Payment, OperationError> {
        usecases::charge(self.gateway.clone(), charge_request(100, ""), None, call).await
    }

    async fn authorized(&self) -> Payment {
        self.answers([authorized()]);
        let request = charge_request(100, r#","capture":"manual""#);
        usecases::charge(self.gateway.clone(), request, None, call()).await.unwrap()
    }

    /// Lets time pass and everything due be worked off, until nothing is due within the next minute.
    async fn resolve(&self) {
        for _ in 0..20 {
            self.clock.advance(60);
            while run_next_due(&self.gateway).await.unwrap().is_some() {}
        }
    }

    async fn now(&self, payment: &Payment) -> Payment {
        self.gateway.store.payment(&client("demo"), payment.id).await.unwrap().unwrap()
    }

    async fn refund_now(&self, refund: &Refund) -> Refund {
        self.gateway.store.refund(&client("demo"), refund.id).await.unwrap().unwrap()
    }

    async fn trail(&self, payment: &Payment) -> Vec<Event> {
        self.gateway.store.events(&client("demo"), payment.id).await.unwrap()
    }

    async fn kinds(&self, payment: &Payment) -> Vec<String> {
        self.trail(payment).await.iter().map(Event::kind).collect()
    }

    fn shows(&self, payment: &Payment, provider_status: ProviderStatus) {
        let snapshot = ProviderSnapshot {
            reference: payment.reference.clone().unwrap_or_else(|| ProviderRef::new("pi_found")),
            payment: Some(payment.id),
            money: Some(payment.money()),
            paid_with: None,
            provider_status,
        };
        *self.provider.seen.lock().unwrap() = vec![Found::Found(snapshot)];
    }

    fn calls(&self, operation: &str) -> usize {
        self.provider.calls.lock().unwrap().iter().filter(|(name, _)| *name == operation).count()
    }

    /// All calls of the operation were made under one key.
    fn one_key(&self, operation: &str) -> bool {
        let calls = self.provider.calls.lock().unwrap();
        let mut attempts: Vec<_> =
            calls.iter().filter(|(name, _)| *name == operation).map(|(_, attempt)| attempt).collect();
        attempts.dedup();
        attempts.len() == 1
    }
}

fn captured(minor: u64) -> ProviderStatus {
    let money = Money { amount: Amount::new(minor).unwrap(), currency: Currency::from_code("USD").unwrap() };
    ProviderStatus::Captured { charge: ProviderRef::new("ch_found"), money }
}

#[tokio::test]
async fn a_charge_that_was_not_sent_is_sent_until_it_is_decided() {
    let test = TestGateway::start().await;
    test.answers([unreached(), unreached(), unreached()]);
    let call = keyed::<Payment>(1, "a");
    let payment = test.charge(call.clone()).await.unwrap();
    assert!(matches!(payment.state, State::Queued { .. }), "{payment:?}");
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
    assert_eq!((test.calls("charge"), test.one_key("charge")), (4, true));
    // The key's answer is the outcome, for a client that comes back.
    let found = Payment::outcome_of_first_request(test.gateway.clone(), Subject::Payment(payment.id), call)
        .await
        .unwrap();
    assert_eq!(found.state.status(), Status::Completed);
}

#[tokio::test]
async fn the_trail_tells_each_try_and_when_the_next_one_is() {
    let test = TestGateway::start().await;
    test.answers([unreached(), unreached(), cut(), cut()]);
    let payment = test.charge(call()).await.unwrap();
    test.resolve().await;
    assert_eq!(
        test.kinds(&payment).await,
        [
            "payment.created",
            "payment.processing",
            "payment.queued",
            "payment.processing",
            "payment.queued",
            "payment.processing",
            "payment.unknown",
            "payment.unknown",
            "payment.completed"
        ]
    );
    let tries: Vec<_> = test
        .trail(&payment)
        .await
        .into_iter()
        .filter(|event| ["queued", "unknown"].contains(&event.to.as_str()))
        .map(|event| (event.detail.tries.unwrap(), event.detail.next_at.unwrap() >= event.at))
        .collect();
    assert_eq!(tries, [(1, true), (2, true), (3, true), (4, true)]);
    let last = test.trail(&payment).await.pop().unwrap();
    assert_eq!((last.cause.initiator.text().as_ref(), last.detail.tries), ("follow up", None));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let test = TestGateway::start().await;
    test.answers([cut(), cut()]);
    let payment = test.charge(call()).await.unwrap();
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
    assert_eq!((test.calls("charge"), test.one_key("charge")), (3, true));
}

#[tokio::test]
async fn a_request_waits_for_one_repeat_of_its_own_call() {
    let test = TestGateway::with(RetryPolicy::default()).await;
    test.answers([cut()]);
    let payment = test.charge(call()).await.unwrap();
    assert_eq!(payment.state.status(), Status::Completed);
    assert_eq!((test.calls("charge"), test.one_key("charge")), (2, true));
    let story = ["payment.created", "payment.processing", "payment.unknown", "payment.completed"];
    assert_eq!(test.kinds(&payment).await, story);
    test.answers([cut(), cut()]);
    let second = test.charge(call()).await.unwrap();
    assert!(matches!(second.state, State::Unknown { .. }), "one, not more");
}

#[tokio::test]
async fn nobody_else_repeats_a_call_while_its_request_is_about_to() {
    let test = TestGateway::with(RetryPolicy::default()).await;
    test.answers([cut()]);
    let charge = tokio::spawn(usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()));
    while test.calls("charge") == 0 {
        tokio::task::yield_now().await;
    }
    // The lost answer is recorded, or is about to be; either way the request has it in hand.
    assert_eq!(run_next_due(&test.gateway).await.unwrap(), None);
    assert_eq!(charge.await.unwrap().unwrap().state.status(), Status::Completed);
    assert_eq!(test.calls("charge"), 2);
}

#[tokio::test]
async fn where_a_repeat_brings_the_same_error_the_providers_records_decide() {
    let test = TestGateway::start().await;
    test.answers((0..100).map(|_| cut()));
    let payment = test.charge(call()).await.unwrap();
    test.shows(&payment, captured(100));
    test.resolve().await;
    let now = test.now(&payment).await;
    assert_eq!((now.state.status(), now.reference), (Status::Completed, Some(ProviderRef::new("pi_found"))));
}

#[tokio::test]
async fn past_the_horizon_it_is_only_looked_for_and_never_called_failed() {
    let test = TestGateway::start().await;
    test.answers([cut()]);
    let payment = test.charge(call()).await.unwrap();
    test.clock.advance(HORIZON_S);
    test.resolve().await;
    assert_eq!(test.calls("charge"), 1);
    let now = test.now(&payment).await;
    assert!(matches!(now.state, State::Unknown { .. }), "{now:?}");
    assert!(now.follow_up.unwrap().tries > 2, "it goes on looking: {now:?}");
    test.shows(&payment, captured(100));
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
    assert_eq!(test.calls("charge"), 1);
}

#[tokio::test]
async fn what_the_provider_decides_later_is_looked_at_until_it_has() {
    let test = TestGateway::start().await;
    test.answers([Outcome::Done(Charged::Pending { payment: ProviderRef::new("pi_1") })]);
    let payment = test.charge(call()).await.unwrap();
    test.shows(&payment, ProviderStatus::Processing);
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Pending);
    test.shows(&payment, captured(100));
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
    assert_eq!(test.calls("charge"), 1, "looking is enough");
}

/// PayPal opens the order again for another way to pay. Where it names no page, there is nobody to choose one: what was
/// charged had been agreed to beforehand, or the client made the order and resubmits it itself.
#[tokio::test]
async fn what_was_denied_after_all_fails_unless_the_payer_has_a_page() {
    for (method, page, state) in [
        ("B-1", None, "failed"),
        ("ORDER1", None, "failed"),
        ("ORDER1", Some("https://pay.example".to_owned()), "requires_action"),
    ] {
        let test = TestGateway::start().await;
        test.answers([Outcome::Done(Charged::Pending { payment: ProviderRef::new("ORDER1") })]);
        let body =
            format!(r#"{{"provider":"paypal","amount":100,"currency":"USD","paymentMethodId":"{method}"}}"#);
        let request = charge_terms(ChargeRequest::parse(body.as_bytes()).unwrap());
        let payment = usecases::charge(test.gateway.clone(), request.clone(), None, call()).await.unwrap();
        let Outcome::Refused(denied) = refused::<()>(RefusalKind::Declined) else { unreachable!() };
        test.shows(&payment, ProviderStatus::Approved { declined: Some(Box::new(denied)), page });
        test.resolve().await;
        let now = test.now(&payment).await;
        assert_eq!(now.state.name(), state, "{method}");
        if (method, state) == ("ORDER1", "failed") {
            let again = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
            assert_eq!(again.state.name(), "completed", "the order is free");
        }
    }
}

#[tokio::test]
async fn the_call_of_a_process_that_died_is_unknown_and_then_repeated() {
    let test = TestGateway::start().await;
    let (payment, open) = opening(0, "demo", 100);
    test.gateway.store.commit(open).await.unwrap();
    test.clock.advance(1);
    assert_eq!(run_next_due(&test.gateway).await.unwrap(), None, "it may be in flight");
    test.resolve().await;
    let story = ["payment.created", "payment.processing", "payment.unknown", "payment.completed"];
    assert_eq!(test.kinds(&payment).await, story);
    assert_eq!(test.provider.calls.lock().unwrap()[0].1, attempt(0));
}

#[tokio::test]
async fn a_late_answer_that_nothing_was_sent_does_not_undo_the_doubt_about_a_repeat() {
    let (payment, _) = opening(0, "demo", 100);
    let repeated = payment.clone().lost(at(50)).unwrap();
    for late in [unreached(), refused(RefusalKind::Configuration)] {
        let now = repeated.clone().charge_answered(late, at(60)).unwrap();
        assert!(matches!(now.state, State::Unknown { .. }), "{now:?}");
    }
    let declined = repeated.charge_answered(refused(RefusalKind::Declined), at(60)).unwrap();
    assert_eq!(declined.state.status(), Status::Failed);
}

#[tokio::test]
async fn what_could_not_be_sent_for_too_long_fails_and_was_never_executed() {
    let policy = RetryPolicy { keep_trying: SignedDuration::from_mins(5), ..without_inline_repeats() };
    let test = TestGateway::with(policy).await;
    test.answers((0..1_000).map(|_| unreached()));
    let call = keyed::<Payment>(1, "a");
    let payment = test.charge(call.clone()).await.unwrap();
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Failed);
    let calls = test.calls("charge");
    test.resolve().await;
    assert_eq!(test.calls("charge"), calls);
    let back =
        Payment::outcome_of_first_request(test.gateway.clone(), Subject::Payment(payment.id), call).await;
    assert!(matches!(back, Err(OperationError::NotSent { .. })), "{back:?}");
}

#[tokio::test]
async fn a_decline_is_never_tried_again() {
    let test = TestGateway::start().await;
    test.answers([refused(RefusalKind::Declined)]);
    test.charge(call()).await.unwrap_err();
    test.resolve().await;
    assert_eq!(test.calls("charge"), 1);
    test.answers([unreached(), refused(RefusalKind::Declined)]);
    let second = test.charge(call()).await.unwrap();
    test.resolve().await;
    assert_eq!((test.now(&second).await.state.status(), test.calls("charge")), (Status::Failed, 3));
}

#[tokio::test]
async fn captures_and_cancellations_are_brought_to_an_end_too() {
    for answer in [cut::<Captured>(), unreached()] {
        let test = TestGateway::start().await;
        let payment = test.authorized().await;
        test.provider.captures.lock().unwrap().push(answer);
        let pending = usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
        assert_eq!(pending.state.status(), Status::Pending);
        test.resolve().await;
        assert_eq!(test.now(&payment).await.state.status(), Status::Captured);
        assert_eq!((test.calls("capture"), test.one_key("capture")), (2, true));
    }
    for answer in [cut::<()>(), unreached()] {
        let test = TestGateway::start().await;
        let payment = test.authorized().await;
        test.provider.cancels.lock().unwrap().push(answer);
        usecases::cancel(test.gateway.clone(), payment.id, cancel_call()).await.unwrap();
        test.resolve().await;
        assert_eq!(test.now(&payment).await.state.status(), Status::Canceled);
    }
}

#[tokio::test]
async fn a_contradiction_is_for_people_and_does_not_fill_the_trail() {
    let test = TestGateway::start().await;
    test.answers((0..1_000).map(|_| cut()));
    let payment = test.charge(call()).await.unwrap();
    test.shows(&payment, captured(99));
    test.resolve().await;
    assert!(matches!(test.now(&payment).await.state, State::Unknown { .. }));
    assert!(test.kinds(&payment).await.iter().all(|kind| kind != "payment.evidence_refused"));
    let found = for_review(&test.gateway, 100).await.unwrap().items;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].work, found[0].state), (&Work::Payment(payment.id), "unknown"));
    assert!(found[0].is_repeated && found[0].follow_up.tries > 1, "{found:?}");
}

#[tokio::test]
async fn review_shows_what_is_undecided_for_too_long_and_nothing_else() {
    let test = TestGateway::start().await;
    test.charge(call()).await.unwrap();
    test.answers([Outcome::Done(Charged::Pending { payment: ProviderRef::new("pi_9") })]);
    test.charge(call()).await.unwrap();
    test.answers([cut()]);
    let lost = test.charge(call()).await.unwrap();
    let now = async || for_review(&test.gateway, 100).await.unwrap().items.into_iter().map(|one| one.work);
    assert_eq!(now().await.count(), 0);
    test.clock.advance(16 * 60);
    assert_eq!(now().await.collect::<Vec<_>>(), [Work::Payment(lost.id)]);
    test.clock.advance(4 * 86_400);
    assert_eq!(now().await.count(), 2, "what the provider took may take it long, not for ever");
}
