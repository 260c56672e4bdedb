//! One payment of ours beside what the provider knows of it.

use std::collections::BTreeSet;

use control_plane::domain::event::Event;
use control_plane::domain::evidence::{Adopted, Evidence, OwnCall};
use control_plane::domain::id::AttemptId;
use control_plane::domain::payment::{Flight, InvalidTransition, Operation, Payment, State, Status};
use control_plane::domain::provider::{Doubt, Outcome, RefusalKind};
use edge_core::money::Amount;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::names::*;
use crate::provider::{Answer, Decision, Provider, Truth, no, reference};
use crate::refunds::{self, Refunds};
use crate::transitions::{self, By, Move};
use crate::{Hearing, Step};

const AMOUNT: u64 = 100;

pub(crate) struct World {
    pub(crate) payment: Payment,
    pub(crate) provider: Provider,
    pub(crate) refunds: Refunds,
    /// Under way, the oldest first: somebody may still wait for an answer after the payment has moved on.
    calls: Vec<Call>,
    /// Reads lag, but not so far that they show what was before the last change that we have seen begin.
    oldest: usize,
    trail: Vec<Event>,
    pub(crate) moves: BTreeSet<Move>,
    second: u32,
}

struct Call {
    flight: Flight,
    /// What the provider answered, if it was reached.
    answer: Option<Answer>,
}

impl World {
    pub(crate) fn new(is_manual: bool, replays: bool) -> Self {
        let payment = Payment::open(payment_id(), client(), charge_request(AMOUNT, is_manual), None, at(0));
        let amount = payment.request.amount;
        let mut world = Self {
            trail: vec![Event::payment_moved(None, &payment, &cause())],
            payment,
            provider: Provider::new(amount, is_manual, replays),
            refunds: Refunds::new(replays),
            calls: Vec::new(),
            oldest: 0,
            moves: BTreeSet::new(),
            second: 0,
        };
        world
            .begin(|payment, attempt, at| payment.begin_charge(attempt, None, at))
            .expect("a new payment can be charged");
        world
    }

    pub(crate) fn tick(&mut self) -> (AttemptId, jiff::Timestamp) {
        self.second += 1;
        (attempt(self.second), at(self.second))
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        at(self.second)
    }

    /// A move was made; it must be documented.
    pub(crate) fn note(&mut self, step: Move) -> Result<(), TestCaseError> {
        prop_assert!(transitions::is_documented(step), "{:?} is not documented", step);
        self.moves.insert(step);
        Ok(())
    }

