//! A circuit breaker: a failing provider gets no calls for a while. Then a cheap read probes whether it is back, and if
//! so, one trial call shows whether its work succeeds, too.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The number of last outcomes that count. Fewer than [`ENOUGH`] prove nothing.
const WINDOW: u32 = 20;
const ENOUGH: u32 = 10;
/// The first pause; doubled each time the provider turns out not to be back.
const FIRST: SignedDuration = SignedDuration::from_secs(2);
/// A probe or a trial call that has not returned after this time is replaced.
const FINDING_OUT_MAX: SignedDuration = SignedDuration::from_secs(30);

#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
    /// The upper limit of the pauses.
    longest: SignedDuration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Calls go through. `outcomes` has a bit for each of the last ones, the newest lowest, 1 for a failure.
    Closed {
        outcomes: u32,
        seen: u32,
    },
    Open {
        until: Timestamp,
        pause: SignedDuration,
    },
    /// The probe, a cheap read, is in flight.
    Asking {
        since: Timestamp,
        pause: SignedDuration,
    },
    /// The provider answers reads. The next call goes through alone, as the trial.
    Answering {
        pause: SignedDuration,
    },
    /// The trial call is in flight.
    Trying {
        since: Timestamp,
        pause: SignedDuration,
    },
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Call,
    /// Probe the provider with a cheap read, report it to [`Breaker::answered`], and ask again.
    AskFirst,
    /// Do not call for this long.
    Refused(SignedDuration),
}

/// How many calls would go through now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lets {
    All,
    One,
    None,
}

/// The state that a breaker has just reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Open,
    Closed,
}

const CLOSED: State = State::Closed { outcomes: 0, seen: 0 };

impl Breaker {
    pub(super) const fn new(longest: SignedDuration) -> Self {
        Self { state: Mutex::new(CLOSED), longest }
    }

    /// Whether a call may be made. Once the provider answers reads again, the first caller makes the trial call.
    pub(super) fn admit(&self, now: Timestamp) -> Admission {
        self.change(|state| match state {
            State::Trying { since, pause } if is_within(now, since, FINDING_OUT_MAX) => {
                (state, Admission::Refused(pause))
            }
            State::Answering { pause } | State::Trying { pause, .. } => {
                (State::Trying { since: now, pause }, Admission::Call)
            }
            state => pass(state, now),
        })
    }

    /// Like [`Self::admit`], for a call whose outcome is not reported here.
    pub(super) fn admit_uncounted(&self, now: Timestamp) -> Admission {
        self.change(|state| match state {
            State::Answering { .. } | State::Trying { .. } => (state, Admission::Call),
            state => pass(state, now),
        })
    }

    /// How many calls would go through, without admitting any.
    pub(super) fn lets(&self) -> Lets {
        match *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Closed { .. } => Lets::All,
            State::Answering { .. } => Lets::One,
            State::Open { .. } | State::Asking { .. } | State::Trying { .. } => Lets::None,
        }
    }

    /// Reports the result of the read that [`Admission::AskFirst`] requested.
    pub(super) fn answered(&self, answers: bool, now: Timestamp) {
        self.change(|state| match state {
            State::Asking { pause, .. } if answers => (State::Answering { pause }, ()),
            State::Asking { pause, .. } => (self.open_longer(pause, now), ()),
            state => (state, ()),
        });
    }

    /// Reports the outcome of an admitted call.
    pub(super) fn ended(&self, failed: bool, now: Timestamp) -> Option<Turned> {
        self.change(|state| match state {
            State::Closed { outcomes, seen } => {
                let outcomes = ((outcomes << 1) | u32::from(failed)) & ((1 << WINDOW) - 1);
                let seen = (seen + 1).min(WINDOW);
                if seen >= ENOUGH && outcomes.count_ones() * 2 > seen {
                    (State::Open { until: now + FIRST, pause: FIRST }, Some(Turned::Open))
                } else {
                    (State::Closed { outcomes, seen }, None)
                }
            }
            State::Trying { pause, .. } if failed => (self.open_longer(pause, now), None),
            State::Trying { .. } => (CLOSED, Some(Turned::Closed)),
            // A call admitted before the circuit opened.
            state @ (State::Open { .. } | State::Asking { .. } | State::Answering { .. }) => (state, None),
        })
    }

    /// Reports the success of an uncounted call.
    pub(super) fn succeeded_elsewhere(&self) -> Option<Turned> {
        self.change(|state| match state {
            State::Answering { .. } => (CLOSED, Some(Turned::Closed)),
            state => (state, None),
        })
    }

    /// Reports that an admitted call ended without evidence: another trial is needed.
    pub(super) fn ended_without_telling(&self) {
        self.change(|state| match state {
            State::Trying { pause, .. } => (State::Answering { pause }, ()),
            state => (state, ()),
        });
    }

    /// Opens the circuit, because its operation is known to fail.
    pub(super) fn open(&self, now: Timestamp) -> Option<Turned> {
        self.change(|state| match state {
            State::Closed { .. } => (State::Open { until: now + FIRST, pause: FIRST }, Some(Turned::Open)),
            state => (state, None),
        })
    }

    fn open_longer(&self, pause: SignedDuration, now: Timestamp) -> State {
        let pause = (pause * 2).min(self.longest);
        State::Open { until: now + pause, pause }
    }

    fn change<T>(&self, next: impl FnOnce(State) -> (State, T)) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (after, result) = next(*state);
        *state = after;
        result
    }
}

/// Whether less than `most` has passed since `since`. If the clock was set back by more, `since` counts as long ago,
/// not as in the future.
fn is_within(now: Timestamp, since: Timestamp, most: SignedDuration) -> bool {
    now.duration_since(since).abs() < most
}

