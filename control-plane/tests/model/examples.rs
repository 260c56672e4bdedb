//! Short sequences that a mistake is likely to break, each tried every time.

use Hearing::{Answer, Nothing};
use Step::{Cancel, Capture, Crash, Execute, Happens, Hear, Pass, Read, Resume, ResumeByGateway};

use crate::happenings::Happening::{ApprovesInVain, Denied, Expires, Pays};
use crate::provider::Decision::{AskPayer, Done, Later};
use crate::provider::Mishap;
use crate::refunds::{self, Action};
use crate::simulation::Simulation;
use crate::steps::{Hearing, Pause, Step};

#[derive(Clone, Copy)]
enum Like {
    Stripe,
    Paypal,
}

fn holds(like: Like, is_manual: bool, steps: &[Step]) {
    let mut simulation = Simulation::new(is_manual, matches!(like, Like::Stripe));
    for step in steps {
        simulation
            .take(*step)
            .and_then(|()| simulation.check())
            .unwrap_or_else(|broken| panic!("{step:?}: {broken}"));
    }
    simulation.resolve().unwrap();
}

const fn refund(action: Action) -> Step {
    Step::Refund(refunds::RefundStep::of_the_first(action))
}

const WELL: Mishap = Mishap::None;

#[test]
fn an_offer_that_is_not_shown_yet_is_not_taken_for_one_that_ran_out() {
    holds(Like::Stripe, false, &[Execute(AskPayer, WELL), Hear(Answer), Read { lag: 3 }]);
}

#[test]
fn a_cancellation_of_an_order_that_ran_out_comes_to_an_end() {
    let lost = [Execute(AskPayer, WELL), Hear(Answer), Cancel, Crash, Happens(Expires), Pass(Pause::Hours)];
    holds(Like::Paypal, false, &lost);
}

#[test]
fn a_payer_who_pays_while_a_cancellation_fails_leaves_an_authorized_payment() {
    let failed = Execute(Done, Mishap::FailsBefore);
    holds(Like::Stripe, true, &[Execute(AskPayer, WELL), Hear(Answer), Cancel, failed]);
}

#[test]
fn an_earlier_declined_capture_says_nothing_of_a_later_one_that_may_still_arrive() {
    let declined = [Execute(Done, WELL), Hear(Answer), Capture { amount: 0 }, Execute(AskPayer, WELL)];
    let again = [Hear(Answer), Capture { amount: 0 }, Hear(Nothing), Read { lag: 0 }];
    holds(Like::Paypal, true, &[declined, again].concat());
}

#[test]
fn an_earlier_denial_says_nothing_of_a_later_try_that_may_still_arrive() {
    let denied = [Execute(Later, WELL), Hear(Answer), Happens(Denied), Read { lag: 0 }];
    let again = [Resume, Hear(Nothing), Read { lag: 0 }];
    holds(Like::Paypal, false, &[&denied[..], &again].concat());
}

#[test]
fn an_order_that_is_approved_in_vain_before_a_repeat_is_not_taken_as_it_stands() {
    let lost = [Execute(AskPayer, WELL), Hear(Answer), Happens(Pays), Resume, Hear(Nothing)];
    let again = [Happens(ApprovesInVain), Execute(Done, WELL), Hear(Answer), Read { lag: 0 }];
    for is_manual in [false, true] {
        holds(Like::Paypal, is_manual, &[&lost[..], &again].concat());
    }
}

#[test]
fn a_client_that_brings_an_order_back_late_is_told_what_became_of_it() {
    let waits = [Execute(AskPayer, WELL), Hear(Answer), Happens(Pays), ResumeByGateway];
    let in_the_midst = [Resume, Execute(Done, WELL), Hear(Answer), Resume];
    holds(Like::Paypal, false, &[waits, in_the_midst].concat());
    let lost = [Execute(Done, WELL), Hear(Nothing), Resume, Read { lag: 0 }];
    holds(Like::Paypal, true, &[&waits[..], &lost, &[Resume, Capture { amount: 30 }, Resume]].concat());
    holds(Like::Paypal, false, &[&waits[..], &[Cancel, Resume, Crash]].concat());
}

#[test]
fn a_dashboard_refund_does_not_take_the_place_of_one_that_was_made() {
    let made = [Action::Dashboard { amount: 20 }, Action::Open { amount: 20 }, Action::Execute(Done, WELL)];
    let paid = [Execute(Done, WELL), Hear(Answer)];
    holds(Like::Paypal, false, &[&paid[..], &made.map(refund)].concat());
}

#[test]
fn what_was_captured_for_a_payment_that_was_canceled_meanwhile_goes_back() {
    holds(Like::Paypal, false, &[Execute(Done, WELL), Hear(Nothing), Cancel]);
    let captured = [Execute(Done, WELL), Hear(Answer), Capture { amount: 30 }, Execute(Done, WELL)];
    holds(Like::Stripe, true, &[&captured[..], &[Hear(Nothing), Cancel]].concat());
}
