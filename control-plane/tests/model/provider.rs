//! A provider with a truth of its own. It executes an attempt once, and shows how things stand; who reads it may be
//! shown how they stood.

use std::collections::BTreeMap;

use control_plane::domain::evidence::Standing;
use control_plane::domain::id::AttemptId;
use control_plane::domain::payment::{Flight, Operation};
use control_plane::domain::provider::{Captured, Charged, Outcome, ProviderRef, Refusal, RefusalKind};
use edge_core::money::{Amount, Currency, Money};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    Done,
    /// Taken; decided later.
    Later,
    AskPayer,
    Decline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Nothing,
    AsksPayer,
    /// The payer has agreed, and somebody has to take it.
    Approved,
    /// Of a capture, how much; else of the whole charge.
    Pending(Option<Amount>),
    Held,
    Captured(Amount),
    Declined,
    Canceled,
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Charge(Outcome<Charged>),
    Capture(Outcome<Captured>),
    Cancel(Outcome<()>),
}

pub(crate) struct Provider {
    pub(crate) truth: Truth,
    amount: Amount,
    /// Authorized first, and captured when we say so.
    is_manual: bool,
    /// A known attempt gets its first answer again; else, how things stand now.
    replays: bool,
    answers: BTreeMap<AttemptId, Answer>,
    /// A capture was declined, which PayPal's order shows as long as the amount is held.
    capture_declined: bool,
    history: Vec<Standing>,
}

pub(crate) fn reference() -> ProviderRef {
    ProviderRef::new("pi_1")
}

pub(crate) fn no<T>(kind: RefusalKind) -> Outcome<T> {
    let message = "no".to_owned();
    Outcome::Refused(Refusal { kind, code: None, decline_code: None, message, reference: None })
}

