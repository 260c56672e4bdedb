//! Payments, refunds, answers and events, each with a canary in every field that is sealed.

use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, ChargeRequest};
use jiff::Timestamp;
use payments::model::event::{Cause, Event};
use payments::model::id::{AttemptId, PaymentId, RefundId};
use payments::model::idempotency::{KeyChange, KeyClaim, StoredAnswer};
use payments::model::paid_with::PaidWith;
use payments::model::payer_action::PayerAction;
use payments::model::payment::{ChargeTerms, Payment, Session, State};
use payments::model::provider::{Charged, Outcome, ProviderRef, Refunded, Refusal, RefusalKind};
use payments::model::refund::Refund;
use payments::model::webhook::{EventState, WebhookEvent};
use payments::ports::store::{Change, Mutation, Store};

/// Is in every value that must not be found.
pub(crate) const CANARY: &str = "canary";

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

pub(crate) fn client() -> ClientId {
    ClientId::parse("demo").unwrap()
}

pub(crate) fn payment_id(n: u8) -> PaymentId {
    PaymentId::new(at(i64::from(n)), [n; 10])
}

fn cause() -> Cause {
    Cause::request(client(), "req-1".to_owned())
}

pub(crate) fn customer(n: u8) -> String {
    format!("customer-{CANARY}-{n}")
}

/// With something in every field.
fn terms(n: u8) -> ChargeTerms {
    let body = format!(
        r#"{{"provider":"stripe","amount":100,"currency":"USD","paymentMethodId":"pm_{CANARY}{n}",
            "description":"description-{CANARY}","metadata":{{"order":"metadata-{CANARY}"}},
            "returnUrl":"https://shop.example/{CANARY}","customerReference":"{}"}}"#,
        customer(n)
    );
    let request = ChargeRequest::parse(body.as_bytes()).unwrap();
    ChargeTerms {
        provider: Provider::Stripe,
        amount: Amount::new(100).unwrap(),
        currency: Currency::from_code("USD").unwrap(),
        payment_method_id: request.payment_method_id,
        wallet: request.wallet,
        verification: request.verification,
        capture: CaptureMode::Automatic,
        description: request.description,
        metadata: request.metadata,
        return_url: request.return_url,
        customer_reference: request.customer_reference,
    }
}

pub(crate) fn opening(n: u8) -> (Payment, Change) {
    opened(payment_id(n), n)
}

/// The `nth` payment of customer `n`.
pub(crate) fn opening_nth(n: u8, nth: u32) -> (Payment, Change) {
    opened(nth_id(n, nth, at(1_000 + i64::from(nth))), n)
}

pub(crate) fn nth_id(n: u8, nth: u32, at: Timestamp) -> PaymentId {
    let mut random = [n; 10];
    random[6..].copy_from_slice(&nth.to_be_bytes());
    PaymentId::new(at, random)
}

pub(crate) fn completed_nth(n: u8, nth: u32) -> Outcome<Charged> {
    let reference = ProviderRef::new(format!("pi_{n}_{nth}"));
    Outcome::Done(Charged::Completed {
        payment: reference.clone(),
        charge: reference,
        paid_with: Some(paid_with()),
    })
}

pub(crate) fn opened(id: PaymentId, n: u8) -> (Payment, Change) {
    let payment = Payment::open(id, client(), terms(n), None, at(i64::from(n)));
    let created = Event::payment_moved(None, &payment, &cause());
    let attempt = AttemptId::new(at(0), [n; 10]);
    let begun = payment.clone().begin_charge(attempt, None, at(i64::from(n))).unwrap();
    let events = vec![created, Event::payment_moved(Some(&payment.state), &begun, &cause())];
    (begun.clone(), Change::from(Mutation::OpenPayment { payment: begun, events }))
}

pub(crate) fn moved(before: &Payment, after: &Payment) -> Change {
    let event = Event::payment_moved(Some(&before.state), after, &cause());
    Change::from(Mutation::MovePayment { payment: after.clone(), event })
}

fn paid_with() -> PaidWith {
    let wallet = Some(format!("wallet-{CANARY}"));
    PaidWith { kind: "card".to_owned(), wallet, brand: None, last4: None }
}

/// The payer has to follow a link that is theirs alone.
pub(crate) fn waiting(n: u8) -> Outcome<Charged> {
    let url = format!("https://hooks.example/redirect?client_secret=secret-{CANARY}");
    Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new(format!("pi_{n}")),
        action: PayerAction::Page(url),
        declined: false,
    })
}

pub(crate) fn completed(n: u8) -> Outcome<Charged> {
    let reference = ProviderRef::new(format!("pi_{n}"));
    Outcome::Done(Charged::Completed {
        payment: reference.clone(),
        charge: reference,
        paid_with: Some(paid_with()),
    })
}

