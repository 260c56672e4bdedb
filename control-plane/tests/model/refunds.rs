//! Refunds of that payment: ours, and those that somebody makes at the provider's dashboard.

use std::collections::BTreeMap;

use control_plane::domain::event::Event;
use control_plane::domain::evidence::{Adopted, OwnCall, RefundEvidence, RefundStanding};
use control_plane::domain::id::AttemptId;
use control_plane::domain::payment::{InvalidTransition, Payment};
use control_plane::domain::provider::{Outcome, ProviderRef, Refunded, RefusalKind};
use control_plane::domain::refund::{Refund, RefundState, RefundStatus};
use edge_core::money::Amount;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::names::*;
use crate::provider::{Decision, Truth, no};
use crate::transitions::{self, By};
use crate::world::{World, silence};
use crate::{Hearing, decision, hearing};

/// One of the refunds, and what is done with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    which: u8,
    doing: Doing,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    /// A client wants a new one.
    Open {
        amount: u8,
    },
    /// Somebody makes one at the provider's dashboard.
    Dashboard {
        amount: u8,
    },
    Execute(Decision),
    Hear(Hearing),
    Crash,
    Lost,
    BeginAgain,
    GiveUp,
    Happens(Decision),
    Read {
        lag: u8,
    },
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let doing = prop_oneof![
        3 => (1..=100_u8).prop_map(|amount| Doing::Open { amount }),
        1 => (1..=60_u8).prop_map(|amount| Doing::Dashboard { amount }),
        4 => decision().prop_map(Doing::Execute),
        4 => hearing().prop_map(Doing::Hear),
        1 => Just(Doing::Crash),
        1 => Just(Doing::Lost),
        2 => Just(Doing::BeginAgain),
        1 => Just(Doing::GiveUp),
        3 => decision().prop_map(Doing::Happens),
        3 => (0..3_u8).prop_map(|lag| Doing::Read { lag }),
    ];
    (0..4_u8, doing).prop_map(|(which, doing)| Step { which, doing })
}

pub(crate) struct Refunds {
    ours: Vec<Ours>,
    theirs: Vec<Theirs>,
    answers: BTreeMap<AttemptId, Outcome<Refunded>>,
    replays: bool,
}

struct Ours {
    /// `None` for one of the dashboard.
    attempt: Option<AttemptId>,
    refund: Refund,
    /// A call that somebody waits for, and what the provider answered if it was reached.
    call: Option<Option<Outcome<Refunded>>>,
}

/// A refund as the provider has it.
struct Theirs {
    reference: ProviderRef,
    /// `None` for one of the dashboard.
    attempt: Option<AttemptId>,
    amount: Amount,
    history: Vec<RefundStanding>,
}

impl Theirs {
    fn counts(&self) -> bool {
        !matches!(self.history.last(), Some(RefundStanding::Failed(_)))
    }

    fn evidence(&self, payment: &Payment, ours: Option<&Refund>, lag: u8) -> Option<RefundEvidence> {
        let money = edge_core::money::Money { amount: self.amount, currency: payment.request.currency };
        Some(RefundEvidence {
            reference: self.reference.clone(),
            refund: ours.map(|refund| refund.id),
            payment: ours.map(|_| payment.id),
            charge: None,
            money: Some(money),
            is_without_funds: false,
            created: None,
            standing: self.history.iter().rev().nth(lag.into()).cloned()?,
        })
    }

    fn answer(&self) -> Outcome<Refunded> {
        let refund = self.reference.clone();
        match self.history.last() {
            Some(RefundStanding::Processed) => Outcome::Done(Refunded::Processed { refund }),
            Some(RefundStanding::Pending) => Outcome::Done(Refunded::Pending { refund }),
            _ => no(RefusalKind::Declined),
        }
    }
}

const fn attempt_of(refund: &Refund) -> Option<AttemptId> {
    match refund.state.call() {
        Some(call) => Some(call.attempt),
        None => None,
    }
}

fn failed() -> RefundStanding {
    match no::<()>(RefusalKind::Declined) {
        Outcome::Refused(refusal) => RefundStanding::Failed(refusal),
        other => panic!("{other:?}"),
    }
}

impl Refunds {
    pub(crate) const fn new(replays: bool) -> Self {
        Self { ours: Vec::new(), theirs: Vec::new(), answers: BTreeMap::new(), replays }
    }

    fn given_back(&self) -> u64 {
        self.theirs.iter().filter(|refund| refund.counts()).map(|refund| refund.amount.minor()).sum()
    }

