//! Refunds of that payment: ours, and those that a person makes at the provider's dashboard.

mod books;
mod reads;
mod resolve;
mod steps;

use edge_core::money::Amount;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::calls::silence;
use crate::keys::HORIZON;
use crate::names::*;
use crate::provider::{Decision, Mishap, Truth};
use crate::transitions::{self, By};
use crate::wire::Wire;
use crate::world::World;
use books::Books;
use payments::model::event::Event;
use payments::model::id::AttemptId;
use payments::model::in_flight::InProgress as _;
use payments::model::payment::Payment;
use payments::model::provider::{Outcome, Refunded};
use payments::model::refund::{Refund, RefundState, RefundStatus};
use payments::model::transition::InvalidTransition;

pub(crate) use resolve::resolve;
pub(crate) use steps::{Doing, Step, step};

pub(crate) struct Refunds {
    ours: Vec<Ours>,
    books: Books,
}

struct Ours {
    /// `None` for one of the dashboard.
    attempt: Option<AttemptId>,
    refund: Refund,
    wire: Wire<AttemptId, Outcome<Refunded>>,
}

impl Refunds {
    pub(crate) const fn new(replays: bool) -> Self {
        Self { ours: Vec::new(), books: Books::new(replays) }
    }

    pub(crate) fn check(&self, payment: &Payment, truth: Truth) -> Result<(), TestCaseError> {
        let counts = |ours: &&Ours| ours.refund.state.status() != RefundStatus::Failed;
        let reserved: u64 = self.ours.iter().filter(counts).map(|ours| ours.refund.amount.minor()).sum();
        prop_assert_eq!(payment.refunded, reserved, "what is reserved is what has not failed");
        let captured = payment.captured().map_or(0, |(_, amount)| amount.minor());
        prop_assert!(payment.refunded <= captured, "more is refunded than was captured");
        if let Truth::Captured(captured) = truth {
            prop_assert!(self.books.given_back() <= captured.minor());
        }
        for ours in &self.ours {
            let reference = ours.refund.state.reference();
            if let Some(reference) = reference {
                let exists = self.books.made.iter().any(|theirs| theirs.reference == *reference);
                prop_assert!(exists, "only what was given back is called given back");
            }
            let its = |theirs: &&books::Theirs| theirs.attempt.is_some() && theirs.attempt == ours.attempt;
            let made: Vec<_> = self.books.made.iter().filter(its).filter(|theirs| theirs.counts()).collect();
            prop_assert!(made.len() < 2, "given back twice");
            let is_failed = ours.refund.state.status() == RefundStatus::Failed;
            prop_assert!(!is_failed || made.is_empty(), "failed, and the provider gave it back");
            let is_another =
                made.first().zip(reference).is_some_and(|(made, known)| made.reference != *known);
            prop_assert!(!is_another, "another one takes its place, and the provider gave it back");
        }
        Ok(())
    }
}

pub(crate) fn take(world: &mut World, step: Step) -> Result<(), TestCaseError> {
    let (second, truth, n) = (world.second(), world.provider.truth, usize::from(step.which));
    match step.doing {
        Doing::Open { amount } => {
            open(world, amount.into());
            Ok(())
        }
        Doing::GiveBackTheRest => {
            let captured = world.payment.captured().map_or(0, |(_, amount)| amount.minor());
            if world.payment.state.is_to_be_refunded() {
                open(world, captured - world.payment.refunded);
            }
            Ok(())
        }
        Doing::Dashboard { amount } => {
            let amount = Amount::new(amount.into()).unwrap();
            world.refunds.books.make(None, amount, Decision::Done, truth, second);
            Ok(())
        }
        Doing::Happens(decision) => {
            world.refunds.books.happens(n, decision, second);
            Ok(())
        }
        Doing::Read { lag } => reads::read(world, lag),
        doing if n < world.refunds.ours.len() => with_one(world, n, doing),
        _ => Ok(()),
    }
}

