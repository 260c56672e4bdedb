//! A circuit breaker: a provider that fails is left alone for a while, and then asked by one call whether it is back.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The last outcomes that count. Below [`ENOUGH`] of them nothing is concluded.
const WINDOW: u32 = 20;
const ENOUGH: u32 = 10;
/// How long it is left alone at first; doubled each time the call that asks fails.
const FIRST: SignedDuration = SignedDuration::from_secs(2);
const LONGEST: SignedDuration = SignedDuration::from_secs(16);
/// A call that asks whether the provider is back and does not return may be replaced after this.
const PROBE: SignedDuration = SignedDuration::from_secs(30);

#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Calls go through. A bit for each of the last outcomes, the newest lowest, 1 for a failure.
    Closed {
        outcomes: u32,
        seen: u32,
    },
    Open {
        until: Timestamp,
        pause: SignedDuration,
    },
    /// One call is under way to find out.
    Probing {
        since: Timestamp,
        pause: SignedDuration,
    },
}

/// What a breaker has just become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Open,
    Closed,
}

const CLOSED: State = State::Closed { outcomes: 0, seen: 0 };

impl Breaker {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(CLOSED))
    }

    /// Whether a call may be made.
    ///
    /// # Errors
    /// For how long none may.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), SignedDuration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now < until => Err(until.duration_since(now)),
            State::Probing { since, pause } if now < since + PROBE => Err(pause),
            State::Open { pause, .. } | State::Probing { pause, .. } => {
                *state = State::Probing { since: now, pause };
                Ok(())
            }
        }
    }

    /// How a call that was admitted ended.
    pub(super) fn ended(&self, failed: bool, now: Timestamp) -> Option<Turned> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, turned) = match *state {
            State::Closed { outcomes, seen } => {
                let outcomes = ((outcomes << 1) | u32::from(failed)) & ((1 << WINDOW) - 1);
                let seen = (seen + 1).min(WINDOW);
                if seen >= ENOUGH && outcomes.count_ones() * 2 > seen {
                    (State::Open { until: now + FIRST, pause: FIRST }, Some(Turned::Open))
                } else {
                    (State::Closed { outcomes, seen }, None)
                }
            }
            State::Probing { pause, .. } if failed => {
                let pause = (pause * 2).min(LONGEST);
                (State::Open { until: now + pause, pause }, None)
            }
            State::Probing { .. } => (CLOSED, Some(Turned::Closed)),
            // A call from before it opened.
            State::Open { .. } => return None,
        };
        *state = next;
        turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(s).unwrap()
    }

    fn after(failures: usize, successes: usize) -> Breaker {
        let breaker = Breaker::new();
        let outcomes = std::iter::repeat_n(false, successes).chain(std::iter::repeat_n(true, failures));
        outcomes.for_each(|failed| {
            let _ = breaker.ended(failed, at(0));
        });
        breaker
    }

    #[test]
    fn a_few_failures_prove_nothing() {
        assert!(after(9, 0).admit(at(0)).is_ok());
        assert!(after(10, 10).admit(at(0)).is_ok(), "half of them may fail");
    }

    #[test]
    fn it_opens_when_most_of_the_last_calls_failed() {
        let breaker = after(9, 0);
        assert_eq!(breaker.ended(true, at(0)), Some(Turned::Open));
        assert_eq!(breaker.admit(at(1)), Err(SignedDuration::from_secs(1)));
        assert!(after(11, 100).admit(at(0)).is_err(), "what was long ago does not count");
    }

    #[test]
    fn one_call_asks_whether_the_provider_is_back() {
        let breaker = after(20, 0);
        assert_eq!(breaker.admit(at(2)), Ok(()));
        assert!(breaker.admit(at(2)).is_err(), "only one");
        assert_eq!(breaker.ended(false, at(3)), Some(Turned::Closed));
        assert!((0..30).all(|_| breaker.admit(at(3)).is_ok()));
    }

    #[test]
    fn a_provider_that_is_not_back_is_left_alone_for_longer_each_time() {
        let breaker = after(20, 0);
        let mut now = 2;
        for pause in [4, 8, 16, 16] {
            assert_eq!(breaker.admit(at(now)), Ok(()));
            assert_eq!(breaker.ended(true, at(now)), None);
            assert_eq!(breaker.admit(at(now)), Err(SignedDuration::from_secs(pause)));
            now += pause;
        }
    }

    #[test]
    fn a_call_that_asks_and_never_returns_is_replaced() {
        let breaker = after(20, 0);
        assert_eq!(breaker.admit(at(2)), Ok(()));
        assert!(breaker.admit(at(31)).is_err());
        assert_eq!(breaker.admit(at(32)), Ok(()));
    }

    #[test]
    fn an_answer_to_a_call_from_before_it_opened_does_not_close_it() {
        let breaker = after(20, 0);
        assert_eq!(breaker.ended(false, at(1)), None);
        assert!(breaker.admit(at(1)).is_err());
    }
}
