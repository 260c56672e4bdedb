//! A provider with a truth of its own. It executes an attempt once, unless it has forgotten the attempt's key.

use edge_core::money::Amount;
use payments::model::id::AttemptId;
use payments::model::payer_action::PayerAction;
use payments::model::payment::{Cancelable, InFlightOperation, Operation};
use payments::model::provider::{Captured, Charged, Outcome, ProviderRef, Refusal, RefusalKind, Uncertainty};

use crate::keys::{First, Keys};
use crate::provider_status::History;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    Done,
    /// Taken; decided later.
    Later,
    AskPayer,
    Decline,
}

/// What goes wrong inside the provider while it executes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    None,
    /// It fails, and keeps the failure under the key.
    FailsBefore,
    FailsAfter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Nothing,
    AsksPayer,
    /// The payer has agreed, and the merchant has to take it.
    Approved,
    /// How much of a capture is pending; `None`: the whole charge.
    Pending(Option<Amount>),
    Held,
    Captured(Amount),
    Declined,
    Canceled {
        is_expired: bool,
    },
    /// An offer that has run out is not even shown any more.
    Gone,
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Charge(Outcome<Charged>),
    Capture(Outcome<Captured>),
    Cancel(Outcome<()>),
}

pub(crate) struct Provider {
    pub(crate) truth: Truth,
    /// The attempt that brought the truth about, unless it came about by itself.
    pub(crate) taken_by: Option<AttemptId>,
    pub(crate) amount: Amount,
    /// Authorized first, and captured when we say so.
    pub(crate) is_manual: bool,
    /// Like Stripe: a known attempt gets its first answer again, be it an error, and all is listed. Else like PayPal:
    /// it gets how things stand now, and an unpaid order is left alone to cancel it.
    pub(crate) replays: bool,
    pub(crate) keys: Keys<Answer>,
    /// A capture was declined, which PayPal's order shows as long as the amount is held.
    pub(crate) capture_declined: bool,
    /// What was taken of the order was denied later, which PayPal shows whenever the order is approved once more.
    pub(crate) is_denied: bool,
    /// The payer approved in a way that the gateway does not take. That may change as long as the order is open.
    pub(crate) is_unacceptable: bool,
    /// A call for the order reached it while it was approved like that.
    pub(crate) is_taken_in_vain: bool,
    /// Charges beside the first one.
    pub(crate) doubles: u32,
    pub(crate) history: History,
}

pub(crate) fn reference() -> ProviderRef {
    ProviderRef::new("pi_1")
}

pub(crate) fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { kind, code: None, decline_code: None, message: "no".to_owned(), reference: None }
}

pub(crate) fn no<T>(kind: RefusalKind) -> Outcome<T> {
    Outcome::Refused(refusal(kind))
}

/// The provider's error; `is_key_dead`: a saved one.
pub(crate) fn failure<T>(is_key_dead: bool) -> Outcome<T> {
    Outcome::Unknown(Uncertainty { is_key_dead, ..Uncertainty::new("500") })
}

impl Answer {
    /// The same for any operation.
    pub(crate) fn without(in_flight: &InFlightOperation, outcome: Outcome<()>) -> Self {
        fn of<T>(outcome: Outcome<()>) -> Outcome<T> {
            match outcome {
                Outcome::NotSent(uncertainty) => Outcome::NotSent(uncertainty),
                Outcome::Refused(refusal) => Outcome::Refused(refusal),
                Outcome::Unknown(uncertainty) => Outcome::Unknown(uncertainty),
                Outcome::Done(()) => Outcome::Unknown(Uncertainty::new("no answer")),
            }
        }
        match in_flight.operation {
            Operation::Charge | Operation::Resume(_) => Self::Charge(of(outcome)),
            Operation::Capture { .. } => Self::Capture(of(outcome)),
            Operation::Cancel(_) => Self::Cancel(of(outcome)),
        }
    }
}

impl Provider {
    pub(crate) fn new(amount: Amount, is_manual: bool, replays: bool) -> Self {
        Self {
            truth: Truth::Nothing,
            taken_by: None,
            amount,
            is_manual,
            replays,
            keys: Keys::new(),
            capture_declined: false,
            is_denied: false,
            is_unacceptable: false,
            is_taken_in_vain: false,
            doubles: 0,
            history: History::new(),
        }
    }

