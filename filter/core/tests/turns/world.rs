//! All of it together, and what must be true of it after every step.

use std::time::Duration;

use edge_core::attestation::Keys;
use edge_core::idempotency::{
    self, ClaimRequest, Fence, Fingerprint, Lease, Record, Scope, SealedAnswer, Word,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::durable::{Database, Found, Heard, KeyChange, Provider, Verdict};
use crate::request::{Fate, Place, Request};

const START_US: u64 = 1_764_000_000_000_000;
const EDGE_LEASE_MS: u32 = 15_000;
const ANSWERS_KEPT_FOR: Duration = Duration::from_secs(300);
/// From one step to the next. A cache that has lost its memory begins its fences anew with its clock, so what is
/// assumed is that no clock shows the very microsecond of an earlier turn once more after a flush (what sets it back
/// is no multiple of this), and that the clock of a copy that takes over is not behind the fences that were given.
const TICK_US: u64 = 100_000;
const SET_BACK_ODDLY_US: u64 = 1_000;
/// Requests on their way at the same time.
const REQUESTS_MAX: usize = 8;
/// Earlier contents of the cache that a copy may still have.
const COPIES: usize = 6;
/// Commits that wait in the database at the same time.
const HELD_BACK_MAX: usize = 4;

pub(crate) struct World {
    now_us: u64,
    /// How far the cache's clock is behind.
    behind_us: u64,
    record: Record,
    /// The highest fence that the cache knows to have given.
    latest: Option<Fence>,
    copies: Vec<Record>,
    pub(crate) is_away: bool,
    database: Database,
    provider: Provider,
    requests: Vec<Request>,
    /// Commits whose process is gone, and which the database may still make.
    held_back: Vec<KeyChange>,
    /// The final answers that clients were given, with the body that they had sent.
    told: Vec<(u8, Verdict)>,
}

impl World {
    /// All but the last of the requests are the same one.
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
            held_back: Vec::new(),
            told: Vec::new(),
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

    pub(crate) fn go(&mut self, who: usize, fate: Fate) -> Result<(), TestCaseError> {
        self.now_us += TICK_US;
        let n = who % self.requests.len();
        let mut request = self.requests[n];
        request.place = match request.place {
            Place::Edge => self.ask_cache(&mut request)?,
            Place::ControlPlane => self.take_key(request)?,
            Place::Call { attempt } => Place::Heard { attempt, heard: self.call(attempt, fate) },
            Place::Heard { attempt, heard } => self.record(request, attempt, heard),
            Place::Concluding(change) => match (self.database.change_key(change), change) {
                (true, KeyChange::Answer { verdict, .. }) => Place::Decided(verdict),
                // Another process has concluded: it is looked at once more.
                (false, KeyChange::Answer { .. }) => Place::ControlPlane,
                // Its client is told that nothing was done, and may send it again.
                (_, KeyChange::Release { .. }) => Place::Undecided,
            },
            Place::Decided(verdict) => {
                if let Some(fence) = request.fence.filter(|_| !self.is_away) {
                    let answer = sealed(verdict, request.body);
                    self.change_cache(|record, _, now_us| {
                        record.complete(fence, &answer, ANSWERS_KEPT_FOR, now_us)
                    });
                }
                self.told.push((request.body, verdict));
                Place::Over
            }
            Place::Undecided => {
                if let Some(fence) = request.fence.filter(|_| !self.is_away) {
                    self.change_cache(|record, _, now_us| record.release(fence, now_us));
                }
                Place::Over
            }
            Place::Over => Place::Over,
        };
        self.requests[n] = request;
        Ok(())
    }

    fn ask_cache(&mut self, request: &mut Request) -> Result<Place, TestCaseError> {
        if self.is_away {
            return Ok(Place::ControlPlane);
        }
        let (fingerprint, lease) = (fingerprint(request.body), Lease::from_ms(EDGE_LEASE_MS).unwrap());
        let asked = ClaimRequest { scope: scope(), fingerprint, lease };
        let verdict = self.change_cache(|record, latest, now_us| record.claim(&asked, latest, now_us));
        Ok(match Word::of(Some(verdict), &asked, &keys()) {
            Word::Start { fence } => {
                prop_assert!(Some(fence) > self.latest, "a fence is given once");
                self.latest = Some(fence);
                request.fence = Some(fence);
                Place::ControlPlane
            }
            Word::Replay(kept) => {
                let row = self.database.row.filter(|row| row.body == request.body);
                let verdict = row.and_then(|row| row.answer);
                prop_assert_eq!(verdict.map(answer), Some(kept), "only what the row answers is replayed");
                self.told.extend(verdict.map(|verdict| (request.body, verdict)));
                Place::Over
            }
            // Its client sends it again, or has made a mistake.
            Word::InFlight { .. } | Word::Mismatch => Place::Over,
            // Another one is being worked on: the row decides.
            Word::Contested => Place::ControlPlane,
            word @ (Word::Unproven(_) | Word::Unavailable) => {
                return Err(TestCaseError::fail(format!("{word:?} of an honest cache")));
            }
        })
    }

    fn take_key(&mut self, request: Request) -> Result<Place, TestCaseError> {
        Ok(match self.database.take(request.body, self.now_us) {
            Found::Taken(attempt) | Found::Repeat(attempt) => Place::Call { attempt },
            Found::Answered(verdict) => Place::Decided(verdict),
            Found::Ended(change) => Place::Concluding(change),
            Found::OtherRequest | Found::SomebodyWorks | Found::WaitsForWorker => Place::Undecided,
        })
    }

    fn record(&mut self, request: Request, attempt: usize, heard: Heard) -> Place {
        match self.database.record(attempt, heard, request.has_client) {
            Some(verdict) if request.has_client => Place::Decided(verdict),
            None if request.has_client => Place::Undecided,
            _ => Place::Over,
        }
    }

    fn call(&mut self, attempt: usize, fate: Fate) -> Heard {
        match fate {
            Fate::Good => Heard::Verdict(self.provider.decide(attempt, false)),
            Fate::Declined => Heard::Verdict(self.provider.decide(attempt, true)),
            Fate::AnswerLost => {
                self.provider.decide(attempt, false);
                Heard::Unknown
            }
            Fate::Lost => Heard::Unknown,
            Fate::NotSent => Heard::NotSent,
            Fate::TurnedAway => Heard::TurnedAway,
        }
    }

    pub(crate) fn crash(&mut self, who: usize) {
        let n = who % self.requests.len();
        self.drop(n);
        self.requests[n] = Request::sent(self.requests[n].body);
    }

    /// What its process has sent to the database may still be committed.
    fn drop(&mut self, n: usize) {
        if let Place::Concluding(change) = self.requests[n].place
            && self.held_back.len() < HELD_BACK_MAX
        {
            self.held_back.push(change);
        }
    }

    /// A commit that was held back is made.
    pub(crate) fn land(&mut self, which: usize) {
        if !self.held_back.is_empty() {
            let change = self.held_back.remove(which % self.held_back.len());
            self.database.change_key(change);
        }
    }

    pub(crate) fn give_up(&mut self) {
        self.database.give_up();
    }

    pub(crate) fn repeat(&mut self, who: usize) {
        let body = self.requests[who % self.requests.len()].body;
        self.send(Request::sent(body));
    }

    /// A worker takes up what is queued.
    pub(crate) fn work(&mut self) {
        let Some(attempt) = self.database.take_queued(self.now_us) else { return };
        let body = self.database.row.map_or(0, |row| row.body);
        self.send(Request::of_a_worker(body, attempt));
    }

    /// In the place of one that is over, if there are too many.
    fn send(&mut self, request: Request) {
        let over = self.requests.iter().position(|request| matches!(request.place, Place::Over));
        match over {
            Some(n) => self.requests[n] = request,
            None if self.requests.len() < REQUESTS_MAX => self.requests.push(request),
            // One whose process is gone.
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
        if let Some((body, verdict)) = self.told.first() {
            for told in &self.told {
                prop_assert_eq!(told, &(*body, *verdict), "all final answers are one");
            }
            let row = self.database.row.filter(|row| row.body == *body);
            prop_assert_eq!(row.and_then(|row| row.answer), Some(*verdict), "what was told is on the disk");
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

    /// After the last fault somebody who keeps asking is answered, and asking once more changes nothing.
    pub(crate) fn heal(&mut self) -> Result<(), TestCaseError> {
        self.is_away = false;
        // Whoever was under way is gone, and every lease with them.
        while !self.held_back.is_empty() {
            self.land(0);
        }
        let body = self.database.row.map_or(0, |row| row.body);
        // The first may be told that nothing was done.
        for _ in 0..3 {
            self.now_us += 60_000_000 + self.behind_us;
            self.behind_us = 0;
            self.requests = Vec::new();
            self.work();
            self.send(Request::sent(body));
            while let Some(n) = self.requests.iter().position(|one| !matches!(one.place, Place::Over)) {
                self.go(n, Fate::Good)?;
                self.check()?;
            }
        }
        let told = self.told.last();
        prop_assert!(told.is_some(), "nobody was answered");
        let is_done = matches!(told, Some((_, Verdict::Done { .. })));
        prop_assert_eq!(self.provider.effects(), usize::from(is_done), "the answer is the truth");
        Ok(())
    }
}

fn fingerprint(body: u8) -> Fingerprint {
    Fingerprint::new("POST", "/payments/charge", "", b"application/json", &[body])
}

fn answer(verdict: Verdict) -> idempotency::Answer {
    let status = if matches!(verdict, Verdict::Done { .. }) { 200 } else { 402 };
    idempotency::Answer::new(status, "application/json".to_owned(), format!("{verdict:?}")).unwrap()
}

fn sealed(verdict: Verdict, body: u8) -> SealedAnswer {
    SealedAnswer::new(answer(verdict), &scope(), &fingerprint(body), &keys())
}

fn scope() -> Scope {
    Scope::from_hex(&"ab".repeat(32)).unwrap()
}

fn keys() -> Keys {
    Keys::parse(&format!("k1:{}", "01".repeat(32))).unwrap()
}
