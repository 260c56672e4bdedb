//! What a provider keeps under the idempotency keys that it was sent.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use payments::model::id::AttemptId;

/// For how long after its first call an attempt is repeated.
pub(crate) const HORIZON: SignedDuration = SignedDuration::from_hours(1);
/// The provider forgets a key some time after we stop to repeat it.
const KEPT_FOR_S: u32 = 2 * 3_600;

/// What the first request under a key came to.
#[derive(Clone, Debug)]
pub(crate) enum First<A> {
    Answer(A),
    /// An error of the provider, before or after the effect. It is repeated for as long as the key is kept.
    Failure,
}

pub(crate) struct Keys<A>(BTreeMap<AttemptId, (u32, First<A>)>);

impl<A: Clone> Keys<A> {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn first(&self, attempt: AttemptId, now: u32) -> Option<First<A>> {
        let kept = self.0.get(&attempt).filter(|(since, _)| now < since + KEPT_FOR_S);
        kept.map(|(_, first)| first.clone())
    }

    pub(crate) fn knows(&self, attempt: AttemptId) -> bool {
        self.0.contains_key(&attempt)
    }

    /// The key counts from its first request on.
    pub(crate) fn keep(&mut self, attempt: AttemptId, now: u32, first: First<A>) {
        let since = self.0.get(&attempt).map_or(now, |(since, _)| *since);
        self.0.insert(attempt, (since, first));
    }
}