    pub(crate) fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = self.tick().1;
        match step {
            Step::Resume => self.begin(Payment::begin_resume),
            Step::Capture { amount } => self.begin(|payment, attempt, at| {
                let amount = Amount::new(amount.into());
                payment
                    .begin_capture(amount, attempt, None, at)
                    .map_err(|_| InvalidTransition { from: "", wanted: "" })
            }),
            Step::Cancel => self.begin(|payment, attempt, at| payment.begin_cancel(attempt, None, at)),
            Step::Execute(decision) => {
                self.execute(decision);
                Ok(())
            }
            Step::Hear(hearing) => self.hear(hearing),
            Step::Crash => {
                self.calls.clear();
                Ok(())
            }
            Step::Lost if self.own_call() == OwnCall::IsOver => self.us(|payment| payment.lost(now)),
            Step::Lost => Ok(()),
            Step::BeginAgain => self.begin(|payment, _, at| payment.begin_again(at)),
            Step::GiveUp => self.us(|payment| payment.give_up(now)),
            Step::Happens(decision) => {
                self.provider.happens(decision);
                Ok(())
            }
            Step::Read { lag } => self.read(lag),
            Step::Refund(step) => refunds::take(self, step),
        }
    }

    /// A client wants something: a call of ours begins.
    fn begin(
        &mut self,
        begin: impl FnOnce(Payment, AttemptId, jiff::Timestamp) -> Result<Payment, InvalidTransition>,
    ) -> Result<(), TestCaseError> {
        let (attempt, at) = self.tick();
        let version = self.payment.version;
        self.us(|payment| begin(payment, attempt, at))?;
        if self.payment.version != version {
            self.oldest = self.provider.changes().saturating_sub(1);
            let flight = self.payment.state.flight().cloned();
            self.calls.extend(flight.map(|flight| Call { flight, answer: None }));
        }
        Ok(())
    }

    /// A move of our own, if the payment allows it. Where the provider may have done something, it does not.
    fn us(
        &mut self,
        go: impl FnOnce(Payment) -> Result<Payment, InvalidTransition>,
    ) -> Result<(), TestCaseError> {
        match go(self.payment.clone()) {
            Ok(moved) => {
                prop_assert!(!matches!(self.payment.state, State::Unknown { .. }), "left without evidence");
                self.enter(moved, By::Us)
            }
            Err(_) => Ok(()),
        }
    }

    fn own_call(&self) -> OwnCall {
        let flight = self.payment.state.flight();
        let under_way = self.calls.iter().any(|call| Some(&call.flight) == flight);
        match &self.payment.state {
            State::Processing { accepted: false, .. } if under_way => OwnCall::MayAnswer,
            _ => OwnCall::IsOver,
        }
    }

    fn execute(&mut self, decision: Decision) {
        // Somebody repeats what is unknown, under its own attempt.
        if let State::Unknown { flight, .. } = &self.payment.state
            && self.calls.iter().all(|call| call.flight != *flight)
        {
            self.calls.push(Call { flight: flight.clone(), answer: None });
        }
        if let Some(call) = self.calls.last_mut().filter(|call| call.answer.is_none()) {
            call.answer = Some(self.provider.execute(&call.flight, decision));
        }
    }

    /// The oldest call ends.
    fn hear(&mut self, hearing: Hearing) -> Result<(), TestCaseError> {
        let Some(call) = self.calls.first() else { return Ok(()) };
        let heard = match (hearing, &call.answer) {
            (Hearing::Answer, Some(answer)) => answer.clone(),
            (Hearing::Nothing, _) | (Hearing::NotSent | Hearing::TurnedAway, None) => {
                no_answer(&call.flight, hearing)
            }
            _ => return Ok(()),
        };
        let call = self.calls.remove(0);
        if self.payment.state.flight().is_none_or(|flight| flight.call.attempt != call.flight.call.attempt) {
            return Ok(());
        }
        let (payment, now) = (self.payment.clone(), at(self.second));
        let moved = match heard {
            Answer::Charge(answer) => payment.charge_answered(answer, now),
            Answer::Capture(answer) => payment.capture_answered(answer, now),
            Answer::Cancel(answer) => payment.cancel_answered(answer, now),
        };
        match moved {
            Ok(moved) => self.enter(moved, By::Answer),
            Err(_) => Ok(()),
        }
    }

    fn read(&mut self, lag: u8) -> Result<(), TestCaseError> {
        let Some(standing) = self.provider.read(lag, self.oldest) else { return Ok(()) };
        let (payment, money) = (Some(self.payment.id), Some(self.payment.money()));
        let seen = Evidence { reference: reference(), payment, money, standing };
        match self.payment.adopt(&seen, self.own_call(), false, at(self.second)) {
            Adopted::Known | Adopted::Wait => Ok(()),
            Adopted::Moved(moved) | Adopted::Surprising(moved) => {
                if lag == 0 {
                    self.is_no_false_end(&moved.state)?;
                }
                self.enter(moved, By::Read)
            }
            Adopted::Refused(problem) => Err(TestCaseError::fail(problem)),
        }
    }

    /// Everything that must be true of a single move.
    fn enter(&mut self, moved: Payment, by: By) -> Result<(), TestCaseError> {
        let event = Event::payment_moved(Some(&self.payment.state), &moved, &cause());
        prop_assert_eq!(event.version, self.payment.version + 1, "each move is one version and one record");
        let last = self.trail.last().map(|event| event.to.clone());
        prop_assert_eq!(&event.from, &last, "the trail is a chain");
        let step = (transitions::name(&self.payment.state), by, transitions::name(&moved.state));
        let undecided = moved.state.status() == Status::Pending;
        prop_assert_eq!(moved.follow_up.is_some(), undecided, "what is undecided is looked after again");
        if by != By::Read {
            self.is_no_false_end(&moved.state)?;
        }
        self.trail.push(event);
        self.payment = moved;
        self.note(step)
    }

    /// Nothing that we call failed or canceled has moved money or still may.
    fn is_no_false_end(&self, state: &State) -> Result<(), TestCaseError> {
        let truth = self.provider.truth;
        match state {
            State::Failed { .. } => {
                let ended = matches!(truth, Truth::Nothing | Truth::Declined | Truth::Canceled);
                prop_assert!(ended, "failed, and the provider has {:?}", truth);
            }
            State::Canceled { .. } => prop_assert_eq!(truth, Truth::Canceled),
            _ => {}
        }
        Ok(())
    }

    /// Everything that must be true at any time.
    pub(crate) fn check(&self) -> Result<(), TestCaseError> {
        if let Some((_, captured)) = self.payment.captured() {
            prop_assert_eq!(
                self.provider.truth,
                Truth::Captured(captured),
                "only what moved is called moved"
            );
        }
        if let Truth::Captured(captured) = self.provider.truth {
            prop_assert!(captured <= self.payment.request.amount);
        }
        self.refunds.check(&self.payment, self.provider.truth)
    }

    /// The faults are over: everything that can be decided is, and is what the provider has.
    pub(crate) fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..3 {
            self.take(Step::Crash)?;
            for step in [Step::Lost, Step::BeginAgain, Step::Execute(Decision::Done)] {
                self.take(step)?;
            }
            self.take(Step::Hear(Hearing::Answer))?;
            self.take(Step::Happens(Decision::Done))?;
            self.take(Step::Read { lag: 0 })?;
            self.check()?;
        }
        prop_assert_ne!(self.payment.state.status(), Status::Pending, "{:?}", self.payment.state);
        match (self.provider.truth, &self.payment.state) {
            (Truth::Captured(captured), _) => {
                prop_assert_eq!(self.payment.captured().map(|(_, amount)| amount), Some(captured));
            }
            (Truth::Held, state) => prop_assert!(matches!(state, State::Authorized(_)), "{:?}", state),
            (truth, state) => prop_assert!(self.payment.captured().is_none(), "{:?}, {:?}", truth, state),
        }
        refunds::settle(self)
    }
}

/// What is heard of a call that brought no answer.
pub(crate) fn silence<T>(hearing: Hearing) -> Outcome<T> {
    match hearing {
        Hearing::NotSent => Outcome::NotSent(Doubt::new("refused")),
        Hearing::TurnedAway => no(RefusalKind::Configuration),
        Hearing::Answer | Hearing::Nothing => Outcome::Unknown(Doubt::new("cut")),
    }
}

fn no_answer(flight: &Flight, hearing: Hearing) -> Answer {
    match flight.operation {
        Operation::Charge | Operation::Resume(_) => Answer::Charge(silence(hearing)),
        Operation::Capture { .. } => Answer::Capture(silence(hearing)),
        Operation::Cancel(_) => Answer::Cancel(silence(hearing)),
    }
}