    /// The provider gives nothing back that it has not.
    fn make(
        &mut self,
        attempt: Option<AttemptId>,
        amount: Amount,
        decision: Decision,
        truth: Truth,
    ) -> Outcome<Refunded> {
        let captured = if let Truth::Captured(captured) = truth { captured.minor() } else { 0 };
        if self.given_back() + amount.minor() > captured {
            return no(RefusalKind::State);
        }
        let standing = match decision {
            Decision::Done => RefundStanding::Processed,
            Decision::Later | Decision::AskPayer => RefundStanding::Pending,
            Decision::Decline => return no(RefusalKind::Declined),
        };
        let reference = ProviderRef::new(format!("re_{}", self.theirs.len()));
        let made = Theirs { reference, attempt, amount, history: vec![standing] };
        let answer = made.answer();
        self.theirs.push(made);
        answer
    }

    fn execute(
        &mut self,
        attempt: AttemptId,
        amount: Amount,
        decision: Decision,
        truth: Truth,
    ) -> Outcome<Refunded> {
        let known = self.answers.get(&attempt).cloned();
        let made = self.theirs.iter().find(|refund| refund.attempt == Some(attempt)).map(Theirs::answer);
        let answer = match (known, made) {
            (Some(first), _) if self.replays => first,
            (Some(_), Some(now)) => now,
            (Some(first), None) => first,
            (None, _) => self.make(Some(attempt), amount, decision, truth),
        };
        self.answers.insert(attempt, answer.clone());
        answer
    }

    pub(crate) fn check(&self, payment: &Payment, truth: Truth) -> Result<(), TestCaseError> {
        let counts = |ours: &&Ours| ours.refund.state.status() != RefundStatus::Failed;
        let reserved: u64 = self.ours.iter().filter(counts).map(|ours| ours.refund.amount.minor()).sum();
        prop_assert_eq!(payment.refunded, reserved, "what is reserved is what has not failed");
        let captured = payment.captured().map_or(0, |(_, amount)| amount.minor());
        prop_assert!(payment.refunded <= captured, "more is refunded than was captured");
        if let Truth::Captured(captured) = truth {
            prop_assert!(self.given_back() <= captured.minor());
        }
        for ours in &self.ours {
            if let RefundState::Processed { refund } | RefundState::Pending { refund } = &ours.refund.state {
                let exists = self.theirs.iter().any(|theirs| theirs.reference == *refund);
                prop_assert!(exists, "only what was given back is called given back");
            }
        }
        Ok(())
    }
}

pub(crate) fn take(world: &mut World, step: Step) -> Result<(), TestCaseError> {
    let (attempt, now) = world.tick();
    let truth = world.provider.truth;
    let n = usize::from(step.which);
    match step.doing {
        Doing::Open { amount } => {
            let amount = Amount::new(amount.into()).unwrap();
            if world.payment.captured().is_some() {
                let id = refund_id(u32::try_from(world.refunds.ours.len()).unwrap());
                let refund = Refund::open(id, &world.payment, amount, attempt, now);
                open(world, Some(attempt), refund);
            }
            return Ok(());
        }
        Doing::Dashboard { amount } => {
            world.refunds.make(None, Amount::new(amount.into()).unwrap(), Decision::Done, truth);
            return Ok(());
        }
        Doing::Happens(decision) => {
            if let Some(theirs) = world.refunds.theirs.get_mut(n) {
                match (theirs.history.last(), decision) {
                    (Some(RefundStanding::Pending), Decision::Done) => {
                        theirs.history.push(RefundStanding::Processed);
                    }
                    // The payer's bank may send back what was processed.
                    (Some(RefundStanding::Pending | RefundStanding::Processed), Decision::Decline) => {
                        theirs.history.push(failed());
                    }
                    _ => {}
                }
            }
            return Ok(());
        }
        Doing::Read { lag } => return read(world, n, lag),
        _ => {}
    }
    let Some(ours) = world.refunds.ours.get_mut(n) else { return Ok(()) };
    let refund = ours.refund.clone();
    match step.doing {
        Doing::Execute(decision) => {
            let unknown = matches!(refund.state, RefundState::Unknown { .. });
            if let Some(attempt) = attempt_of(&refund)
                && (unknown || ours.call == Some(None))
            {
                let answer = world.refunds.execute(attempt, refund.amount, decision, truth);
                world.refunds.ours[n].call = Some(Some(answer));
            }
            Ok(())
        }
        Doing::Hear(hearing) => {
            let heard = match (hearing, ours.call.clone()) {
                (Hearing::Answer, Some(Some(answer))) => answer,
                (Hearing::Nothing, Some(_)) | (Hearing::NotSent | Hearing::TurnedAway, Some(None)) => {
                    silence(hearing)
                }
                _ => return Ok(()),
            };
            ours.call = None;
            moves(world, n, By::Answer, refund.answered(heard, now))
        }
        Doing::Crash => {
            ours.call = None;
            Ok(())
        }
        Doing::Lost if ours.call.is_none() => moves(world, n, By::Us, refund.lost(now)),
        Doing::BeginAgain => {
            let again = refund.begin_again(now);
            if again.is_ok() {
                ours.call = Some(None);
            }
            moves(world, n, By::Us, again)
        }
        Doing::GiveUp => moves(world, n, By::Us, refund.give_up(now)),
        _ => Ok(()),
    }
}

