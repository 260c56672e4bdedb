//! Claims, completions, releases, crashes and clock changes in random order, against a reference model that keeps the
//! whole history and derives its answers from it.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    Answer, ClaimRequest, Fence, Fenced, Fingerprint, KEPT_AFTER_LEASE, Lease, Record, Scope, SealedAnswer,
    Verdict,
};
use crate::attestation::Keys;

const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(300);

#[derive(Clone, Debug)]
enum RecordAction {
    Claim {
        body: u8,
        lease_ms: u32,
    },
    /// By the owner of the n-th lease that was granted. An owner that never completes has crashed.
    Complete {
        owner: usize,
        answer: u8,
    },
    Release {
        owner: usize,
    },
    /// Time passes, or the clock is set back.
    Pass {
        us: i64,
    },
    /// The cache is flushed or restarted.
    Lose,
}

fn action() -> impl Strategy<Value = RecordAction> {
    prop_oneof![
        4 => (0..2_u8, prop_oneof![Just(1), Just(50), Just(30_000)])
            .prop_map(|(body, lease_ms)| RecordAction::Claim { body, lease_ms }),
        3 => (0..4_usize, 0..3_u8).prop_map(|(owner, answer)| RecordAction::Complete { owner, answer }),
        1 => (0..4_usize).prop_map(|owner| RecordAction::Release { owner }),
        3 => prop_oneof![Just(1), Just(1_000), Just(50_000), Just(30_000_000), Just(150_000_000), Just(-40_000)]
            .prop_map(|us| RecordAction::Pass { us }),
        1 => Just(RecordAction::Lose),
    ]
}

/// A lease that was granted, and its outcome.
#[derive(Clone, Debug)]
struct GrantedLease {
    fence: Fence,
    body: u8,
    lease_until_us: u64,
    /// When the cache forgets it.
    until_us: u64,
    answer: Option<u8>,
    over: bool,
}

#[derive(Default)]
struct History {
    leases: Vec<GrantedLease>,
}

impl History {
    /// The lease that decides, if the cache must still know one: only the latest can.
    fn current(&mut self, now_us: u64) -> Option<&mut GrantedLease> {
        self.leases.last_mut().filter(|granted| !granted.over && now_us < granted.until_us)
    }

    fn expected(&mut self, body: u8, now_us: u64) -> Expected {
        match self.current(now_us) {
            Some(granted) if granted.answer.is_none() && now_us >= granted.lease_until_us => Expected::Start,
            Some(granted) if granted.body != body => Expected::Mismatch,
            Some(GrantedLease { answer: Some(answer), .. }) => Expected::Replay(*answer),
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
    fn the_record_agrees_with_the_reference_model(actions in proptest::collection::vec(action(), 1..80)) {
        let (mut record, mut history) = (Record::Free, History::default());
        let mut now_us = 1_764_000_000_000_000_u64;
        for action in actions {
            match action {
                RecordAction::Claim { body, lease_ms } => {
                    let lease = Lease::from_ms(lease_ms).unwrap();
                    let expected = history.expected(body, now_us);
                    let latest = history.leases.last().map(|granted| granted.fence);
                    let claim = ClaimRequest { scope: scope(), fingerprint: fingerprint(body), lease };
                    let verdict = record.claim(&claim, latest, now_us);
                    prop_assert_eq!(seen(&verdict), expected);
                    if let Verdict::Start { fence } = verdict {
                        prop_assert!(Some(fence) > latest, "{:?} after {:?}", fence, latest);
                        let lease_until_us = now_us + u64::from(lease_ms) * 1_000;
                        history.leases.push(GrantedLease {
                            fence,
                            body,
                            lease_until_us,
                            until_us: lease_until_us + us(KEPT_AFTER_LEASE),
                            answer: None,
                            over: false,
                        });
                    }
                }
                RecordAction::Complete { owner, answer: n } => {
                    let Some(fence) = history.leases.get(owner).map(|granted| granted.fence) else { continue };
                    let current = history.current(now_us).filter(|granted| granted.fence == fence);
                    let applied = record.complete(fence, &answer(n), ANSWERS_KEPT_FOR, now_us);
                    prop_assert_eq!(applied, fenced(current.is_some()));
                    if let Some(granted) = current.filter(|granted| granted.answer.is_none()) {
                        (granted.answer, granted.until_us) = (Some(n), now_us + us(ANSWERS_KEPT_FOR));
                    }
                }
                RecordAction::Release { owner } => {
                    let Some(fence) = history.leases.get(owner).map(|granted| granted.fence) else { continue };
                    let current = history.current(now_us);
                    let current = current.filter(|granted| granted.fence == fence && granted.answer.is_none());
                    prop_assert_eq!(record.release(fence, now_us), fenced(current.is_some()));
                    if let Some(granted) = current {
                        granted.over = true;
                    }
                }
                RecordAction::Pass { us } => now_us = now_us.saturating_add_signed(us),
                RecordAction::Lose => {
                    record = Record::Free;
                    if let Some(granted) = history.leases.last_mut() {
                        granted.over = true;
                    }
                }
            }
        }
    }
}
