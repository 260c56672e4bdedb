//! Several tasks change a few payments at once, at random. What was reported as written, written again one by
//! one into an empty store, must make the same contents. Keys are answered and released by those that took them and by
//! others, in time and late: what becomes of each must agree with what was written.

use std::sync::{Arc, Mutex};

use edge_core::money::Amount;
use payments::model::event::Event;
use payments::model::id::RefundId;
use payments::model::idempotency::{KeyChange, Subject};
use payments::model::payment::Payment;
use payments::model::provider::{Captured, Outcome, ProviderRef, Refunded, Uncertainty};
use payments::model::refund::Refund;
use payments::ports::store::{Change, CommitError, Mutation, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::changes::*;
use super::key_rules::agrees;
use crate::common::*;

const PAYMENTS: u8 = 3;
/// Few for each payment, so that its refunds meet.
const KEYS: u8 = 3;
const AMOUNT: u64 = 100;
const CASES: u32 = 16;

#[derive(Clone, Copy, Debug)]
enum Doing {
    Charge {
        payment: u8,
        how: u8,
    },
    Capture {
        payment: u8,
        amount: u8,
    },
    Refund {
        payment: u8,
        amount: u8,
        key: u8,
    },
    ResolveRefund {
        payment: u8,
        which: u8,
        how: u8,
        key: Option<OfKey>,
    },
    /// For one of the refunds, whether or not it took the key.
    Key {
        payment: u8,
        which: u8,
        key: OfKey,
    },
}

/// Answers or releases one of the payment's keys.
#[derive(Clone, Copy, Debug)]
struct OfKey {
    key: u8,
    is_release: bool,
}

impl OfKey {
    fn change(self, payment: u8, subject: Subject, unique: u64) -> KeyChange {
        let n = payment * 10 + self.key;
        if self.is_release { release(n, subject) } else { answer_to(n, subject, &unique.to_string()) }
    }
}

fn doing() -> impl Strategy<Value = Doing> {
    let payment = 1..=PAYMENTS;
    let of_key = || (0..KEYS, any::<bool>()).prop_map(|(key, is_release)| OfKey { key, is_release });
    prop_oneof![
        2 => (payment.clone(), 0..4_u8).prop_map(|(payment, how)| Doing::Charge { payment, how }),
        2 => (payment.clone(), 1..=100_u8).prop_map(|(payment, amount)| Doing::Capture { payment, amount }),
        4 => (payment.clone(), 1..30_u8, 0..KEYS).prop_map(|(payment, amount, key)| Doing::Refund { payment, amount, key }),
        3 => (payment.clone(), 0..6_u8, 0..3_u8, proptest::option::of(of_key()))
            .prop_map(|(payment, which, how, key)| Doing::ResolveRefund { payment, which, how, key }),
        4 => (payment, 0..6_u8, of_key()).prop_map(|(payment, which, key)| Doing::Key { payment, which, key }),
    ]
}

/// The change as a process makes it that has just read the store. `None`: not in this state.
async fn change(store: &dyn Store, doing: &Doing, unique: u64) -> Option<Change> {
    let read = async |n| store.payment(&client("demo"), payment_id(n)).await.unwrap();
    match *doing {
        Doing::Charge { payment, how } => {
            let Some(before) = read(payment).await else { return Some(opening(payment, "demo", AMOUNT).1) };
            let reference = ProviderRef::new(format!("pi_{payment}"));
            let answer = match how {
                0 => completed_as(reference.as_str()),
                1 => Outcome::Unknown(Uncertainty::new(format!("cut {unique}"))),
                _ => Outcome::Done(payments::model::provider::Charged::Authorized {
                    payment: reference.clone(),
                    authorization: reference,
                    paid_with: None,
                }),
            };
            let after = before.clone().charge_answered(answer, at(5)).ok()?;
            Some(moved(&before, after))
        }
        Doing::Capture { payment, amount } => {
            let before = read(payment).await?;
            let charge = ProviderRef::new(format!("ch_{payment}"));
            let answered =
                before.clone().capture_answered(Outcome::Done(Captured::Completed { charge }), at(6));
            let begun = || {
                before.clone().begin_capture(Amount::new(amount.into()), attempt(amount), None, at(6)).ok()
            };
            let after = answered.ok().or_else(begun)?;
            Some(moved(&before, after))
        }
        Doing::Refund { payment, amount, key } => {
            let of = read(payment).await?;
            let id = RefundId::new(at(10), [&[0, 0][..], &unique.to_be_bytes()].concat().try_into().unwrap());
            let amount = Amount::new(amount.into()).unwrap();
            let refund = Refund::open(id, &of, amount, attempt(key), at(10));
            let event = Event::refund_moved(None, &refund, &cause());
            // One of few keys for each payment, so that they meet.
            Some(with_key(
                Change::from(Mutation::OpenRefund { refund, event }),
                take(payment * 10 + key, "r", None),
            ))
        }
        Doing::Key { payment, which, key } => {
            let refund = one_refund(store, payment, which).await?;
            Some(Change::of_key(key.change(payment, Subject::Refund(refund.id), unique)))
        }
        Doing::ResolveRefund { payment, which, how, key } => {
            let before = one_refund(store, payment, which).await?;
            let answer = match how {
                0 => declined(),
                1 => Outcome::Unknown(Uncertainty::new(format!("cut {unique}"))),
                _ => Outcome::Done(Refunded::Processed { refund: ProviderRef::new(format!("re_{unique}")) }),
            };
            let after = before.clone().answered(answer, at(11)).ok()?;
            let event = Event::refund_moved(Some(&before.state), &after, &cause());
            let key = key.map(|key| key.change(payment, Subject::Refund(before.id), unique));
            Some(Change { key, ..Change::from(Mutation::MoveRefund { refund: after, event }) })
        }
    }
}

async fn one_refund(store: &dyn Store, payment: u8, which: u8) -> Option<Refund> {
    let refunds = store.refunds(&client("demo"), payment_id(payment)).await.unwrap();
    refunds.items.get(usize::from(which)).cloned()
}

async fn run(test: &TestStore, tasks: Vec<Vec<Doing>>) -> Result<(), TestCaseError> {
    let written = Arc::new(Mutex::new(Vec::new()));
    // All but one can be refunded from the beginning.
    let paid = (1..PAYMENTS).flat_map(|payment| [Doing::Charge { payment, how: 0 }; 2]);
    work(&*test.store, &written, 0, paid).await;
    let running: Vec<_> = (1_u64..)
        .zip(tasks)
        .map(|(lane, doings)| {
            let (store, written) = (test.store.clone(), written.clone());
            tokio::spawn(async move { work(&*store, &written, lane, doings).await })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    let written = std::mem::take(&mut *written.lock().unwrap());
    same_as_one_by_one(&*test.store, written).await
}

/// One after the other. What is in nobody's way is written.
async fn work(
    store: &dyn Store,
    written: &Mutex<Vec<Change>>,
    lane: u64,
    doings: impl IntoIterator<Item = Doing>,
) {
    for (n, doing) in (0_u64..).zip(doings) {
        let Some(change) = change(store, &doing, lane << 32 | n).await else { continue };
        match store.commit(change.clone()).await {
            Ok(()) => written.lock().unwrap().push(change),
            Err(CommitError::Conflict(_)) => {}
            Err(problem) => panic!("{problem:?}"),
        }
    }
}

async fn same_as_one_by_one(store: &dyn Store, written: Vec<Change>) -> Result<(), TestCaseError> {
    let reference = TestStore::sqlite().await;
    let demo = client("demo");
    for key in 0..=u8::MAX {
        let scope = keyed::<Payment>(key, "r").claim().unwrap().scope;
        agrees(&scope, store.key(&scope).await.unwrap().as_ref(), &written)?;
    }
    // The order in which the keys were changed is not recorded.
    let moves = written.into_iter().filter(|change| !matches!(change.mutation, Mutation::Nothing));
    let mut left: Vec<_> = moves.map(|change| Change { key: None, ..change }).collect();
    for payment in (1..=PAYMENTS).map(payment_id) {
        let trail = store.events(&demo, payment).await.unwrap();
        for recorded in &trail {
            let Some(at) = left.iter().position(|change| last_event(change) == Some(recorded)) else {
                continue;
            };
            let change = left.swap_remove(at);
            let again = reference.store.commit(change).await;
            prop_assert!(again.is_ok(), "{again:?}");
        }
        let there = reference.store.payment(&demo, payment).await.unwrap();
        prop_assert_eq!(store.payment(&demo, payment).await.unwrap(), there.clone());
        prop_assert_eq!(&trail, &reference.store.events(&demo, payment).await.unwrap());
        let refunds = store.refunds(&demo, payment).await.unwrap().items;
        prop_assert_eq!(&refunds, &reference.store.refunds(&demo, payment).await.unwrap().items);
        if let Some(there) = there {
            conserved(&there, &refunds, &trail)?;
        }
    }
    prop_assert!(left.is_empty(), "told as written, but not in the trail: {left:?}");
    Ok(())
}

fn last_event(change: &Change) -> Option<&Event> {
    match &change.mutation {
        Mutation::OpenPayment { events, .. } => events.last(),
        Mutation::MovePayment { event, .. }
        | Mutation::NotePayment { event, .. }
        | Mutation::OpenRefund { event, .. }
        | Mutation::MoveRefund { event, .. } => Some(event),
        Mutation::Nothing | Mutation::KeyOf(_) => None,
    }
}

fn conserved(payment: &Payment, refunds: &[Refund], trail: &[Event]) -> Result<(), TestCaseError> {
    let captured = payment.captured().map_or(0, |(_, captured)| captured.minor());
    let kept = refunds.iter().filter(|refund| refund.state.name() != "failed");
    let refunded: u64 = kept.map(|refund| refund.amount.minor()).sum();
    prop_assert_eq!(payment.refunded, refunded);
    prop_assert!(refunded <= captured && captured <= payment.request.amount.minor());
    let versions =
        |of: Option<RefundId>| trail.iter().filter(|e| e.refund == of).map(|e| e.version).collect::<Vec<_>>();
    let first = opening(1, "demo", AMOUNT).0.version - 1;
    prop_assert_eq!(versions(None), (first..=payment.version).collect::<Vec<_>>());
    for refund in refunds {
        prop_assert_eq!(versions(Some(refund.id)), (1..=refund.version).collect::<Vec<_>>());
    }
    Ok(())
}

fn walk(open: impl AsyncFn() -> Option<TestStore>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let tasks = proptest::collection::vec(proptest::collection::vec(doing(), 1..25), 2..8);
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let walked = runner.run(&tasks, |tasks| {
        runtime.block_on(async {
            match open().await {
                Some(test) => run(&test, tasks).await,
                None => Ok(()),
            }
        })
    });
    walked.unwrap();
}

#[test]
fn tasks_at_once_leave_what_one_after_another_would_leave_in_sqlite() {
    walk(async || Some(TestStore::sqlite().await));
}

#[test]
fn tasks_at_once_leave_what_one_after_another_would_leave_in_postgres() {
    walk(TestStore::postgres);
}
