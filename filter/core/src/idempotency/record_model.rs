//! Statement, completions, releases, crashes and time in random order, against a reference that keeps the whole
//! history and looks its answers up in it.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    Answer, ClaimRequest, Fence, Fenced, Fingerprint, KEPT_AFTER_LEASE, Lease, Record, Scope, SealedAnswer,
    Verdict,
};
use crate::attestation::Keys;

const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(300);

#[derive(Clone, Debug)]
enum Step {
    Claim {
        body: u8,
        lease_ms: u32,
    },
    /// By one of those who ever started, in the order they did. Who never comes here has crashed.
    Complete {
        who: usize,
        answer: u8,
    },
    Release {
        who: usize,
    },
    /// Time goes on, or the clock is set back.
    Pass {
        us: i64,
    },
    /// The cache is flushed or restarted.
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_u8, prop_oneof![Just(1), Just(50), Just(30_000)])
            .prop_map(|(body, lease_ms)| Step::Claim { body, lease_ms }),
        3 => (0..4_usize, 0..3_u8).prop_map(|(who, answer)| Step::Complete { who, answer }),
        1 => (0..4_usize).prop_map(|who| Step::Release { who }),
        3 => prop_oneof![Just(1), Just(1_000), Just(50_000), Just(30_000_000), Just(150_000_000), Just(-40_000)]
            .prop_map(|us| Step::Pass { us }),
        1 => Just(Step::Lose),
    ]
}

/// One turn that was given, and what came of it.
#[derive(Clone, Debug)]
struct Turn {
    fence: Fence,
    body: u8,
    lease_until_us: u64,
    /// When the cache has forgotten it.
    until_us: u64,
    answer: Option<u8>,
    over: bool,
}

#[derive(Default)]
struct History {
    turns: Vec<Turn>,
}

impl History {
    /// The turn that decides, if the cache must still know one: only the latest can.
    fn current(&mut self, now_us: u64) -> Option<&mut Turn> {
        self.turns.last_mut().filter(|turn| !turn.over && now_us < turn.until_us)
    }

    fn expected(&mut self, body: u8, now_us: u64) -> Expected {
        match self.current(now_us) {
            Some(turn) if turn.answer.is_none() && now_us >= turn.lease_until_us => Expected::Start,
            Some(turn) if turn.body != body => Expected::Mismatch,
            Some(Turn { answer: Some(answer), .. }) => Expected::Replay(*answer),
            Some(_) => Expected::InFlight,
            None => Expected::Start,
        }
    }
}

#[derive(Debug, PartialEq)]
enum Expected {
    Start,
    Replay(u8),
    InFlight,
    Mismatch,
}

fn seen(verdict: &Verdict) -> Expected {
    match verdict {
        Verdict::Start { .. } => Expected::Start,
        Verdict::Replay(sealed) => {
            Expected::Replay((0..3).find(|n| *sealed == answer(*n)).expect("an answer that was given"))
        }
        Verdict::InFlight { .. } => Expected::InFlight,
        Verdict::Mismatch { .. } => Expected::Mismatch,
    }
}

fn fingerprint(body: u8) -> Fingerprint {
    Fingerprint::new("POST", "/payments/charge", "", b"application/json", &[body])
}

fn keys() -> Keys {
    Keys::parse(&format!("k1:{}", "01".repeat(32))).unwrap()
}

fn scope() -> Scope {
    Scope::from_hex(&"ab".repeat(32)).unwrap()
}

fn answer(n: u8) -> SealedAnswer {
    let answer = Answer::new(200, "application/json".to_owned(), n.to_string()).unwrap();
    SealedAnswer::new(answer, &scope(), &fingerprint(0), &keys())
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap()
}

fn fenced(applied: bool) -> Fenced {
    if applied { Fenced::Applied } else { Fenced::Stale }
}

proptest! {
    #[test]
    fn the_record_does_what_the_history_demands(steps in proptest::collection::vec(step(), 1..80)) {
        let (mut record, mut history) = (Record::Free, History::default());
        let mut now_us = 1_764_000_000_000_000_u64;
        for step in steps {
            match step {
                Step::Claim { body, lease_ms } => {
                    let lease = Lease::from_ms(lease_ms).unwrap();
                    let expected = history.expected(body, now_us);
                    let latest = history.turns.last().map(|turn| turn.fence);
                    let claim = ClaimRequest { scope: scope(), fingerprint: fingerprint(body), lease };
                    let verdict = record.claim(&claim, latest, now_us);
                    prop_assert_eq!(seen(&verdict), expected);
                    if let Verdict::Start { fence } = verdict {
                        prop_assert!(Some(fence) > latest, "{:?} after {:?}", fence, latest);
                        let lease_until_us = now_us + u64::from(lease_ms) * 1_000;
                        history.turns.push(Turn {
                            fence,
                            body,
                            lease_until_us,
                            until_us: lease_until_us + us(KEPT_AFTER_LEASE),
                            answer: None,
                            over: false,
                        });
                    }
                }
                Step::Complete { who, answer: n } => {
                    let Some(fence) = history.turns.get(who).map(|turn| turn.fence) else { continue };
                    let current = history.current(now_us).filter(|turn| turn.fence == fence);
                    let applied = record.complete(fence, &answer(n), ANSWERS_KEPT_FOR, now_us);
                    prop_assert_eq!(applied, fenced(current.is_some()));
                    if let Some(turn) = current.filter(|turn| turn.answer.is_none()) {
                        (turn.answer, turn.until_us) = (Some(n), now_us + us(ANSWERS_KEPT_FOR));
                    }
                }
                Step::Release { who } => {
                    let Some(fence) = history.turns.get(who).map(|turn| turn.fence) else { continue };
                    let current = history.current(now_us);
                    let current = current.filter(|turn| turn.fence == fence && turn.answer.is_none());
                    prop_assert_eq!(record.release(fence, now_us), fenced(current.is_some()));
                    if let Some(turn) = current {
                        turn.over = true;
                    }
                }
                Step::Pass { us } => now_us = now_us.saturating_add_signed(us),
                Step::Lose => {
                    record = Record::Free;
                    if let Some(turn) = history.turns.last_mut() {
                        turn.over = true;
                    }
                }
            }
        }
    }
}
