//! Undecided payments and refunds are followed up at a scheduled time until they are decided.

use jiff::{SignedDuration, Timestamp};

/// When to follow up next. Stored in the commit that leaves the operation undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowUp {
    pub at: Timestamp,
    /// The number of tries since the operation began; the pauses grow with it.
    pub tries: u32,
}

impl FollowUp {
    /// The default call lease: longer than one of our calls and its commits take.
    pub const CALL_LEASE: SignedDuration = SignedDuration::from_secs(40);

    /// Schedules the follow-up of an operation left undecided at `at`: not before a call that may be in flight has
    /// ended.
    #[must_use]
    pub fn after(previous: Option<Self>, at: Timestamp) -> Self {
        Self { at: at + Self::CALL_LEASE, tries: previous.map_or(0, |previous| previous.tries) }
    }
}
