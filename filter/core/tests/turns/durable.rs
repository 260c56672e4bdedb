//! What holds when the cache does not: the row of the key in the control plane's database, and the provider with its
//! own memory of attempts.

use std::collections::HashMap;

/// Longer than a call takes: whoever began it is gone by then.
const CALL_LEASE_US: u64 = 40_000_000;

/// A definite answer. What matters is that two of them can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done { attempt: u32 },
    Declined { attempt: u32 },
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

#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// Somebody calls, since then.
    UnderWay { since_us: u64 },
    /// Certainly not executed; to be tried again.
    Queued,
    /// May have been executed.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) body: u8,
    /// Names the call at the provider, the same for every repetition.
    pub(crate) attempt: u32,
    pub(crate) state: State,
    pub(crate) answer: Option<Verdict>,
}

/// What is in the way of taking a key, or what is to be done about it.
pub(crate) enum Found {
    /// It was free, and is taken for this attempt.
    Taken(u32),
    OtherRequest,
    Answered(Verdict),
    SomebodyWorks,
    WaitsForWorker,
    /// Its call is to be made again.
    Repeat(u32),
}

#[derive(Debug, Default)]
pub(crate) struct Database {
    pub(crate) row: Option<Row>,
    attempts: u32,
}

impl Database {
    /// Takes the key if it is free. One commit, or two for what was lost.
    pub(crate) fn take(&mut self, body: u8, now_us: u64) -> Found {
        let Some(row) = &mut self.row else {
            self.attempts += 1;
            let state = State::UnderWay { since_us: now_us };
            self.row = Some(Row { body, attempt: self.attempts, state, answer: None });
            return Found::Taken(self.attempts);
        };
        if row.body != body {
            return Found::OtherRequest;
        }
        if let Some(answer) = row.answer {
            return Found::Answered(answer);
        }
        match row.state {
            State::UnderWay { since_us } if now_us < since_us + CALL_LEASE_US => Found::SomebodyWorks,
            State::Queued => Found::WaitsForWorker,
            State::UnderWay { .. } | State::Unknown => {
                row.state = State::Unknown;
                Found::Repeat(row.attempt)
            }
        }
    }

    /// A worker takes up what was queued.
    pub(crate) fn take_queued(&mut self, now_us: u64) -> Option<u32> {
        let row =
            self.row.as_mut().filter(|row| matches!(row.state, State::Queued) && row.answer.is_none())?;
        row.state = State::UnderWay { since_us: now_us };
        Some(row.attempt)
    }

    /// Writes down what a call brought, and gives the final answer of the key, if there is one now.
    pub(crate) fn record(&mut self, attempt: u32, heard: Heard) -> Option<Verdict> {
        let row = self.row.as_mut().filter(|row| row.attempt == attempt)?;
        if row.answer.is_some() {
            return row.answer;
        }
        // Where an earlier call may have been executed, "not this time" says nothing about it.
        let is_repeat = matches!(row.state, State::Unknown);
        match heard {
            Heard::Verdict(verdict) => row.answer = Some(verdict),
            Heard::NotSent if !is_repeat => row.state = State::Queued,
            Heard::TurnedAway if !is_repeat => {
                self.row = None;
                return None;
            }
            Heard::NotSent | Heard::TurnedAway | Heard::Unknown => row.state = State::Unknown,
        }
        row.answer
    }
}

#[derive(Debug, Default)]
pub(crate) struct Provider {
    decided: HashMap<u32, Verdict>,
}

impl Provider {
    /// Executes an attempt, once.
    pub(crate) fn decide(&mut self, attempt: u32, is_declined: bool) -> Verdict {
        let new = if is_declined { Verdict::Declined { attempt } } else { Verdict::Done { attempt } };
        *self.decided.entry(attempt).or_insert(new)
    }

    /// How often money moved.
    pub(crate) fn effects(&self) -> usize {
        self.decided.values().filter(|verdict| matches!(verdict, Verdict::Done { .. })).count()
    }
}
