//! What holds when the cache does not: the key's row and the payments in the control plane's database, and the provider
//! with its own memory of attempts.

use std::collections::HashMap;

/// Longer than a call takes: whoever began it is gone by then.
const CALL_LEASE_US: u64 = 40_000_000;

/// A definite answer. What matters is that two of them can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done { attempt: usize },
    Declined { attempt: usize },
}

/// What a call brought.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard {
    Verdict(Verdict),
    /// Turned away unread: our account is at fault.
    TurnedAway,
    NotSent,
    Unknown,
}

/// Of a payment.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Somebody calls, since then.
    UnderWay {
        since_us: u64,
    },
    /// Certainly not executed; to be tried again.
    Queued,
    /// May have been executed.
    Unknown,
    Decided(Verdict),
    /// Certainly not executed, and not tried any more.
    NotMade,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) body: u8,
    /// The payment that the key was taken for.
    subject: usize,
    pub(crate) answer: Option<Verdict>,
}

/// A commit that changes nothing but the key, for the payment that somebody has read it to stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyChange {
    Answer { subject: usize, verdict: Verdict },
    Release { subject: usize },
}

/// What is in the way of taking a key, or what is to be done about it.
pub(crate) enum Found {
    /// It was free, and is taken for this attempt.
    Taken(usize),
    OtherRequest,
    Answered(Verdict),
    SomebodyWorks,
    WaitsForWorker,
    /// Its call is to be made again.
    Repeat(usize),
    /// Its payment has come to an end, and the key does not say so yet.
    Ended(KeyChange),
}

#[derive(Debug, Default)]
pub(crate) struct Database {
    pub(crate) row: Option<Row>,
    /// The place of a payment is its name, and that of its call at the provider, the same for every repetition.
    payments: Vec<State>,
}

impl Database {
    /// Takes the key if it is free. One commit, or two for what was lost.
    pub(crate) fn take(&mut self, body: u8, now_us: u64) -> Found {
        let Some(row) = self.row else {
            let subject = self.payments.len();
            self.payments.push(State::UnderWay { since_us: now_us });
            self.row = Some(Row { body, subject, answer: None });
            return Found::Taken(subject);
        };
        if row.body != body {
            return Found::OtherRequest;
        }
        if let Some(answer) = row.answer {
            return Found::Answered(answer);
        }
        let subject = row.subject;
        match self.payments[subject] {
            State::UnderWay { since_us } if now_us < since_us + CALL_LEASE_US => Found::SomebodyWorks,
            State::Queued => Found::WaitsForWorker,
            State::UnderWay { .. } | State::Unknown => {
                self.payments[subject] = State::Unknown;
                Found::Repeat(subject)
            }
            State::Decided(verdict) => Found::Ended(KeyChange::Answer { subject, verdict }),
            State::NotMade => Found::Ended(KeyChange::Release { subject }),
        }
    }

    fn queued(&self) -> Option<usize> {
        self.payments.iter().position(|state| matches!(state, State::Queued))
    }

    /// A worker takes up what was queued.
    pub(crate) fn take_queued(&mut self, now_us: u64) -> Option<usize> {
        let payment = self.queued()?;
        self.payments[payment] = State::UnderWay { since_us: now_us };
        Some(payment)
    }

    /// A worker gives up what was queued for too long. The key is left to the client, who is told first.
    pub(crate) fn give_up(&mut self) {
        if let Some(payment) = self.queued() {
            self.payments[payment] = State::NotMade;
        }
    }

    /// Writes down what a call brought and, for a client, what becomes of its key, in one commit. Gives the final
    /// outcome of the payment, if there is one now.
    pub(crate) fn record(&mut self, subject: usize, heard: Heard, is_for_client: bool) -> Option<Verdict> {
        let state = &mut self.payments[subject];
        // Where an earlier call may have been executed, "not this time" says nothing about it.
        let is_repeat = matches!(state, State::Unknown);
        *state = match (*state, heard) {
            (ended @ (State::Decided(_) | State::NotMade), _) => ended,
            (_, Heard::Verdict(verdict)) => State::Decided(verdict),
            (_, Heard::NotSent) if !is_repeat => State::Queued,
            (_, Heard::TurnedAway) if !is_repeat => State::NotMade,
            (_, Heard::NotSent | Heard::TurnedAway | Heard::Unknown) => State::Unknown,
        };
        let state = *state;
        if is_for_client {
            match state {
                State::Decided(verdict) => _ = self.change_key(KeyChange::Answer { subject, verdict }),
                State::NotMade => _ = self.change_key(KeyChange::Release { subject }),
                _ => {}
            }
        }
        if let State::Decided(verdict) = state { Some(verdict) } else { None }
    }

    /// Changes the key, if it still stands for that payment and has no answer; `false`: it does not.
    pub(crate) fn change_key(&mut self, change: KeyChange) -> bool {
        let (KeyChange::Answer { subject, .. } | KeyChange::Release { subject }) = change;
        let Some(row) = self.row.as_mut().filter(|row| row.subject == subject && row.answer.is_none()) else {
            return false;
        };
        match change {
            KeyChange::Answer { verdict, .. } => row.answer = Some(verdict),
            KeyChange::Release { .. } => self.row = None,
        }
        true
    }
}

#[derive(Debug, Default)]
pub(crate) struct Provider {
    decided: HashMap<usize, Verdict>,
}

impl Provider {
    /// Executes an attempt, once.
    pub(crate) fn decide(&mut self, attempt: usize, is_declined: bool) -> Verdict {
        let new = if is_declined { Verdict::Declined { attempt } } else { Verdict::Done { attempt } };
        *self.decided.entry(attempt).or_insert(new)
    }

    /// How often money moved.
    pub(crate) fn effects(&self) -> usize {
        self.decided.values().filter(|verdict| matches!(verdict, Verdict::Done { .. })).count()
    }
}
