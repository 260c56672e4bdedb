//! What is not decided is looked after again, at a time, until it is.

use jiff::{SignedDuration, Timestamp};

/// When to look after something again. Stored with it, in the commit that leaves it undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowUp {
    pub at: Timestamp,
    /// How often it has been tried to bring it to an end since its operation began; the pauses grow with it.
    pub tries: u32,
}

impl FollowUp {
    /// Longer than a call of our own with everything around it takes, unless configured shorter.
    pub const CALL_LEASE: SignedDuration = SignedDuration::from_secs(40);

    /// For what is left undecided at `at`: nothing is expected before a call that may be in flight has ended.
    #[must_use]
    pub fn after(previous: Option<Self>, at: Timestamp) -> Self {
        Self { at: at + Self::CALL_LEASE, tries: previous.map_or(0, |previous| previous.tries) }
    }
}