/// What is done with the refund `n`.
fn with_one(world: &mut World, n: usize, doing: Doing) -> Result<(), TestCaseError> {
    let (second, now, truth) = (world.second(), world.now(), world.provider.truth);
    let Refunds { ours, books } = &mut world.refunds;
    let ours = &mut ours[n];
    let (refund, amount) = (ours.refund.clone(), ours.refund.amount);
    match doing {
        Doing::Execute(decision, mishap) => {
            // A worker retries what is unknown, as long as its key tells.
            if let RefundState::Unknown { call, .. } = &refund.state
                && call.may_be_repeated(HORIZON, now)
                && ours.wire.newest(second).is_none()
            {
                ours.wire.send(call.attempt, second);
            }
            if let Some(call) = ours.wire.newest(second) {
                call.answer = Some(books.execute((call.request, amount), (decision, mishap), truth, second));
            }
            Ok(())
        }
        Doing::Arrive(decision) => {
            if let Some(call) = ours.wire.stray(0, second) {
                let how = (decision, Mishap::None);
                call.answer = Some(books.execute((call.request, amount), how, truth, second));
            }
            Ok(())
        }
        Doing::Hear(hearing) => match ours.wire.hear(hearing, |_, hearing| silence(hearing)) {
            Some((_, heard)) => moves(world, n, By::Answer, refund.answered(heard, now)),
            None => Ok(()),
        },
        Doing::Crash => {
            ours.wire.lose_all();
            Ok(())
        }
        Doing::Lost if !ours.wire.awaits(|_| true) => moves(world, n, By::Us, refund.lost(now)),
        Doing::BeginAgain => {
            let again = refund.begin_again(now);
            if let Ok(again) = &again {
                ours.wire.send(again.state.call().unwrap().attempt, second);
            }
            moves(world, n, By::Us, again)
        }
        Doing::GiveUp => moves(world, n, By::Us, refund.give_up(now)),
        _ => Ok(()),
    }
}

/// A client wants that much back.
fn open(world: &mut World, amount: u64) {
    let Some(amount) = Amount::new(amount).filter(|_| world.payment.captured().is_some()) else {
        return;
    };
    let (attempt, id) = (world.new_attempt(), refund_id(u32::try_from(world.refunds.ours.len()).unwrap()));
    let refund = Refund::open(id, &world.payment, amount, attempt, world.now());
    let second = world.second();
    if let Some(opened) = reserve(world, Some(attempt), refund) {
        opened.wire.send(attempt, second);
    }
}

/// As the store does it: only if that much is left.
fn reserve(world: &mut World, attempt: Option<AttemptId>, refund: Refund) -> Option<&mut Ours> {
    let captured = world.payment.captured().map_or(0, |(_, amount)| amount.minor());
    let reserved = world.payment.refunded + refund.amount.minor();
    if reserved > captured {
        return None;
    }
    world.payment.refunded = reserved;
    world.refunds.ours.push(Ours { attempt, refund, wire: Wire::new() });
    world.refunds.ours.last_mut()
}

/// Everything that must be true of a single move.
fn moves(
    world: &mut World,
    n: usize,
    by: By,
    moved: Result<Refund, InvalidTransition>,
) -> Result<(), TestCaseError> {
    let Ok(moved) = moved else { return Ok(()) };
    let before = &world.refunds.ours[n].refund;
    let event = Event::refund_moved(Some(&before.state), &moved, &cause());
    prop_assert_eq!(event.version, before.version + 1, "each move is one version and one record");
    prop_assert_eq!(
        (event.from.as_deref(), event.to.as_str()),
        (Some(before.state.name()), moved.state.name())
    );
    let unknown = matches!(before.state, RefundState::Unknown { .. });
    prop_assert!(!(unknown && by == By::Us), "left without evidence");
    let undecided = moved.state.status() == RefundStatus::Pending;
    prop_assert_eq!(moved.follow_up.is_some(), undecided, "what is undecided is looked after again");
    let step = (transitions::refund_name(&before.state), by, transitions::refund_name(&moved.state));
    if moved.state.status() == RefundStatus::Failed && before.state.status() != RefundStatus::Failed {
        world.payment.refunded -= moved.amount.minor();
    }
    world.refunds.ours[n].refund = moved;
    world.note(step)
}
