//! The whole system, and the invariants that hold after every action.

use std::time::Duration;

use edge_core::attestation::Keys;
use edge_core::idempotency::{
    self, CheckedVerdict, ClaimRequest, Fence, Fingerprint, Lease, Record, Scope, SealedAnswer,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::durable::{CallResult, Database, FinalAnswer, KeyChange, KeyLookup, Provider};
use crate::request::{Fate, Request, Stage};

const START_US: u64 = 1_764_000_000_000_000;
const EDGE_LEASE_MS: u32 = 15_000;
const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(300);
/// The time between two actions. A flushed cache restarts its fences from its clock. So the model assumes that after a
/// flush no clock shows the exact microsecond of an earlier lease again (clocks are set back by no multiple of this),
/// and that the clock of a replica that takes over is not behind the granted fences.
const TICK_US: u64 = 100_000;
const SET_BACK_ODDLY_US: u64 = 1_000;
/// Requests in progress at the same time.
const REQUESTS_MAX: usize = 8;
/// Earlier contents of the cache that a replica may still hold.
const COPIES: usize = 6;
/// Commits that are delayed in the database at the same time.
const DELAYED_COMMITS_MAX: usize = 4;

pub(crate) struct Simulation {
    now_us: u64,
    /// By how much the cache's clock is behind.
    behind_us: u64,
    record: Record,
    /// The highest fence that the cache remembers granting.
    latest: Option<Fence>,
    copies: Vec<Record>,
    pub(crate) is_away: bool,
    database: Database,
    provider: Provider,
    requests: Vec<Request>,
    /// Commits whose process has died, and which the database may still apply.
    delayed_commits: Vec<KeyChange>,
    /// The final answers that clients received, each with the body of its request.
    answered: Vec<(u8, FinalAnswer)>,
}

impl Simulation {
    /// All requests but the last are the same one.
    pub(crate) fn new(requests: usize) -> Self {
        let bodies = (0..requests).map(|n| u8::from(n + 1 == requests));
        Self {
            now_us: START_US,
            behind_us: 0,
            record: Record::Free,
            latest: None,
            copies: Vec::new(),
            is_away: false,
            database: Database::default(),
            provider: Provider::default(),
            requests: bodies.map(Request::sent).collect(),
            delayed_commits: Vec::new(),
            answered: Vec::new(),
        }
    }

    const fn cache_us(&self) -> u64 {
        self.now_us - self.behind_us
    }

    fn change_cache<T>(&mut self, change: impl FnOnce(&mut Record, Option<Fence>, u64) -> T) -> T {
        if self.copies.len() == COPIES {
            self.copies.remove(0);
        }
        self.copies.push(self.record.clone());
        let now_us = self.cache_us();
        change(&mut self.record, self.latest, now_us)
    }

    pub(crate) fn advance(&mut self, which: usize, fate: Fate) -> Result<(), TestCaseError> {
        self.now_us += TICK_US;
        let n = which % self.requests.len();
        let mut request = self.requests[n];
        request.stage = match request.stage {
            Stage::Edge => self.ask_cache(&mut request)?,
            Stage::ControlPlane => self.take_key(request)?,
            Stage::Call { attempt } => Stage::Called { attempt, result: self.call(attempt, fate) },
            Stage::Called { attempt, result } => self.record(request, attempt, result),
            Stage::Concluding(change) => match (self.database.change_key(change), change) {
                (true, KeyChange::Answer { answer: verdict, .. }) => Stage::Decided(verdict),
                // Another process was first: read the key again.
                (false, KeyChange::Answer { .. }) => Stage::ControlPlane,
                // The client learns that nothing was executed, and may retry.
                (_, KeyChange::Release { .. }) => Stage::Undecided,
            },
            Stage::Decided(verdict) => {
                if let Some(fence) = request.fence.filter(|_| !self.is_away) {
                    let answer = sealed(verdict, request.body);
                    self.change_cache(|record, _, now_us| {
                        record.complete(fence, &answer, ANSWERS_KEPT_FOR, now_us)
                    });
                }
                self.answered.push((request.body, verdict));
                Stage::Over
            }
            Stage::Undecided => {
                if let Some(fence) = request.fence.filter(|_| !self.is_away) {
                    self.change_cache(|record, _, now_us| record.release(fence, now_us));
                }
                Stage::Over
            }
            Stage::Over => Stage::Over,
        };
        self.requests[n] = request;
        Ok(())
    }

    fn ask_cache(&mut self, request: &mut Request) -> Result<Stage, TestCaseError> {
        if self.is_away {
            return Ok(Stage::ControlPlane);
        }
        let (fingerprint, lease) = (fingerprint(request.body), Lease::from_ms(EDGE_LEASE_MS).unwrap());
        let asked = ClaimRequest { scope: scope(), fingerprint, lease };
        let verdict = self.change_cache(|record, latest, now_us| record.claim(&asked, latest, now_us));
        Ok(match CheckedVerdict::new(Some(verdict), &asked, &keys()) {
            CheckedVerdict::Start { fence } => {
                prop_assert!(Some(fence) > self.latest, "a fence is given once");
                self.latest = Some(fence);
                request.fence = Some(fence);
                Stage::ControlPlane
            }
            CheckedVerdict::Replay(kept) => {
                let row = self.database.row.filter(|row| row.body == request.body);
                let verdict = row.and_then(|row| row.answer);
                prop_assert_eq!(verdict.map(answer), Some(kept), "only what the row answers is replayed");
                self.answered.extend(verdict.map(|verdict| (request.body, verdict)));
                Stage::Over
            }
            // The client retries, or has reused its key.
            CheckedVerdict::InFlight { .. } | CheckedVerdict::Mismatch => Stage::Over,
            // A different request is in progress: the row decides.
            CheckedVerdict::Contested => Stage::ControlPlane,
            checked @ (CheckedVerdict::Unproven(_) | CheckedVerdict::Unavailable) => {
                return Err(TestCaseError::fail(format!("{checked:?} of an honest cache")));
            }
        })
    }

    fn take_key(&mut self, request: Request) -> Result<Stage, TestCaseError> {
        Ok(match self.database.take(request.body, self.now_us) {
            KeyLookup::Taken(attempt) | KeyLookup::Repeat(attempt) => Stage::Call { attempt },
            KeyLookup::Answered(verdict) => Stage::Decided(verdict),
            KeyLookup::Ended(change) => Stage::Concluding(change),
            KeyLookup::OtherRequest | KeyLookup::InFlight | KeyLookup::Queued => Stage::Undecided,
        })
    }

    fn record(&mut self, request: Request, attempt: usize, result: CallResult) -> Stage {
        match self.database.record(attempt, result, request.is_for_client) {
            Some(verdict) if request.is_for_client => Stage::Decided(verdict),
            None if request.is_for_client => Stage::Undecided,
            _ => Stage::Over,
        }
    }

    fn call(&mut self, attempt: usize, fate: Fate) -> CallResult {
        match fate {
            Fate::Good => CallResult::Definite(self.provider.decide(attempt, false)),
            Fate::Declined => CallResult::Definite(self.provider.decide(attempt, true)),
            Fate::AnswerLost => {
                self.provider.decide(attempt, false);
                CallResult::Unknown
            }
            Fate::Lost => CallResult::Unknown,
            Fate::NotSent => CallResult::NotSent,
            Fate::TurnedAway => CallResult::TurnedAway,
        }
    }

    pub(crate) fn crash(&mut self, which: usize) {
        let n = which % self.requests.len();
        self.drop(n);
        self.requests[n] = Request::sent(self.requests[n].body);
    }

    /// A commit that the dead process has sent may still be applied.
    fn drop(&mut self, n: usize) {
        if let Stage::Concluding(change) = self.requests[n].stage
            && self.delayed_commits.len() < DELAYED_COMMITS_MAX
        {
            self.delayed_commits.push(change);
        }
    }

    /// Applies a delayed commit.
    pub(crate) fn apply_commit(&mut self, which: usize) {
        if !self.delayed_commits.is_empty() {
            let change = self.delayed_commits.remove(which % self.delayed_commits.len());
            self.database.change_key(change);
        }
    }

    pub(crate) fn give_up(&mut self) {
        self.database.give_up();
    }

    pub(crate) fn repeat(&mut self, which: usize) {
        let body = self.requests[which % self.requests.len()].body;
        self.send(Request::sent(body));
    }

    /// A worker takes a queued payment.
    pub(crate) fn work(&mut self) {
        let Some(attempt) = self.database.take_queued(self.now_us) else { return };
        let body = self.database.row.map_or(0, |row| row.body);
        self.send(Request::of_a_worker(body, attempt));
    }

    /// Replaces a request that is over, or the oldest one if there are too many.
    fn send(&mut self, request: Request) {
        let over = self.requests.iter().position(|request| matches!(request.stage, Stage::Over));
        match over {
            Some(n) => self.requests[n] = request,
            None if self.requests.len() < REQUESTS_MAX => self.requests.push(request),
            // Its process has died.
            None => {
                self.drop(0);
                self.requests[0] = request;
            }
        }
    }

    pub(crate) fn pass(&mut self, us: u64) {
        self.now_us += us;
    }

    pub(crate) fn set_back(&mut self, ticks: u64) {
        self.behind_us += ticks * TICK_US + SET_BACK_ODDLY_US;
    }

    pub(crate) fn forget(&mut self) {
        (self.record, self.latest) = (Record::Free, None);
        self.copies.clear();
    }

    pub(crate) fn fail_over(&mut self, copy: usize) {
        if !self.copies.is_empty() {
            let copy = copy % self.copies.len();
            self.record = self.copies[copy].clone();
            self.copies.truncate(copy);
        }
    }

    pub(crate) fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.provider.effects() <= 1, "one key has {} effects", self.provider.effects());
        if let Some((body, verdict)) = self.answered.first() {
            for answered in &self.answered {
                prop_assert_eq!(answered, &(*body, *verdict), "all final answers are the same");
            }
            let row = self.database.row.filter(|row| row.body == *body);
            prop_assert_eq!(row.and_then(|row| row.answer), Some(*verdict), "every final answer is durable");
        }
        if let Record::Answered { answer: kept, fingerprint: of, .. } = &self.record {
            let row = self.database.row.unwrap();
            prop_assert_eq!(*of, fingerprint(row.body));
            prop_assert_eq!(
                Some(kept.clone()),
                row.answer.map(|verdict| sealed(verdict, row.body)),
                "the cache says what the row says"
            );
        }
        Ok(())
    }

    /// After the last fault a client that keeps retrying gets an answer, and further retries change nothing.
    pub(crate) fn recover(&mut self) -> Result<(), TestCaseError> {
        self.is_away = false;
        // Every process in progress has died, and every lease has expired.
        while !self.delayed_commits.is_empty() {
            self.apply_commit(0);
        }
        let body = self.database.row.map_or(0, |row| row.body);
        // The first answer may be that nothing was executed.
        for _ in 0..3 {
            self.now_us += 60_000_000 + self.behind_us;
            self.behind_us = 0;
            self.requests = Vec::new();
            self.work();
            self.send(Request::sent(body));
            while let Some(n) = self.requests.iter().position(|one| !matches!(one.stage, Stage::Over)) {
                self.advance(n, Fate::Good)?;
                self.check()?;
            }
        }
        let answered = self.answered.last();
        prop_assert!(answered.is_some(), "no client was answered");
        let is_done = matches!(answered, Some((_, FinalAnswer::Done { .. })));
        prop_assert_eq!(self.provider.effects(), usize::from(is_done), "the answer is the truth");
        Ok(())
    }
}

fn fingerprint(body: u8) -> Fingerprint {
    Fingerprint::new("POST", "/payments/charge", "", b"application/json", &[body])
}

fn answer(verdict: FinalAnswer) -> idempotency::Answer {
    let status = if matches!(verdict, FinalAnswer::Done { .. }) { 200 } else { 402 };
    idempotency::Answer::new(status, "application/json".to_owned(), format!("{verdict:?}")).unwrap()
}

fn sealed(verdict: FinalAnswer, body: u8) -> SealedAnswer {
    SealedAnswer::new(answer(verdict), &scope(), &fingerprint(body), &keys())
}

fn scope() -> Scope {
    Scope::from_hex(&"ab".repeat(32)).unwrap()
}

fn keys() -> Keys {
    Keys::parse(&format!("k1:{}", "01".repeat(32))).unwrap()
}