    pub(crate) fn turn(&mut self, truth: Truth, by: Option<AttemptId>, now: u32) {
        if self.truth != truth {
            (self.truth, self.taken_by) = (truth, by);
            self.history.add(now, self.provider_status());
        }
    }

    pub(crate) fn decline_capture(&mut self, now: u32) {
        self.capture_declined = !self.replays;
        if self.truth == Truth::Held {
            self.history.add(now, self.provider_status());
        }
        self.turn(Truth::Held, None, now);
    }

    pub(crate) const fn paid(&self) -> Truth {
        if self.is_manual { Truth::Held } else { Truth::Captured(self.amount) }
    }

    /// A request arrives.
    pub(crate) fn execute(
        &mut self,
        in_flight: &InFlightOperation,
        decision: Decision,
        mishap: Mishap,
        now: u32,
    ) -> Answer {
        let attempt = in_flight.call.attempt;
        if is_resumed(in_flight) && self.judge() == Some(false) {
            return Answer::Charge(if in_flight.call.is_judged {
                // It says nothing of an earlier try.
                Outcome::Unknown(Uncertainty::conflict("approved otherwise by now"))
            } else {
                no(RefusalKind::Invalid { param: None })
            });
        }
        let answer = match self.keys.first(attempt, now) {
            Some(First::Failure) => return Answer::without(in_flight, failure(true)),
            Some(First::Answer(first)) if self.replays => return first,
            Some(First::Answer(first)) => self.as_it_stands(first, attempt),
            None if self.replays && mishap == Mishap::FailsBefore => return self.fail(in_flight, now),
            None => self.perform(in_flight, decision, now),
        };
        if self.replays && mishap == Mishap::FailsAfter {
            return self.fail(in_flight, now);
        }
        self.keys.keep(attempt, now, First::Answer(answer.clone()));
        answer
    }

    /// Whether the gateway's adapter, which judges what was not judged before, refuses this and sends nothing for it.
    pub(crate) fn is_left_unsent(&self, in_flight: &InFlightOperation) -> bool {
        is_resumed(in_flight) && !in_flight.call.is_judged && self.judge() == Some(false)
    }

    /// Whether what the payer approved is acceptable; `None`: nothing is approved.
    pub(crate) fn judge(&self) -> Option<bool> {
        (self.truth == Truth::Approved && !self.replays).then_some(!self.is_unacceptable)
    }

    fn fail(&mut self, in_flight: &InFlightOperation, now: u32) -> Answer {
        self.keys.keep(in_flight.call.attempt, now, First::Failure);
        Answer::without(in_flight, failure(false))
    }

    fn perform(&mut self, in_flight: &InFlightOperation, decision: Decision, now: u32) -> Answer {
        let attempt = in_flight.call.attempt;
        match &in_flight.operation {
            Operation::Charge => self.charge(attempt, decision, now),
            Operation::Resume(_) => self.resume(attempt, decision, now),
            Operation::Capture { amount, .. } => self.capture(attempt, *amount, decision, now),
            Operation::Cancel(of) => self.cancel(attempt, of, decision, now),
        }
    }

    /// Each key that is new here is a new charge.
    fn charge(&mut self, attempt: AttemptId, decision: Decision, now: u32) -> Answer {
        if self.truth == Truth::Nothing {
            self.decide(attempt, decision, now);
        } else {
            self.doubles += 1;
        }
        Answer::Charge(self.charge_as_it_stands())
    }

    fn resume(&mut self, attempt: AttemptId, decision: Decision, now: u32) -> Answer {
        let is_open = matches!(self.truth, Truth::AsksPayer | Truth::Approved);
        if is_open && !self.replays && matches!(decision, Decision::Decline) {
            // The payer may choose something else for the same order.
            return Answer::Charge(Outcome::Done(asks_payer(true)));
        }
        if is_open {
            self.decide(attempt, decision, now);
        }
        Answer::Charge(self.charge_as_it_stands())
    }

