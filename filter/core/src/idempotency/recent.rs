//! Answers that this worker replayed recently, so that a further retry costs no call to the cache.

use std::collections::{HashMap, VecDeque};

use super::{Answer, CheckedVerdict, ClaimRequest, Fingerprint, Scope};

/// How long an answer is remembered, in seconds. It is valid for longer; this only bounds unused memory.
const KEPT_S: u64 = 600;

/// The longest body that is remembered. Larger ones are rare and are fetched from the cache each time.
const BODY_BYTES_MAX: usize = 2 * 1024;

/// The most recent answers. A final answer never changes, so remembering it is safe: the client is part of the scope,
/// and the request part of the fingerprint.
#[derive(Debug)]
pub(super) struct Recent {
    answers_max: usize,
    answers: HashMap<Scope, Remembered>,
    /// The same, by age.
    order: VecDeque<(u64, Scope)>,
}

#[derive(Debug)]
struct Remembered {
    fingerprint: Fingerprint,
    answer: Answer,
}

impl Recent {
    /// Remembers `answers_max` answers of a few hundred bytes each; 0 remembers nothing.
    pub(super) fn new(answers_max: usize) -> Self {
        Self { answers_max, answers: HashMap::new(), order: VecDeque::new() }
    }

    /// The cache's verdict, if this worker knows it.
    pub(super) fn verdict(&self, claim: &ClaimRequest) -> Option<CheckedVerdict> {
        let known = self.answers.get(&claim.scope)?;
        Some(match known.fingerprint == claim.fingerprint {
            true => CheckedVerdict::Replay(known.answer.clone()),
            false => CheckedVerdict::Mismatch,
        })
    }

    /// Remembers an answer that the cache proved at `now_s` (Unix seconds).
    pub(super) fn remember(&mut self, claim: &ClaimRequest, checked: &CheckedVerdict, now_s: u64) {
        self.forget(|since| now_s.saturating_sub(since) >= KEPT_S);
        let CheckedVerdict::Replay(answer) = checked else { return };
        if self.answers_max == 0 || answer.body().len() > BODY_BYTES_MAX {
            return;
        }
        let remembered = Remembered { fingerprint: claim.fingerprint, answer: answer.clone() };
        if self.answers.insert(claim.scope, remembered).is_none() {
            self.order.push_back((now_s, claim.scope));
        }
        while self.answers.len() > self.answers_max {
            self.forget_oldest();
        }
    }

    fn forget(&mut self, is_over: impl Fn(u64) -> bool) {
        while self.order.front().is_some_and(|(since, _)| is_over(*since)) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, scope)) = self.order.pop_front() {
            self.answers.remove(&scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::{Fence, Lease, Unproven};
    use crate::test;

    const NOW: u64 = 1_764_000_000;

    fn claim(scope: u8, fingerprint: u8) -> ClaimRequest {
        ClaimRequest {
            scope: Scope::from_hex(&hex::encode([scope; 32])).unwrap(),
            fingerprint: Fingerprint::from_hex(&hex::encode([fingerprint; 32])).unwrap(),
            lease: Lease::from_ms(1).unwrap(),
        }
    }

    fn replay(body: &str) -> CheckedVerdict {
        CheckedVerdict::Replay(Answer::new(200, "application/json".to_owned(), body.to_owned()).unwrap())
    }

    #[test]
    fn a_replayed_answer_is_remembered() {
        let mut recent = Recent::new(2);
        assert_eq!(recent.verdict(&claim(1, 1)), None);
        recent.remember(&claim(1, 1), &replay("a"), NOW);
        assert_eq!(recent.verdict(&claim(1, 1)), Some(replay("a")));
        assert_eq!(recent.verdict(&claim(1, 2)), Some(CheckedVerdict::Mismatch));
        assert_eq!(recent.verdict(&claim(2, 1)), None);
    }

    #[test]
    fn verdicts_that_can_still_change_are_not_remembered() {
        let mut recent = Recent::new(2);
        let passing = [
            CheckedVerdict::Start { fence: Fence::new(1).unwrap() },
            CheckedVerdict::InFlight { retry_after_ms: 1 },
            CheckedVerdict::Mismatch,
            CheckedVerdict::Contested,
            CheckedVerdict::Unproven(Unproven::Unsealed),
            CheckedVerdict::Unavailable,
        ];
        for checked in passing {
            recent.remember(&claim(1, 1), &checked, NOW);
            assert_eq!(recent.verdict(&claim(1, 1)), None);
        }
    }

    #[test]
    fn the_oldest_answers_are_evicted_and_all_expire() {
        let mut recent = Recent::new(2);
        for n in 1..=3 {
            recent.remember(&claim(n, n), &replay("a"), NOW);
        }
        assert_eq!(recent.verdict(&claim(1, 1)), None);
        assert!(recent.verdict(&claim(2, 2)).is_some() && recent.verdict(&claim(3, 3)).is_some());
        recent.remember(&claim(9, 9), &CheckedVerdict::Mismatch, NOW + KEPT_S);
        assert_eq!((recent.answers.len(), recent.order.len()), (0, 0));
    }

    #[test]
    fn remembering_an_answer_again_takes_no_more_room() {
        let mut recent = Recent::new(2);
        for _ in 0..10 {
            recent.remember(&claim(1, 1), &replay("a"), NOW);
        }
        assert_eq!(recent.order.len(), 1);
    }

    #[test]
    fn long_answers_are_not_remembered_nor_any_with_a_limit_of_zero() {
        let mut recent = Recent::new(1);
        recent.remember(&claim(1, 1), &replay(&"x".repeat(BODY_BYTES_MAX + 1)), NOW);
        assert_eq!(recent.verdict(&claim(1, 1)), None);
        let mut nothing = Recent::new(0);
        nothing.remember(&claim(1, 1), &replay("a"), NOW);
        assert_eq!(nothing.verdict(&claim(1, 1)), None);
    }
}