/// The admission in every state, apart from trial calls, which the callers handle.
fn pass(state: State, now: Timestamp) -> (State, Admission) {
    match state {
        State::Open { until, pause } if now < until && is_within(now, until - pause, pause) => {
            (state, Admission::Refused(until.duration_since(now)))
        }
        State::Asking { since, pause } if is_within(now, since, FINDING_OUT_MAX) => {
            (state, Admission::Refused(pause))
        }
        State::Open { pause, .. } | State::Asking { pause, .. } => {
            (State::Asking { since: now, pause }, Admission::AskFirst)
        }
        State::Closed { .. } | State::Answering { .. } | State::Trying { .. } => (state, Admission::Call),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: SignedDuration = SignedDuration::from_secs(16);

    #[test]
    fn a_clock_that_is_put_back_keeps_no_circuit_open() {
        let breaker = Breaker::new(LONGEST);
        breaker.open(at(100_000));
        assert_eq!(breaker.admit(at(100_001)), refused(1));
        assert_eq!(breaker.admit(at(10_000)), Admission::AskFirst);
        // The first probe never returned, and the clock was set back once more.
        assert_eq!(breaker.admit(at(1_000)), Admission::AskFirst);
        breaker.answered(true, at(1_000));
        assert_eq!(breaker.admit(at(1_000)), Admission::Call);
        assert_eq!(breaker.admit(at(100)), Admission::Call);
    }

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(s).unwrap()
    }

    fn refused(s: i64) -> Admission {
        Admission::Refused(SignedDuration::from_secs(s))
    }

    fn after(failures: usize, successes: usize) -> Breaker {
        let breaker = Breaker::new(LONGEST);
        let outcomes = std::iter::repeat_n(false, successes).chain(std::iter::repeat_n(true, failures));
        outcomes.for_each(|failed| {
            let _ = breaker.ended(failed, at(0));
        });
        breaker
    }

    fn answering() -> Breaker {
        let breaker = after(20, 0);
        assert_eq!(breaker.admit(at(2)), Admission::AskFirst);
        breaker.answered(true, at(2));
        breaker
    }

    #[test]
    fn a_few_failures_prove_nothing() {
        assert_eq!(after(9, 0).admit(at(0)), Admission::Call);
        assert_eq!(after(10, 10).admit(at(0)), Admission::Call, "half of them may fail");
    }

    #[test]
    fn it_opens_when_most_of_the_last_calls_failed() {
        let breaker = after(9, 0);
        assert_eq!(breaker.ended(true, at(0)), Some(Turned::Open));
        assert_eq!((breaker.admit(at(1)), breaker.lets()), (refused(1), Lets::None));
        assert_ne!(after(11, 100).admit(at(0)), Admission::Call, "what was long ago does not count");
    }

    #[test]
    fn a_read_asks_whether_the_provider_is_back_before_a_call_is_risked() {
        let breaker = after(20, 0);
        assert_eq!(breaker.admit(at(2)), Admission::AskFirst);
        assert_eq!(breaker.admit(at(2)), refused(2), "only one");
        breaker.answered(true, at(3));
        assert_eq!(breaker.lets(), Lets::One);
        assert_eq!(breaker.admit(at(3)), Admission::Call);
        assert_eq!((breaker.admit(at(3)), breaker.lets()), (refused(2), Lets::None), "one call finds out");
        assert_eq!(breaker.ended(false, at(4)), Some(Turned::Closed));
        assert!((0..30).all(|_| breaker.admit(at(4)) == Admission::Call));
    }

    #[test]
    fn a_provider_that_is_not_back_is_left_alone_for_longer_each_time() {
        let breaker = after(20, 0);
        let mut now = 2;
        for pause in [4, 8, 16, 16] {
            assert_eq!(breaker.admit(at(now)), Admission::AskFirst);
            breaker.answered(false, at(now));
            assert_eq!(breaker.admit(at(now)), refused(pause));
            now += pause;
        }
    }

    #[test]
    fn a_provider_that_answers_reads_and_fails_to_work_is_left_alone_again() {
        let breaker = answering();
        assert_eq!(breaker.admit(at(2)), Admission::Call);
        assert_eq!(breaker.ended(true, at(2)), None);
        assert_eq!(breaker.admit(at(2)), refused(4));
    }

    #[test]
    fn what_is_to_find_out_and_never_returns_is_replaced() {
        let breaker = after(20, 0);
        assert_eq!(breaker.admit(at(2)), Admission::AskFirst);
        assert_eq!((breaker.admit(at(31)), breaker.admit(at(32))), (refused(2), Admission::AskFirst));
        breaker.answered(true, at(32));
        assert_eq!(breaker.admit(at(32)), Admission::Call);
        assert_eq!((breaker.admit(at(61)), breaker.admit(at(62))), (refused(2), Admission::Call));
    }

    #[test]
    fn an_answer_to_a_call_from_before_it_opened_does_not_close_it() {
        let breaker = after(20, 0);
        assert_eq!(breaker.ended(false, at(1)), None);
        assert_eq!(breaker.admit(at(1)), refused(1));
    }

    #[test]
    fn uncounted_calls_are_refused_while_it_is_open_and_only_show_a_recovery() {
        let breaker = after(20, 0);
        assert_eq!(breaker.admit_uncounted(at(1)), refused(1));
        assert_eq!(breaker.admit_uncounted(at(2)), Admission::AskFirst);
        assert_eq!(breaker.succeeded_elsewhere(), None);
        breaker.answered(true, at(2));
        assert_eq!([breaker.admit_uncounted(at(2)); 2], [Admission::Call; 2]);
        assert_eq!(breaker.succeeded_elsewhere(), Some(Turned::Closed));
    }
}
