//! One payment of ours beside what the provider knows of it.

use std::collections::BTreeSet;

use edge_core::money::Amount;
use jiff::Timestamp;
use payments::model::event::Event;
use payments::model::id::AttemptId;
use payments::model::in_flight::InProgress as _;
use payments::model::payment::{InFlightOperation, Payment, ResumedBy, State};
use payments::model::transition::InvalidTransition;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::names::*;
use crate::provider::{Answer, Provider};
use crate::refunds::{self, Refunds};
use crate::returns::LateClients;
use crate::steps::Step;
use crate::transitions::{self, By, Move};
use crate::wire::Wire;

pub(crate) const AMOUNT: u64 = 100;

pub(crate) struct Simulation {
    pub(crate) payment: Payment,
    pub(crate) provider: Provider,
    pub(crate) refunds: Refunds,
    pub(crate) wire: Wire<InFlightOperation, Answer>,
    /// Reads lag, but not so far that they show what was before the last change that we have seen begin.
    pub(crate) oldest: usize,
    pub(crate) trail: Vec<Event>,
    /// Attempts that we say were not made.
    pub(crate) not_made: Vec<AttemptId>,
    /// The client was told that it will be canceled, and not yet that it could not be.
    pub(crate) is_to_cancel: bool,
    /// Who began the last resume.
    pub(crate) resumed_by: Option<ResumedBy>,
    pub(crate) late: LateClients,
    pub(crate) moves: BTreeSet<Move>,
    second: u32,
    attempts: u32,
}

impl Simulation {
    pub(crate) fn new(is_manual: bool, replays: bool) -> Self {
        let payment = Payment::open(payment_id(), client(), charge_request(AMOUNT, is_manual), None, at(0));
        let amount = payment.request.amount;
        let mut simulation = Self {
            trail: vec![Event::payment_moved(None, &payment, &cause())],
            payment,
            provider: Provider::new(amount, is_manual, replays),
            refunds: Refunds::new(replays),
            wire: Wire::new(),
            oldest: 0,
            not_made: Vec::new(),
            is_to_cancel: false,
            resumed_by: None,
            late: LateClients::default(),
            moves: BTreeSet::new(),
            second: 0,
            attempts: 0,
        };
        simulation
            .begin(|payment, attempt, at| payment.begin_charge(attempt, None, at))
            .expect("a new payment can be charged");
        simulation
    }

    pub(crate) const fn second(&self) -> u32 {
        self.second
    }

    pub(crate) fn now(&self) -> Timestamp {
        at(self.second)
    }

    pub(crate) fn new_attempt(&mut self) -> AttemptId {
        self.attempts += 1;
        attempt(self.attempts)
    }

    /// A move was made; it must be documented.
    pub(crate) fn note(&mut self, step: Move) -> Result<(), TestCaseError> {
        prop_assert!(transitions::is_documented(step), "{:?} is not documented", step);
        self.moves.insert(step);
        Ok(())
    }

    pub(crate) fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        self.second += 1;
        let (second, now) = (self.second, self.now());
        match step {
            Step::Resume => self.come_back(),
            Step::ResumeByGateway => self.resume(ResumedBy::Gateway),
            Step::Capture { amount } => self.begin(|payment, attempt, at| {
                let refused = |_| InvalidTransition { from: "", wanted: "" };
                payment.begin_capture(Amount::new(amount.into()), attempt, None, at).map_err(refused)
            }),
            Step::Cancel => self.begin(|payment, attempt, at| payment.begin_cancel(attempt, None, at)),
            Step::Repeat => {
                self.repeat();
                Ok(())
            }
            Step::Execute(decision, mishap) => {
                self.execute(decision, mishap);
                Ok(())
            }
            Step::Arrive { which, decision } => {
                self.arrive(which, decision);
                Ok(())
            }
            Step::Hear(hearing) => self.hear(hearing),
            Step::Crash => {
                self.wire.lose_all();
                Ok(())
            }
            Step::Lost if !self.is_answer_awaited() => self.us(|payment| payment.lost(now)),
            Step::Lost => Ok(()),
            Step::BeginAgain => self.begin(|payment, _, at| payment.begin_again(at)),
            Step::GiveUp => self.us(|payment| payment.give_up(now)),
            Step::Happens(happening) => {
                self.provider.happens(happening, second);
                Ok(())
            }
            Step::Read { lag } => self.read(lag),
            Step::Pass(pause) => {
                self.second += pause.seconds();
                Ok(())
            }
            Step::Refund(step) => refunds::take(self, step),
        }
    }

    /// A client or the gateway wants something. Where a call of ours begins, it is on its way.
    pub(crate) fn begin(
        &mut self,
        begin: impl FnOnce(Payment, AttemptId, Timestamp) -> Result<Payment, InvalidTransition>,
    ) -> Result<(), TestCaseError> {
        let (attempt, at, version) = (self.new_attempt(), self.now(), self.payment.version);
        self.us(|payment| begin(payment, attempt, at))?;
        if let State::Processing { in_flight, accepted: false } = &self.payment.state
            && self.payment.version != version
        {
            self.oldest = self.provider.history.newest();
            self.wire.send(in_flight.clone(), self.second);
        }
        Ok(())
    }

    /// A move of our own, if the payment allows it.
    fn us(
        &mut self,
        go: impl FnOnce(Payment) -> Result<Payment, InvalidTransition>,
    ) -> Result<(), TestCaseError> {
        match go(self.payment.clone()) {
            Ok(moved) => {
                self.is_ours_to_make(&moved)?;
                self.enter(moved, By::Us)
            }
            Err(_) => Ok(()),
        }
    }

    /// Everything that must be true of a single move.
    pub(crate) fn enter(&mut self, moved: Payment, by: By) -> Result<(), TestCaseError> {
        let cause = match moved.state.resumed_by() {
            Some(ResumedBy::Gateway) => cause_of_gateway(),
            Some(ResumedBy::Client) | None => cause(),
        };
        let event = Event::payment_moved(Some(&self.payment.state), &moved, &cause);
        self.is_well_recorded(&event, &moved)?;
        let step = (transitions::name(&self.payment.state), by, transitions::name(&moved.state));
        self.keep_what_is_told(&moved);
        self.trail.push(event);
        self.payment = moved;
        self.note(step)
    }
}
