//! Events in every order, several times, and reads that lag behind: all roads lead to one end.

use payments::model::payer_action::PayerAction;
use payments::model::payment::{Operation, Payment, State};
use payments::model::provider::{Charged, Outcome, Refunded, Uncertainty};
use payments::model::refund::Refund;
use payments::model::snapshot::{Applied, OwnCall, RefundProviderStatus, RefundSnapshot};
use proptest::prelude::*;

use super::*;

/// Where a payment may be when its events come.
fn beginnings(more: &str) -> Vec<Payment> {
    let created = Payment::open(payment_id(1), client("demo"), charge_request(100, more), None, at(0));
    let under_way = created.begin_charge(attempt(1), None, at(0)).unwrap();
    let after = |outcome| under_way.clone().charge_answered(outcome, at(1)).unwrap();
    let reference = ProviderRef::new(format!("pi_{}", under_way.id));
    let acted = Charged::RequiresAction {
        payment: reference.clone(),
        action: PayerAction::Page("https://pay.example".to_owned()),
        declined: false,
    };
    vec![
        after(Outcome::Unknown(Uncertainty::new("cut"))),
        after(Outcome::Done(Charged::Pending { payment: reference })),
        after(Outcome::Done(acted)),
        under_way.clone(),
    ]
}

fn follow(payment: Payment, reads: &[ProviderSnapshot]) -> Payment {
    reads.iter().fold(payment, |payment, seen| match payment.apply(seen, OwnCall::IsOver, false, at(2)) {
        Applied::Moved(moved) | Applied::Surprising(moved) => moved,
        Applied::Known => payment,
        other => panic!("{seen:?} gave {other:?}"),
    })
}

/// Reads of a history in any order and number, the newest among them at least once.
fn reads(history: Vec<ProviderStatus>) -> impl Strategy<Value = Vec<ProviderStatus>> {
    let last = history.last().unwrap().clone();
    let some = proptest::collection::vec(proptest::sample::select(history), 0..8);
    (some, 0_usize..8).prop_map(move |(mut reads, place)| {
        reads.insert(place.min(reads.len()), last.clone());
        reads
    })
}

fn acts() -> ProviderStatus {
    ProviderStatus::RequiresAction(PayerAction::Page("https://pay.example".to_owned()))
}

fn held() -> ProviderStatus {
    ProviderStatus::Authorized { authorization: ProviderRef::new("A1"), expires: None }
}

/// Whether it is paid at once, and how it goes at the provider.
fn histories() -> impl Strategy<Value = (&'static str, Vec<ProviderStatus>)> {
    let manual = r#","capture":"manual""#;
    prop_oneof![
        Just(("", vec![ProviderStatus::Open, ProviderStatus::Processing, captured(100)])),
        Just(("", vec![acts(), ProviderStatus::Approved { declined: None, page: None }, captured(100)])),
        Just(("", vec![ProviderStatus::Declined(declined()), captured(100)])),
        Just((
            "",
            vec![
                ProviderStatus::Open,
                acts(),
                ProviderStatus::Processing,
                ProviderStatus::Declined(declined()),
                captured(100)
            ]
        )),
        Just((manual, vec![ProviderStatus::Open, held(), captured(60)])),
        Just((manual, vec![acts(), held(), ProviderStatus::Canceled { is_expired: false }])),
    ]
}

fn cases() -> impl Strategy<Value = (&'static str, ProviderStatus, Vec<ProviderStatus>)> {
    histories().prop_flat_map(|(more, history)| {
        let last = history.last().unwrap().clone();
        reads(history).prop_map(move |reads| (more, last.clone(), reads))
    })
}