/// As the store does it: only if that much is left.
fn open(world: &mut World, attempt: Option<AttemptId>, refund: Refund) {
    let captured = world.payment.captured().map_or(0, |(_, amount)| amount.minor());
    let reserved = world.payment.refunded + refund.amount.minor();
    if reserved <= captured {
        world.payment.refunded = reserved;
        world.refunds.ours.push(Ours { attempt, refund, call: attempt.map(|_| None) });
    }
}

/// One of the provider's refunds is read, as it was so many changes ago.
fn read(world: &mut World, n: usize, lag: u8) -> Result<(), TestCaseError> {
    let (now, payment) = (world.now(), world.payment.clone());
    let Some(theirs) = world.refunds.theirs.get(n) else { return Ok(()) };
    let asked = |ours: &Ours| theirs.attempt.is_some() && ours.attempt == theirs.attempt;
    let by_call = world.refunds.ours.iter().find(|ours| asked(ours)).map(|ours| &ours.refund);
    let Some(seen) = theirs.evidence(&payment, by_call, lag) else { return Ok(()) };
    let Some(n) = world.refunds.ours.iter().position(|ours| ours.refund.is(&seen)) else {
        // What cannot be recorded now is read again later.
        if let Ok(Some(refund)) = Refund::external(&payment, &seen, now) {
            open(world, None, refund);
        }
        return Ok(());
    };
    let ours = &world.refunds.ours[n];
    let processing = matches!(ours.refund.state, RefundState::Processing { .. });
    let call = if processing && ours.call.is_some() { OwnCall::MayAnswer } else { OwnCall::IsOver };
    match ours.refund.adopt(&seen, call, now) {
        Adopted::Moved(moved) | Adopted::Surprising(moved) => moves(world, n, By::Read, Ok(moved)),
        Adopted::Refused(problem) if lag == 0 => Err(TestCaseError::fail(problem)),
        Adopted::Known | Adopted::Wait | Adopted::Refused(_) => Ok(()),
    }
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
    if moved.state.status() == RefundStatus::Failed && by != By::Read {
        let attempt = world.refunds.ours[n].attempt;
        let made = world.refunds.theirs.iter().any(|theirs| theirs.attempt == attempt && theirs.counts());
        prop_assert!(!made, "failed, and the provider gave it back");
    }
    let step = (transitions::refund_name(&before.state), by, transitions::refund_name(&moved.state));
    if moved.state.status() == RefundStatus::Failed && before.state.status() != RefundStatus::Failed {
        world.payment.refunded -= moved.amount.minor();
    }
    world.refunds.ours[n].refund = moved;
    world.note(step)
}

/// The faults are over: what can be decided is, and is what the provider has.
pub(crate) fn settle(world: &mut World) -> Result<(), TestCaseError> {
    let doings = [
        Doing::Crash,
        Doing::Lost,
        Doing::BeginAgain,
        Doing::Execute(Decision::Done),
        Doing::Hear(Hearing::Answer),
        Doing::Happens(Decision::Done),
        Doing::Read { lag: 0 },
    ];
    for _ in 0..3 {
        let all = world.refunds.ours.len().max(world.refunds.theirs.len());
        for doing in doings {
            for which in 0..u8::try_from(all).unwrap() {
                take(world, Step { which, doing })?;
                world.check()?;
            }
        }
    }
    let refunds = &world.refunds;
    let is_open = |ours: &&Ours| ours.refund.state.status() == RefundStatus::Pending;
    for ours in refunds.ours.iter().filter(is_open) {
        // The provider refuses it for a reason that says nothing of an earlier call: somebody has to look.
        let made = refunds.theirs.iter().any(|theirs| theirs.attempt == ours.attempt);
        prop_assert!(!made, "{:?} could be known", ours.refund.state);
    }
    if !refunds.ours.iter().any(|ours| is_open(&ours)) {
        prop_assert_eq!(
            world.payment.refunded,
            refunds.given_back(),
            "what was given back is what is recorded"
        );
    }
    Ok(())
}
