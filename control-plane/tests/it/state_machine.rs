//! The payment's transitions, driven at random: no state is left but by a documented one, what is wanted meanwhile is
//! kept, and money is conserved on the way.

use edge_core::money::Amount;
use payments::model::in_flight::InProgress as _;
use payments::model::payer_action::PayerAction;
use payments::model::payment::{InFlightOperation, Operation, Payment, ResumedBy, State, Status};
use payments::model::provider::{Captured, Charged, Outcome, ProviderRef, Refusal, RefusalKind, Uncertainty};
use proptest::prelude::*;

use crate::common::*;

#[derive(Clone, Debug)]
enum TransitionStep {
    BeginCharge,
    BeginResume,
    BeginCapture(Option<u64>),
    BeginCancel,
    BeginAgain,
    GiveUp,
    Lost,
    ChargeAnswered(Outcome<Charged>),
    CaptureAnswered(Outcome<Captured>),
    CancelAnswered(Outcome<()>),
}

fn reference() -> ProviderRef {
    ProviderRef::new("ref")
}

fn charged() -> impl Strategy<Value = Charged> {
    prop_oneof![
        Just(Charged::Completed { payment: reference(), charge: reference(), paid_with: None }),
        Just(Charged::Authorized { payment: reference(), authorization: reference(), paid_with: None }),
        any::<bool>().prop_map(|declined| Charged::RequiresAction {
            payment: reference(),
            action: PayerAction::Page("https://pay.example".to_owned()),
            declined
        }),
        Just(Charged::Pending { payment: reference() }),
    ]
}

fn outcome<T: Clone + std::fmt::Debug + 'static>(
    done: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Outcome<T>> {
    let kind = prop_oneof![
        Just(RefusalKind::Declined),
        Just(RefusalKind::State),
        Just(RefusalKind::Expired),
        Just(RefusalKind::Configuration),
        Just(RefusalKind::Invalid { param: None }),
    ];
    let refused = kind.prop_map(|kind| {
        Outcome::Refused(Refusal {
            kind,
            code: None,
            decline_code: None,
            message: "no".to_owned(),
            reference: None,
        })
    });
    prop_oneof![
        4 => done.prop_map(Outcome::Done),
        1 => refused,
        1 => Just(Outcome::NotSent(Uncertainty::new("refused"))),
        1 => Just(Outcome::Unknown(Uncertainty::new("cut"))),
    ]
}

fn step() -> impl Strategy<Value = TransitionStep> {
    prop_oneof![
        Just(TransitionStep::BeginCharge),
        Just(TransitionStep::BeginResume),
        proptest::option::of(1_u64..200).prop_map(TransitionStep::BeginCapture),
        Just(TransitionStep::BeginCancel),
        Just(TransitionStep::BeginAgain),
        Just(TransitionStep::GiveUp),
        Just(TransitionStep::Lost),
        outcome(charged()).prop_map(TransitionStep::ChargeAnswered),
        outcome(prop_oneof![Just(Captured::Completed { charge: reference() }), Just(Captured::Pending),])
            .prop_map(TransitionStep::CaptureAnswered),
        outcome(Just(())).prop_map(TransitionStep::CancelAnswered),
    ]
}

/// `None`: refused, and the payment is as it was.
fn take(payment: Payment, step: TransitionStep, n: u8) -> Option<Payment> {
    match step {
        TransitionStep::BeginCharge => payment.begin_charge(attempt(n), None, at(n.into())).ok(),
        TransitionStep::BeginResume => payment.begin_resume(ResumedBy::Client, attempt(n), at(n.into())).ok(),
        TransitionStep::BeginCapture(amount) => {
            payment.begin_capture(amount.and_then(Amount::new), attempt(n), None, at(n.into())).ok()
        }
        TransitionStep::BeginCancel => payment.begin_cancel(attempt(n), None, at(n.into())).ok(),
        TransitionStep::BeginAgain => payment.begin_again(at(n.into())).ok(),
        TransitionStep::GiveUp => payment.give_up(at(n.into())).ok(),
        TransitionStep::Lost => payment.lost(at(n.into())).ok(),
        TransitionStep::ChargeAnswered(answer) => payment.charge_answered(answer, at(n.into())).ok(),
        TransitionStep::CaptureAnswered(answer) => payment.capture_answered(answer, at(n.into())).ok(),
        TransitionStep::CancelAnswered(answer) => payment.cancel_answered(answer, at(n.into())).ok(),
    }
}

