//! A batch while it is written: what is left of it, for how long, and the result of each change.

use std::sync::Arc;
use std::time::Duration;

use payments::ports::store::{Change, CommitError, StoreError};
use tokio::time::Instant;

use super::unavailable;

/// Time after which the rest of a batch gets only a short time for each statement: something holds a lock that one or
/// all of the changes need, and everybody who waits for the batch, or for its writer, waits for them.
const HURRY_AFTER: Duration = Duration::from_secs(4);
/// Time after which nothing more of a batch is begun. Its callers learn that nothing was written while they still wait.
const BEGIN_MAX: Duration = Duration::from_secs(8);
/// The same for changes whose commit had no answer: this is how long it is repeated.
const CONFIRM_MAX: Duration = Duration::from_secs(10);

pub(super) struct Batch<'a> {
    pub(super) changes: &'a [Change],
    /// One per change, in order.
    pub(super) results: Vec<Result<(), CommitError>>,
    /// Groups to write; the last one is next.
    pub(super) groups: Vec<Group>,
    begun: Instant,
}

/// Members to write in one statement.
pub(super) struct Group {
    pub(super) members: Vec<usize>,
    /// The members may have been written already: the answer to an earlier statement was lost.
    pub(super) noting: bool,
    pub(super) tries: u8,
}

impl<'a> Batch<'a> {
    pub(super) fn of(changes: &'a [Change]) -> Self {
        let results = changes.iter().map(|_| Err(unavailable(Undecided).into())).collect();
        Self { changes, results, groups: Vec::new(), begun: Instant::now() }
    }

    /// Whether there is time for another statement. `noting`: to learn what became of an earlier one.
    pub(super) fn has_time(&self, noting: bool) -> bool {
        let max = if noting { CONFIRM_MAX } else { BEGIN_MAX };
        self.begun.elapsed() < max
    }

    /// Whether the next statement must be short.
    pub(super) fn is_slow(&self) -> bool {
        self.begun.elapsed() >= HURRY_AFTER
    }

    pub(super) fn tell(&mut self, member: usize, result: Result<(), CommitError>) {
        if let Some(slot) = self.results.get_mut(member) {
            *slot = result;
        }
    }

    /// Sets the same error for all members.
    pub(super) fn tell_all<E>(&mut self, members: &[usize], problem: E, told: impl Fn(Arc<E>) -> StoreError) {
        let problem = Arc::new(problem);
        for member in members {
            self.tell(*member, Err(told(problem.clone()).into()));
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the outcome of the change is unknown")]
struct Undecided;

/// The batch has taken so long that this part of it was not begun.
#[derive(Debug, thiserror::Error)]
#[error("the database took too long for the changes before this one")]
pub(super) struct Late;

#[cfg(test)]
mod tests {
    use payments::ports::store::Mutation;

    use super::*;

    #[test]
    fn a_slow_batch_hurries_then_begins_nothing_and_last_gives_up_what_is_unknown() {
        let changes = [Change::from(Mutation::Nothing)];
        let mut batch = Batch::of(&changes);
        for (after, expected) in [
            (Duration::ZERO, (false, true, true)),
            (HURRY_AFTER, (true, true, true)),
            (BEGIN_MAX, (true, false, true)),
            (CONFIRM_MAX, (true, false, false)),
        ] {
            batch.begun = Instant::now() - after;
            assert_eq!((batch.is_slow(), batch.has_time(false), batch.has_time(true)), expected, "{after:?}");
        }
    }
}
