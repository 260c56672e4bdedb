//! The durable half: the key's row and the payments in the control plane's database, and the provider, which remembers
//! attempts.

use std::collections::HashMap;

/// Longer than a call takes: its caller must have died by then.
const CALL_LEASE_US: u64 = 40_000_000;

/// A definite answer. What matters is that two of them can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinalAnswer {
    Done { attempt: usize },
    Declined { attempt: usize },
}

/// The result of a provider call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallResult {
    Definite(FinalAnswer),
    /// Rejected before it was processed: our account is at fault.
    TurnedAway,
    NotSent,
    Unknown,
}

/// The state of a payment.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A process is calling the provider, since then.
    InFlight {
        since_us: u64,
    },
    /// Certainly not executed; to be tried again.
    Queued,
    /// May have been executed.
    Unknown,
    Decided(FinalAnswer),
    /// Certainly not executed, and not tried any more.
    NotMade,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) body: u8,
    /// The payment that the key was taken for.
    payment: usize,
    pub(crate) answer: Option<FinalAnswer>,
}

/// A commit that changes only the key, if the key still stands for this payment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyChange {
    Answer { payment: usize, answer: FinalAnswer },
    Release { payment: usize },
}

/// The result of taking a key.
pub(crate) enum KeyLookup {
    /// It was free, and is taken for this attempt.
    Taken(usize),
    OtherRequest,
    Answered(FinalAnswer),
    InFlight,
    Queued,
    /// Its call must be sent again.
    Repeat(usize),
    /// Its payment has ended, and the key does not show it yet.
    Ended(KeyChange),
}

#[derive(Debug, Default)]
pub(crate) struct Database {
    pub(crate) row: Option<Row>,
    /// A payment's index identifies it, and its call at the provider: the same for every retry.
    payments: Vec<State>,
}

impl Database {
    /// Takes the key if it is free, in one commit, or two after a lost call.
    pub(crate) fn take(&mut self, body: u8, now_us: u64) -> KeyLookup {
        let Some(row) = self.row else {
            let payment = self.payments.len();
            self.payments.push(State::InFlight { since_us: now_us });
            self.row = Some(Row { body, payment, answer: None });
            return KeyLookup::Taken(payment);
        };
        if row.body != body {
            return KeyLookup::OtherRequest;
        }
        if let Some(answer) = row.answer {
            return KeyLookup::Answered(answer);
        }
        let payment = row.payment;
        match self.payments[payment] {
            State::InFlight { since_us } if now_us < since_us + CALL_LEASE_US => KeyLookup::InFlight,
            State::Queued => KeyLookup::Queued,
            State::InFlight { .. } | State::Unknown => {
                self.payments[payment] = State::Unknown;
                KeyLookup::Repeat(payment)
            }
            State::Decided(answer) => KeyLookup::Ended(KeyChange::Answer { payment, answer }),
            State::NotMade => KeyLookup::Ended(KeyChange::Release { payment }),
        }
    }

    fn queued(&self) -> Option<usize> {
        self.payments.iter().position(|state| matches!(state, State::Queued))
    }

    /// A worker takes a queued payment.
    pub(crate) fn take_queued(&mut self, now_us: u64) -> Option<usize> {
        let payment = self.queued()?;
        self.payments[payment] = State::InFlight { since_us: now_us };
        Some(payment)
    }

    /// A worker gives up a payment that was queued for too long. The key stays as it is until its client asks again.
    pub(crate) fn give_up(&mut self) {
        if let Some(payment) = self.queued() {
            self.payments[payment] = State::NotMade;
        }
    }

    /// Records the result of a call and, for a client, the change of its key, in one commit. Returns the payment's
    /// final answer, if there is one now.
    pub(crate) fn record(
        &mut self,
        payment: usize,
        result: CallResult,
        is_for_client: bool,
    ) -> Option<FinalAnswer> {
        let state = &mut self.payments[payment];
        // An earlier call may have been executed, and "not this time" says nothing about that one.
        let is_repeat = matches!(state, State::Unknown);
        *state = match (*state, result) {
            (ended @ (State::Decided(_) | State::NotMade), _) => ended,
            (_, CallResult::Definite(answer)) => State::Decided(answer),
            (_, CallResult::NotSent) if !is_repeat => State::Queued,
            (_, CallResult::TurnedAway) if !is_repeat => State::NotMade,
            (_, CallResult::NotSent | CallResult::TurnedAway | CallResult::Unknown) => State::Unknown,
        };
        let state = *state;
        if is_for_client {
            match state {
                State::Decided(answer) => _ = self.change_key(KeyChange::Answer { payment, answer }),
                State::NotMade => _ = self.change_key(KeyChange::Release { payment }),
                _ => {}
            }
        }
        if let State::Decided(answer) = state { Some(answer) } else { None }
    }

    /// Changes the key if it still stands for that payment and has no answer. Returns whether it did.
    pub(crate) fn change_key(&mut self, change: KeyChange) -> bool {
        let (KeyChange::Answer { payment, .. } | KeyChange::Release { payment }) = change;
        let Some(row) = self.row.as_mut().filter(|row| row.payment == payment && row.answer.is_none()) else {
            return false;
        };
        match change {
            KeyChange::Answer { answer, .. } => row.answer = Some(answer),
            KeyChange::Release { .. } => self.row = None,
        }
        true
    }
}

#[derive(Debug, Default)]
pub(crate) struct Provider {
    decided: HashMap<usize, FinalAnswer>,
}

impl Provider {
    /// Executes an attempt, once.
    pub(crate) fn decide(&mut self, attempt: usize, is_declined: bool) -> FinalAnswer {
        let new = if is_declined { FinalAnswer::Declined { attempt } } else { FinalAnswer::Done { attempt } };
        *self.decided.entry(attempt).or_insert(new)
    }

    /// How often money moved.
    pub(crate) fn effects(&self) -> usize {
        self.decided.values().filter(|answer| matches!(answer, FinalAnswer::Done { .. })).count()
    }
}
