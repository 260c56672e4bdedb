//! Refunds of that payment: ours, and those that a person makes at the provider's dashboard.

mod provider_refunds;
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
use crate::simulation::Simulation;
use crate::transitions::{self, By};
use crate::wire::Wire;
use payments::model::event::Event;
use payments::model::id::AttemptId;
use payments::model::in_flight::InProgress as _;
use payments::model::payment::Payment;
use payments::model::provider::{Outcome, Refunded};
use payments::model::refund::{Refund, RefundState, RefundStatus};
use payments::model::transition::InvalidTransition;
use provider_refunds::ProviderRefunds;

pub(crate) use resolve::resolve;
pub(crate) use steps::{Action, RefundStep, step};

pub(crate) struct Refunds {
    ours: Vec<Ours>,
    provider_refunds: ProviderRefunds,
}

struct Ours {
    /// `None` for one of the dashboard.
    attempt: Option<AttemptId>,
    refund: Refund,
    wire: Wire<AttemptId, Outcome<Refunded>>,
}

impl Refunds {
    pub(crate) const fn new(replays: bool) -> Self {
        Self { ours: Vec::new(), provider_refunds: ProviderRefunds::new(replays) }
    }

    pub(crate) fn check(&self, payment: &Payment, truth: Truth) -> Result<(), TestCaseError> {
        let counts = |ours: &&Ours| ours.refund.state.status() != RefundStatus::Failed;
        let reserved: u64 = self.ours.iter().filter(counts).map(|ours| ours.refund.amount.minor()).sum();
        prop_assert_eq!(payment.refunded, reserved, "what is reserved is what has not failed");
        let captured = payment.captured().map_or(0, |(_, amount)| amount.minor());
        prop_assert!(payment.refunded <= captured, "more is refunded than was captured");
        if let Truth::Captured(captured) = truth {
            prop_assert!(self.provider_refunds.given_back() <= captured.minor());
        }
        for ours in &self.ours {
            let reference = ours.refund.state.reference();
            if let Some(reference) = reference {
                let exists = self.provider_refunds.made.iter().any(|theirs| theirs.reference == *reference);
                prop_assert!(exists, "only what was given back is called given back");
            }
            let its = |theirs: &&provider_refunds::Theirs| {
                theirs.attempt.is_some() && theirs.attempt == ours.attempt
            };
            let made: Vec<_> =
                self.provider_refunds.made.iter().filter(its).filter(|theirs| theirs.counts()).collect();
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

pub(crate) fn take(simulation: &mut Simulation, step: RefundStep) -> Result<(), TestCaseError> {
    let (second, truth, n) = (simulation.second(), simulation.provider.truth, usize::from(step.which));
    match step.action {
        Action::Open { amount } => {
            open(simulation, amount.into());
            Ok(())
        }
        Action::GiveBackTheRest => {
            let captured = simulation.payment.captured().map_or(0, |(_, amount)| amount.minor());
            if simulation.payment.state.is_to_be_refunded() {
                open(simulation, captured - simulation.payment.refunded);
            }
            Ok(())
        }
        Action::Dashboard { amount } => {
            let amount = Amount::new(amount.into()).unwrap();
            simulation.refunds.provider_refunds.make(None, amount, Decision::Done, truth, second);
            Ok(())
        }
        Action::Happens(decision) => {
            simulation.refunds.provider_refunds.happens(n, decision, second);
            Ok(())
        }
        Action::Read { lag } => reads::read(simulation, lag),
        action if n < simulation.refunds.ours.len() => with_one(simulation, n, action),
        _ => Ok(()),
    }
}

/// What is done with the refund `n`.
fn with_one(simulation: &mut Simulation, n: usize, action: Action) -> Result<(), TestCaseError> {
    let (second, now, truth) = (simulation.second(), simulation.now(), simulation.provider.truth);
    let Refunds { ours, provider_refunds } = &mut simulation.refunds;
    let ours = &mut ours[n];
    let (refund, amount) = (ours.refund.clone(), ours.refund.amount);
    match action {
        Action::Execute(decision, mishap) => {
            // A worker retries what is unknown, as long as its key is valid.
            if let RefundState::Unknown { call, .. } = &refund.state
                && call.may_be_repeated(HORIZON, now)
                && ours.wire.newest(second).is_none()
            {
                ours.wire.send(call.attempt, second);
            }
            if let Some(call) = ours.wire.newest(second) {
                call.answer =
                    Some(provider_refunds.execute((call.request, amount), (decision, mishap), truth, second));
            }
            Ok(())
        }
        Action::Arrive(decision) => {
            if let Some(call) = ours.wire.stray(0, second) {
                let how = (decision, Mishap::None);
                call.answer = Some(provider_refunds.execute((call.request, amount), how, truth, second));
            }
            Ok(())
        }
        Action::Hear(hearing) => match ours.wire.hear(hearing, |_, hearing| silence(hearing)) {
            Some((_, heard)) => moves(simulation, n, By::Answer, refund.answered(heard, now)),
            None => Ok(()),
        },
        Action::Crash => {
            ours.wire.lose_all();
            Ok(())
        }
        Action::Lost if !ours.wire.awaits(|_| true) => moves(simulation, n, By::Us, refund.lost(now)),
        Action::BeginAgain => {
            let again = refund.begin_again(now);
            if let Ok(again) = &again {
                ours.wire.send(again.state.call().unwrap().attempt, second);
            }
            moves(simulation, n, By::Us, again)
        }
        Action::GiveUp => moves(simulation, n, By::Us, refund.give_up(now)),
        _ => Ok(()),
    }
}

/// A client wants that much back.
fn open(simulation: &mut Simulation, amount: u64) {
    let Some(amount) = Amount::new(amount).filter(|_| simulation.payment.captured().is_some()) else {
        return;
    };
    let (attempt, id) =
        (simulation.new_attempt(), refund_id(u32::try_from(simulation.refunds.ours.len()).unwrap()));
    let refund = Refund::open(id, &simulation.payment, amount, attempt, simulation.now());
    let second = simulation.second();
    if let Some(opened) = reserve(simulation, Some(attempt), refund) {
        opened.wire.send(attempt, second);
    }
}

/// As the store does it: only if that much is left.
fn reserve(simulation: &mut Simulation, attempt: Option<AttemptId>, refund: Refund) -> Option<&mut Ours> {
    let captured = simulation.payment.captured().map_or(0, |(_, amount)| amount.minor());
    let reserved = simulation.payment.refunded + refund.amount.minor();
    if reserved > captured {
        return None;
    }
    simulation.payment.refunded = reserved;
    simulation.refunds.ours.push(Ours { attempt, refund, wire: Wire::new() });
    simulation.refunds.ours.last_mut()
}

/// Everything that must be true of a single move.
fn moves(
    simulation: &mut Simulation,
    n: usize,
    by: By,
    moved: Result<Refund, InvalidTransition>,
) -> Result<(), TestCaseError> {
    let Ok(moved) = moved else { return Ok(()) };
    let before = &simulation.refunds.ours[n].refund;
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
        simulation.payment.refunded -= moved.amount.minor();
    }
    simulation.refunds.ours[n].refund = moved;
    simulation.note(step)
}