/// The documented transitions; everything else is a defect.
fn is_documented(from: &State, to: &State) -> bool {
    let Some(in_flight) = from.in_flight() else {
        let may_begin = matches!(from, State::Created | State::RequiresAction(_) | State::Authorized(_));
        return may_begin && to.name() == "processing";
    };
    let to_go_on: &[_] = match from {
        // What was never sent is canceled at once.
        State::Queued { .. } if in_flight.operation == Operation::Charge => {
            &["processing", "queued", "unknown", "canceled"]
        }
        // Only a call that was certainly the first one can have been executed certainly not.
        State::Processing { accepted: false, .. } | State::Queued { .. } => {
            &["processing", "queued", "unknown"]
        }
        State::Processing { accepted: true, .. } => &["processing"],
        _ => &["processing", "unknown"],
    };
    to_go_on.contains(&to.name()) || landed(in_flight).contains(&to.name())
}

/// Where an operation may end; what is held or offered then is canceled, if the client wanted that meanwhile.
fn landed(in_flight: &InFlightOperation) -> &[&'static str] {
    match (&in_flight.operation, in_flight.cancel.is_some()) {
        (Operation::Charge, false) => &["completed", "authorized", "requires_action", "failed"],
        (Operation::Charge, true) => &["completed", "queued", "failed"],
        (Operation::Resume(_), false) => {
            &["completed", "authorized", "requires_action", "canceled", "failed"]
        }
        (Operation::Resume(_), true) => &["completed", "queued", "canceled", "failed"],
        (Operation::Capture { .. }, false) => &["captured", "authorized", "canceled"],
        (Operation::Capture { .. }, true) => &["captured", "queued", "canceled"],
        (Operation::Cancel(_), _) => &["canceled", "authorized", "requires_action"],
    }
}

/// Whether a cancellation that is wanted is kept until the outcome is known, and carried out then.
fn keeps_the_wish(from: &State, to: &State) -> bool {
    let Some(wish) = from.in_flight().and_then(|in_flight| in_flight.cancel.as_ref()) else { return true };
    match to {
        State::Completed { .. } | State::Captured { .. } => to.is_to_be_refunded(),
        State::Failed { .. } | State::Canceled { .. } => true,
        State::Queued { in_flight, .. } => {
            in_flight.call.attempt == wish.attempt && matches!(in_flight.operation, Operation::Cancel(_))
        }
        _ => to.in_flight().and_then(|in_flight| in_flight.cancel.as_ref()) == Some(wish),
    }
}

/// However long the outcome was unknown.
#[test]
fn a_cancellation_that_waited_for_the_outcome_is_tried_from_then_on() {
    let payment = Payment::open(payment_id(1), client("demo"), charge_request(100, ""), None, at(0));
    let unknown = payment.begin_charge(attempt(1), None, at(1)).unwrap().lost(at(2)).unwrap();
    let wished = unknown.begin_cancel(attempt(2), None, at(3)).unwrap();
    let held = Charged::Authorized { payment: reference(), authorization: reference(), paid_with: None };
    let queued = wished.charge_answered(Outcome::Done(held), at(90_000)).unwrap();
    let State::Queued { in_flight, .. } = &queued.state else { panic!("{:?}", queued.state) };
    assert_eq!((in_flight.call.attempt, in_flight.call.since), (attempt(2), at(90_000)));
}

proptest! {
    #[test]
    fn random_steps_make_only_documented_transitions(steps in proptest::collection::vec(step(), 1..40)) {
        let mut payment = Payment::open(payment_id(1), client("demo"), charge_request(100, ""), None, at(0));
        for (n, step) in (1_u8..).zip(steps) {
            let before = payment.clone();
            let Some(after) = take(payment, step, n) else {
                payment = before;
                continue;
            };
            prop_assert!(is_documented(&before.state, &after.state), "{:?} to {:?}", before.state, after.state);
            prop_assert!(keeps_the_wish(&before.state, &after.state), "{:?} to {:?}", before.state, after.state);
            prop_assert_eq!(after.version, before.version + 1);
            let pending = after.state.status() == Status::Pending;
            prop_assert_eq!(after.follow_up.is_some(), pending, "what is undecided is looked after again");
            prop_assert!(after.captured().is_none_or(|(_, captured)| captured <= after.request.amount));
            payment = after;
        }
    }

    #[test]
    fn every_reachable_state_survives_the_database(steps in proptest::collection::vec(step(), 1..40)) {
        let mut payment = Payment::open(payment_id(1), client("demo"), charge_request(100, ""), None, at(0));
        for (n, step) in (1_u8..).zip(steps) {
            payment = take(payment.clone(), step, n).unwrap_or(payment);
            let stored = serde_json::to_string(&payment.state).unwrap();
            prop_assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), payment.state.clone());
        }
    }
}