    fn decide(&mut self, attempt: AttemptId, decision: Decision, now: u32) {
        self.is_taken_in_vain |= self.judge() == Some(false);
        let truth = match decision {
            Decision::Done => self.paid(),
            Decision::Later => Truth::Pending(None),
            Decision::AskPayer => Truth::AsksPayer,
            Decision::Decline => Truth::Declined,
        };
        self.turn(truth, Some(attempt), now);
    }

    fn capture(&mut self, attempt: AttemptId, amount: Amount, decision: Decision, now: u32) -> Answer {
        match (self.truth, decision) {
            (Truth::Held, Decision::Later) if !self.replays => {
                self.turn(Truth::Pending(Some(amount)), Some(attempt), now);
            }
            (Truth::Held, Decision::Done | Decision::Later) => {
                self.turn(Truth::Captured(amount), Some(attempt), now);
            }
            (Truth::Held, Decision::AskPayer | Decision::Decline) => self.decline_capture(now),
            (Truth::Canceled { is_expired: true }, _) => return Answer::Capture(no(RefusalKind::Expired)),
            _ => return Answer::Capture(no(RefusalKind::State)),
        }
        Answer::Capture(self.capture_as_it_stands(attempt))
    }

    fn cancel(&mut self, attempt: AttemptId, of: &Cancelable, decision: Decision, now: u32) -> Answer {
        Answer::Cancel(match (of, self.truth, decision) {
            // Left alone, an order runs out.
            (Cancelable::Session(_), ..) if !self.replays => Outcome::Done(()),
            (_, Truth::AsksPayer | Truth::Approved | Truth::Held, Decision::Done | Decision::Later) => {
                self.turn(Truth::Canceled { is_expired: false }, Some(attempt), now);
                Outcome::Done(())
            }
            (_, Truth::AsksPayer | Truth::Approved | Truth::Held, _) => no(RefusalKind::Declined),
            (_, Truth::Canceled { is_expired: true }, _) => no(RefusalKind::Expired),
            _ => no(RefusalKind::State),
        })
    }

    /// What a call like the one that got `first` is answered now. What was refused is refused once more: nothing was
    /// made that could stand otherwise now.
    fn as_it_stands(&self, first: Answer, attempt: AttemptId) -> Answer {
        match first {
            Answer::Charge(Outcome::Done(Charged::RequiresAction { declined: true, .. })) => first,
            Answer::Charge(_) => Answer::Charge(self.charge_as_it_stands()),
            Answer::Capture(Outcome::Done(_)) => Answer::Capture(self.capture_as_it_stands(attempt)),
            refused => refused,
        }
    }

    fn charge_as_it_stands(&self) -> Outcome<Charged> {
        let (payment, charge) = (reference(), ProviderRef::new("ch_1"));
        match self.truth {
            Truth::Captured(_) if !self.is_manual => {
                Outcome::Done(Charged::Completed { payment, charge, paid_with: None })
            }
            Truth::Captured(_) | Truth::Held | Truth::Pending(Some(_)) => {
                Outcome::Done(Charged::Authorized { payment, authorization: reference(), paid_with: None })
            }
            Truth::AsksPayer => Outcome::Done(asks_payer(false)),
            Truth::Approved => Outcome::Done(asks_payer(self.is_denied)),
            Truth::Pending(None) => Outcome::Done(Charged::Pending { payment }),
            Truth::Canceled { is_expired: true } | Truth::Gone => no(RefusalKind::Expired),
            Truth::Nothing | Truth::Declined | Truth::Canceled { .. } => no(RefusalKind::Declined),
        }
    }

    fn capture_as_it_stands(&self, attempt: AttemptId) -> Outcome<Captured> {
        let is_its = self.taken_by == Some(attempt);
        match self.truth {
            Truth::Captured(_) if is_its => {
                Outcome::Done(Captured::Completed { charge: ProviderRef::new("ch_1") })
            }
            Truth::Pending(_) if is_its => Outcome::Done(Captured::Pending),
            _ => no(RefusalKind::Declined),
        }
    }
}

const fn is_resumed(in_flight: &InFlightOperation) -> bool {
    matches!(in_flight.operation, Operation::Resume(_))
}

fn asks_payer(declined: bool) -> Charged {
    Charged::RequiresAction {
        payment: reference(),
        action: PayerAction::Page("https://pay.example".to_owned()),
        declined,
    }
}
