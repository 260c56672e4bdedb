//! The edge cache of a gateway with one control plane.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::{ClaimRequest, Fence, Fenced, Record, Scope, SealedAnswer, Verdict};
use payments::ports::clock::Clock;

use super::quota::{KeepPolicy, Quota};
use super::{CacheError, Completed, EdgeCache};

/// The approximate size of a record without its answer, with its entries in the map and the order.
const RECORD_BYTES: usize = 384;

/// Limits on the content. Beyond them, expired records are dropped first, then the oldest; never a lease that a request
/// may still be executing under.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub records: usize,
    /// Estimated memory.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { records: 100_000, bytes: 64 * 1024 * 1024 }
    }
}

pub struct InProcessCache {
    clock: Arc<dyn Clock>,
    shelf: Mutex<Shelf>,
}

impl InProcessCache {
    #[must_use]
    pub fn new(limits: Limits, keep_policy: KeepPolicy, clock: Arc<dyn Clock>) -> Self {
        let shelf = Shelf {
            limits,
            keep_policy,
            quota: Quota::new(keep_policy),
            records: HashMap::new(),
            order: BTreeSet::new(),
            bytes: 0,
            latest: None,
        };
        Self { clock, shelf: Mutex::new(shelf) }
    }

    /// Runs `operation` under the lock. Operations never block, and none can panic and leave the shelf half changed.
    fn with_shelf<T>(&self, operation: impl FnOnce(&mut Shelf, u64) -> T) -> T {
        let now_us = u64::try_from(self.clock.now().as_microsecond()).unwrap_or(0);
        operation(&mut self.shelf.lock().unwrap_or_else(PoisonError::into_inner), now_us)
    }
}

#[async_trait]
impl EdgeCache for InProcessCache {
    async fn claim(&self, claim: &ClaimRequest) -> Result<Verdict, CacheError> {
        self.with_shelf(|shelf, now_us| shelf.claim(claim, now_us)).ok_or_else(full)
    }

    async fn complete(
        &self,
        scope: &Scope,
        fence: Fence,
        answer: &SealedAnswer,
        client: &ClientId,
    ) -> Result<Completed, CacheError> {
        Ok(self.with_shelf(|shelf, now_us| shelf.complete(*scope, fence, answer, client, now_us)))
    }

    async fn release(&self, scope: &Scope, fence: Fence) -> Result<Fenced, CacheError> {
        Ok(self
            .with_shelf(|shelf, now_us| shelf.change(*scope, now_us, |record| record.release(fence, now_us))))
    }

    async fn ready(&self) -> Result<(), CacheError> {
        self.with_shelf(Shelf::has_room_for_a_claim).then_some(()).ok_or_else(full)
    }
}

fn full() -> CacheError {
    CacheError::unavailable("it is full of operations in flight")
}

struct Shelf {
    limits: Limits,
    keep_policy: KeepPolicy,
    quota: Quota,
    records: HashMap<Scope, Record>,
    /// The same records, ordered by when they may be dropped.
    order: BTreeSet<(u64, Scope)>,
    bytes: usize,
    /// The highest fence issued.
    latest: Option<Fence>,
}

impl Shelf {
    /// Returns `None` if there is no room for another lease.
    fn claim(&mut self, claim: &ClaimRequest, now_us: u64) -> Option<Verdict> {
        let (scope, latest) = (claim.scope, self.latest);
        let verdict = self.change(scope, now_us, |record| record.claim(claim, latest, now_us));
        if let Verdict::Start { fence } = verdict {
            self.latest = Some(fence);
            if !self.make_room(now_us) {
                self.take(&scope);
                return None;
            }
        }
        Some(verdict)
    }

    fn complete(
        &mut self,
        scope: Scope,
        fence: Fence,
        answer: &SealedAnswer,
        client: &ClientId,
        now_us: u64,
    ) -> Completed {
        let is_new =
            matches!(self.records.get(&scope), Some(Record::Leased { fence: held, .. }) if *held == fence);
        if is_new && !self.quota.spend(client, RECORD_BYTES + answer.length(), now_us) {
            self.change(scope, now_us, |record| record.release(fence, now_us));
            return Completed::OverQuota;
        }
        let kept_for = self.keep_policy.answers_for;
        let fenced = self.change(scope, now_us, |record| record.complete(fence, answer, kept_for, now_us));
        self.make_room(now_us);
        fenced.into()
    }

    fn has_room_for_a_claim(&mut self, now_us: u64) -> bool {
        self.make_room(now_us);
        let idle = self.order.first().is_some_and(|(idle_from_us, _)| *idle_from_us <= now_us);
        let is_free = self.records.len() < self.limits.records
            && self.bytes.saturating_add(RECORD_BYTES) <= self.limits.bytes;
        idle || is_free
    }

    fn change<T>(&mut self, scope: Scope, now_us: u64, change: impl FnOnce(&mut Record) -> T) -> T {
        let mut record = self.take(&scope).unwrap_or_default();
        let outcome = change(&mut record);
        if !record.is_forgotten(now_us) {
            self.put(scope, record);
        }
        outcome
    }

    fn take(&mut self, scope: &Scope) -> Option<Record> {
        let record = self.records.remove(scope)?;
        self.order.remove(&(record.idle_from_us(), *scope));
        self.bytes = self.bytes.saturating_sub(bytes(&record));
        Some(record)
    }

    fn put(&mut self, scope: Scope, record: Record) {
        self.bytes = self.bytes.saturating_add(bytes(&record));
        self.order.insert((record.idle_from_us(), scope));
        self.records.insert(scope, record);
    }

    /// Drops expired records, and idle ones while over the limits. Returns `false` if that is not enough, because too
    /// many operations are in flight.
    fn make_room(&mut self, now_us: u64) -> bool {
        while let Some((idle_from_us, scope)) = self.order.first().copied() {
            let forgotten = self.records.get(&scope).is_none_or(|record| record.is_forgotten(now_us));
            let may_go = idle_from_us <= now_us;
            if !(forgotten || (may_go && self.is_over())) {
                break;
            }
            self.take(&scope);
        }
        !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.records.len() > self.limits.records || self.bytes > self.limits.bytes
    }
}

fn bytes(record: &Record) -> usize {
    let answer = match record {
        Record::Free | Record::Leased { .. } => 0,
        Record::Answered { answer, .. } => answer.length(),
    };
    RECORD_BYTES + answer
}