/// A provider's message that repeats what it was given.
fn refused() -> Refusal {
    Refusal {
        kind: RefusalKind::Declined,
        code: Some("card_declined".to_owned()),
        decline_code: None,
        message: format!("No such PaymentMethod: 'pm_{CANARY}'"),
        reference: None,
    }
}

pub(crate) fn claim(n: u8) -> KeyClaim {
    let key = Key::parse([format!("key-{n}").as_bytes()]).unwrap();
    KeyClaim {
        scope: Scope::new(&client(), "POST", "/payments/charge", &key),
        fingerprint: Fingerprint::from_hex(&"01".repeat(32)).unwrap(),
    }
}

pub(crate) fn answer() -> StoredAnswer {
    StoredAnswer { status: 200, body: format!(r#"{{"nextAction":{{"url":"https://x.example/{CANARY}"}}}}"#) }
}

pub(crate) fn webhook(n: u8) -> WebhookEvent {
    WebhookEvent {
        provider: Provider::Stripe,
        id: format!("evt_{n}"),
        kind: "payment_intent.succeeded".to_owned(),
        body: format!(r#"{{"id":"evt_{n}","email":"payer-{CANARY}@shop.example"}}"#).into_bytes(),
        body_sha256: Some([n; 32]),
        created_at: None,
        received_at: at(0),
        state: EventState::Received,
        attempts: 0,
    }
}

/// One of everything that is sealed: a payment that waits for its payer, one that failed, one that was refunded, an
/// answer, and a provider's event. The payments are 1, 2 and 3.
pub(crate) async fn fill(store: &dyn Store) {
    for n in 1..=3 {
        let (payment, open) = opening(n);
        let key = KeyChange::Take { claim: claim(n), client: client(), at: at(0), answer: Some(answer()) };
        store.commit(open.with_key(Some(key))).await.unwrap();
        let outcome = match n {
            1 => waiting(n),
            2 => Outcome::Refused(refused()),
            _ => completed(n),
        };
        let after = payment.clone().charge_answered(outcome, at(20)).unwrap();
        store.commit(moved(&payment, &after)).await.unwrap();
        if n == 3 {
            refund(store, &after).await;
        }
    }
    assert!(store.receive_webhook(&webhook(1)).await.unwrap());
}

pub(crate) fn refund_id() -> RefundId {
    RefundId::new(at(0), [1; 10])
}

async fn refund(store: &dyn Store, payment: &Payment) {
    let amount = Amount::new(10).unwrap();
    let refund = Refund::open(refund_id(), payment, amount, AttemptId::new(at(0), [9; 10]), at(30));
    let event = Event::refund_moved(None, &refund, &cause());
    store.commit(Change::from(Mutation::OpenRefund { refund: refund.clone(), event })).await.unwrap();
    let answer: Outcome<Refunded> = Outcome::Refused(refused());
    let failed = refund.clone().answered(answer, at(31)).unwrap();
    let event = Event::refund_moved(Some(&refund.state), &failed, &cause());
    store.commit(Change::from(Mutation::MoveRefund { refund: failed, event })).await.unwrap();
}

/// Reads in every way there is what [`fill`] has written, and finds every canary.
pub(crate) async fn read_all(store: &dyn Store) {
    for n in 1..=3 {
        let payment = store.payment(&client(), payment_id(n)).await.unwrap().unwrap();
        assert_eq!(payment.request, terms(n));
        assert!(store.payment_by_id(payment.id).await.unwrap().is_some());
        assert_eq!(store.key(&claim(n).scope).await.unwrap().unwrap().answer, Some(answer()));
        let trail = store.events(&client(), payment.id).await.unwrap();
        assert_eq!(trail.len(), if n == 3 { 5 } else { 3 });
    }
    let waiting = store.payment_by_id(payment_id(1)).await.unwrap().unwrap().state;
    let State::RequiresAction(Session { action: PayerAction::Page(url), .. }) = &waiting else {
        panic!("{waiting:?}");
    };
    assert!(url.contains(&format!("secret-{CANARY}")));
    let failed = format!("{:?}", store.events(&client(), payment_id(2)).await.unwrap().last().unwrap());
    assert!(failed.contains(&format!("pm_{CANARY}")), "{failed}");
    let refund = store.refund(&client(), refund_id()).await.unwrap().unwrap();
    assert!(format!("{:?}", refund.state).contains(CANARY));
    assert_eq!(store.webhook(Provider::Stripe, "evt_1").await.unwrap().unwrap(), webhook(1));
}
