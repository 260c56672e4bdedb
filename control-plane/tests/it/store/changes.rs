//! Changes to commit, and what came of them.

use std::task::Poll;

use edge_core::money::Amount;
use payments::model::event::Event;
use payments::model::idempotency::{KeyChange, KeyClaim, StoredAnswer, Subject};
use payments::model::payment::Payment;
use payments::model::refund::Refund;
use payments::ports::store::{Change, CommitError, Conflict, Mutation, Store};

use crate::common::*;

pub(crate) fn moved(before: &Payment, after: Payment) -> Change {
    let event = Event::payment_moved(Some(&before.state), &after, &cause());
    Change::from(Mutation::MovePayment { payment: after, event })
}

pub(crate) fn refund_of(payment: &Payment, n: u8, amount: u64) -> (Refund, Change) {
    let refund = Refund::open(refund_id(n), payment, Amount::new(amount).unwrap(), attempt(n), at(10));
    let event = Event::refund_moved(None, &refund, &cause());
    (refund.clone(), Change::from(Mutation::OpenRefund { refund, event }))
}

pub(super) async fn completed_payment(store: &dyn Store, n: u8, amount: u64) -> Payment {
    let (payment, open) = opening(n, "demo", amount);
    store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    store.commit(moved(&payment, done.clone())).await.unwrap();
    done
}

pub(super) fn conflict(result: Result<(), CommitError>) -> Conflict {
    match result {
        Err(CommitError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// Takes the key `n` for a request that asks for `what`.
pub(super) fn take(n: u8, what: &str, answer: Option<StoredAnswer>) -> KeyChange {
    let claim: KeyClaim = keyed::<Payment>(n, what).claim().unwrap();
    KeyChange::Take { claim, client: client("demo"), at: at(0), answer }
}

pub(super) fn with_key(change: Change, key: KeyChange) -> Change {
    Change { key: Some(key), ..change }
}

pub(super) fn answer_to(n: u8, subject: Subject, body: &str) -> KeyChange {
    let scope = keyed::<Payment>(n, "").claim().unwrap().scope;
    KeyChange::Answer { scope, subject, answer: StoredAnswer { status: 200, body: body.to_owned() } }
}

pub(super) fn release(n: u8, subject: Subject) -> KeyChange {
    KeyChange::Release { subject, scope: keyed::<Payment>(n, "").claim().unwrap().scope }
}

/// All at once, so that they wait together for a commit.
pub(super) async fn commit_all(store: &dyn Store, changes: Vec<Change>) -> Vec<Result<(), CommitError>> {
    let mut commits: Vec<_> = changes.into_iter().map(|change| store.commit(change)).collect();
    let mut results: Vec<_> = commits.iter().map(|_| None).collect();
    // Every one is begun before any is waited for.
    std::future::poll_fn(|context| {
        for (commit, result) in commits.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(done) = commit.as_mut().poll(context)
            {
                *result = Some(done);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// Opens the payment as it stands, in its second version.
pub(super) fn opened(payment: Payment) -> Change {
    let n = u8::try_from(payment.created_at.as_second() - at(0).as_second()).unwrap();
    let mut change = opening(n, payment.client.as_str(), payment.request.amount.minor()).1;
    if let Mutation::OpenPayment { payment: opened, .. } = &mut change.mutation {
        *opened = payment;
    }
    change
}