proptest! {
    #[test]
    fn whatever_is_read_on_the_way_a_payment_ends_where_the_provider_has_it((more, last, reads) in cases()) {
        for beginning in beginnings(more) {
            let snapshot = |provider_status: &ProviderStatus| snapshot(&beginning, provider_status.clone());
            let seen: Vec<_> = reads.iter().map(snapshot).collect();
            let straight = follow(beginning.clone(), &[snapshot(&last)]);
            let end = follow(beginning.clone(), &seen);
            prop_assert_eq!(end.state, straight.state);
        }
    }

    #[test]
    fn money_that_moved_stays_moved(reads in proptest::collection::vec(any_provider_status(), 0..10)) {
        for beginning in beginnings("") {
            let mut payment = beginning.clone();
            let mut moved = None;
            for provider_status in &reads {
                match payment.apply(&snapshot(&beginning, provider_status.clone()), OwnCall::IsOver, false, at(2)) {
                    Applied::Moved(next) | Applied::Surprising(next) => {
                        prop_assert_eq!(next.version, payment.version + 1);
                        payment = next;
                    }
                    _ => {}
                }
                if moved.is_some() {
                    prop_assert_eq!(&moved, &payment.captured().map(|(charge, amount)| (charge.clone(), amount)));
                }
                moved = payment.captured().map(|(charge, amount)| (charge.clone(), amount));
            }
        }
    }

    #[test]
    fn while_our_own_call_may_answer_only_money_that_moved_is_believed(provider_status in any_provider_status()) {
        let own = beginnings("").pop().unwrap();
        prop_assert!(matches!(own.state, State::Processing { accepted: false, .. }), "in flight");
        let applied = own.apply(&snapshot(&own, provider_status.clone()), OwnCall::MayAnswer, false, at(2));
        match provider_status {
            ProviderStatus::Captured { money, .. } if money == own.money() => {
                prop_assert!(matches!(applied, Applied::Moved(_)));
            }
            ProviderStatus::Captured { .. } | ProviderStatus::Unclear(_) => {
                prop_assert!(matches!(applied, Applied::Refused(_)));
            }
            _ => prop_assert_eq!(applied, Applied::Wait),
        }
    }

    #[test]
    fn a_refund_ends_where_the_provider_has_it(history in refund_histories(), picks in proptest::collection::vec(0_usize..3, 0..8), place in 0_usize..8) {
        for beginning in refund_beginnings() {
            let seen = |provider_status: &RefundProviderStatus| refund_snapshot(&beginning, provider_status.clone());
            let last = history.last().unwrap();
            let mut reads: Vec<_> = picks.iter().map(|n| seen(&history[n % history.len()])).collect();
            reads.insert(place.min(reads.len()), seen(last));
            let straight = follow_refund(beginning.clone(), &[seen(last)]);
            prop_assert_eq!(follow_refund(beginning.clone(), &reads).state, straight.state);
        }
    }
}

fn any_provider_status() -> impl Strategy<Value = ProviderStatus> {
    prop_oneof![
        Just(ProviderStatus::Open),
        Just(acts()),
        Just(ProviderStatus::Approved { declined: None, page: None }),
        Just(ProviderStatus::Processing),
        Just(held()),
        Just(captured(100)),
        Just(captured(99)),
        Just(ProviderStatus::Declined(declined())),
        Just(ProviderStatus::Canceled { is_expired: false }),
        Just(ProviderStatus::Unclear("?".to_owned())),
    ]
}

fn refund_histories() -> impl Strategy<Value = Vec<RefundProviderStatus>> {
    let failed = || RefundProviderStatus::Failed(declined());
    prop_oneof![
        Just(vec![RefundProviderStatus::Pending, RefundProviderStatus::Processed]),
        Just(vec![RefundProviderStatus::Processed, failed()]),
        Just(vec![RefundProviderStatus::Pending, RefundProviderStatus::Processed, failed()]),
        Just(vec![RefundProviderStatus::Pending, failed()]),
    ]
}

fn refund_beginnings() -> Vec<Refund> {
    let created = Payment::open(payment_id(1), client("demo"), charge_request(100, ""), None, at(0));
    let payment =
        created.begin_charge(attempt(1), None, at(0)).unwrap().charge_answered(completed(), at(1)).unwrap();
    let open = Refund::open(refund_id(1), &payment, Amount::new(40).unwrap(), attempt(2), at(2));
    let refund = ProviderRef::new("re_1");
    let after = |outcome| open.clone().answered(outcome, at(3)).unwrap();
    vec![
        open.clone(),
        after(Outcome::Unknown(Uncertainty::new("cut"))),
        after(Outcome::Done(Refunded::Pending { refund })),
    ]
}

fn refund_snapshot(refund: &Refund, provider_status: RefundProviderStatus) -> RefundSnapshot {
    RefundSnapshot {
        reference: ProviderRef::new("re_1"),
        refund: Some(refund.id),
        payment: Some(refund.payment),
        charge: None,
        money: Some(refund.money()),
        is_without_funds: false,
        created: None,
        provider_status,
    }
}

fn follow_refund(refund: Refund, reads: &[RefundSnapshot]) -> Refund {
    reads.iter().fold(refund, |refund, seen| match refund.apply(seen, OwnCall::IsOver, at(4)) {
        Applied::Moved(moved) | Applied::Surprising(moved) => moved,
        Applied::Known => refund,
        other => panic!("{seen:?} gave {other:?}"),
    })
}

#[test]
fn an_operation_that_may_still_be_executed_is_not_given_up_for_an_old_read() {
    let [unknown, ..] = &beginnings(r#","capture":"manual""#)[..] else { panic!() };
    let held = follow(unknown.clone(), &[snapshot(unknown, held())]);
    let capture = held.begin_capture(None, attempt(2), None, at(3)).unwrap();
    let lost = capture.capture_answered(Outcome::Unknown(Uncertainty::new("cut")), at(4)).unwrap();
    for provider_status in
        [self::held(), ProviderStatus::Open, ProviderStatus::Approved { declined: None, page: None }]
    {
        let seen = snapshot(&lost, provider_status);
        assert_eq!(lost.apply(&seen, OwnCall::IsOver, false, at(5)), Applied::Known);
    }
    assert!(matches!(lost.state.in_flight().unwrap().operation, Operation::Capture { .. }));
}