fn declined() -> Refusal {
    match no::<()>(RefusalKind::Declined) {
        Outcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

impl Provider {
    pub(crate) fn new(amount: Amount, is_manual: bool, replays: bool) -> Self {
        let (answers, history, capture_declined) = (BTreeMap::new(), Vec::new(), false);
        Self { truth: Truth::Nothing, amount, is_manual, replays, answers, capture_declined, history }
    }

    fn turn(&mut self, truth: Truth) {
        if self.truth != truth {
            self.truth = truth;
            self.history.extend(self.standing());
        }
    }

    fn decline_capture(&mut self) {
        (self.truth, self.capture_declined) = (Truth::Held, !self.replays);
        self.history.extend(self.standing());
    }

    const fn paid(&self) -> Truth {
        if self.is_manual { Truth::Held } else { Truth::Captured(self.amount) }
    }

    pub(crate) fn execute(&mut self, flight: &Flight, decision: Decision) -> Answer {
        let known = self.answers.get(&flight.call.attempt).cloned();
        let answer = match known {
            Some(first) if self.replays => return first,
            // What was refused is refused once more: nothing was made that could stand otherwise now.
            Some(Answer::Capture(Outcome::Refused(refusal))) => Answer::Capture(Outcome::Refused(refusal)),
            Some(first) => self.as_it_stands(first),
            None => match &flight.operation {
                Operation::Charge | Operation::Resume(_) => self.charge(decision),
                Operation::Capture { amount, .. } => self.capture(*amount, decision),
                Operation::Cancel(_) => self.cancel(decision),
            },
        };
        self.answers.insert(flight.call.attempt, answer.clone());
        answer
    }

    fn charge(&mut self, decision: Decision) -> Answer {
        if matches!(self.truth, Truth::Nothing | Truth::AsksPayer | Truth::Approved) {
            self.turn(match decision {
                Decision::Done => self.paid(),
                Decision::Later => Truth::Pending(None),
                Decision::AskPayer => Truth::AsksPayer,
                Decision::Decline => Truth::Declined,
            });
        }
        self.as_it_stands(Answer::Charge(no(RefusalKind::State)))
    }

    fn capture(&mut self, amount: Amount, decision: Decision) -> Answer {
        if self.truth != Truth::Held {
            return Answer::Capture(no(RefusalKind::State));
        }
        match decision {
            Decision::Later if !self.replays => self.turn(Truth::Pending(Some(amount))),
            Decision::Done | Decision::Later => self.turn(Truth::Captured(amount)),
            Decision::AskPayer | Decision::Decline => self.decline_capture(),
        }
        self.as_it_stands(Answer::Capture(no(RefusalKind::State)))
    }

    fn cancel(&mut self, decision: Decision) -> Answer {
        let may_end = matches!(self.truth, Truth::AsksPayer | Truth::Approved | Truth::Held);
        match decision {
            Decision::Done | Decision::Later if may_end => {
                self.turn(Truth::Canceled);
                Answer::Cancel(Outcome::Done(()))
            }
            _ if may_end => Answer::Cancel(no(RefusalKind::Declined)),
            _ => Answer::Cancel(no(RefusalKind::State)),
        }
    }

    /// What a call like the one that got `first` is answered now.
    fn as_it_stands(&self, first: Answer) -> Answer {
        let (payment, charge) = (reference(), ProviderRef::new("ch_1"));
        match first {
            Answer::Charge(_) => Answer::Charge(match self.truth {
                Truth::Captured(_) => Outcome::Done(Charged::Completed { payment, charge }),
                Truth::Held => Outcome::Done(Charged::Authorized { payment, authorization: reference() }),
                Truth::AsksPayer | Truth::Approved => Outcome::Done(Charged::RequiresAction {
                    payment,
                    url: "https://pay.example".to_owned(),
                    declined: false,
                }),
                Truth::Pending(_) => Outcome::Done(Charged::Pending { payment }),
                Truth::Nothing | Truth::Declined | Truth::Canceled => no(RefusalKind::Declined),
            }),
            Answer::Capture(_) => Answer::Capture(match self.truth {
                Truth::Captured(_) => Outcome::Done(Captured::Completed { charge }),
                Truth::Pending(_) => Outcome::Done(Captured::Pending),
                _ => no(RefusalKind::Declined),
            }),
            Answer::Cancel(first) => Answer::Cancel(first),
        }
    }

    /// By itself: payers act, banks decide, holds run out.
    pub(crate) fn happens(&mut self, decision: Decision) {
        let next = match (self.truth, decision) {
            (Truth::AsksPayer | Truth::Pending(None), Decision::Done) => self.paid(),
            (Truth::AsksPayer, Decision::Later) => Truth::Approved,
            (Truth::AsksPayer | Truth::Approved | Truth::Held, Decision::Decline) => Truth::Canceled,
            (Truth::Pending(None), Decision::Decline) => Truth::Declined,
            (Truth::Pending(Some(amount)), Decision::Done) => Truth::Captured(amount),
            (Truth::Pending(Some(_)), Decision::Decline) => return self.decline_capture(),
            (same, _) => same,
        };
        self.turn(next);
    }

    /// How often it has changed.
    pub(crate) const fn changes(&self) -> usize {
        self.history.len()
    }

    /// How it stood so many changes ago, but not before its change `oldest`; `None` for what was not there.
    pub(crate) fn read(&self, lag: u8, oldest: usize) -> Option<Standing> {
        let newest = self.history.len().checked_sub(1)?;
        self.history.get(newest.saturating_sub(lag.into()).max(oldest)).cloned()
    }

    fn standing(&self) -> Option<Standing> {
        let currency = Currency::from_code("USD").unwrap();
        Some(match self.truth {
            Truth::Nothing => return None,
            Truth::AsksPayer => Standing::RequiresAction { url: "https://pay.example".to_owned() },
            Truth::Approved => Standing::Approved { declined: false, page: None },
            Truth::Pending(_) => Standing::Processing,
            Truth::Held if self.capture_declined => Standing::Declined(declined()),
            Truth::Held => Standing::Authorized { authorization: reference() },
            Truth::Captured(amount) => {
                Standing::Captured { charge: ProviderRef::new("ch_1"), money: Money { amount, currency } }
            }
            Truth::Declined => Standing::Declined(declined()),
            Truth::Canceled => Standing::Canceled { is_expired: false },
        })
    }
}
