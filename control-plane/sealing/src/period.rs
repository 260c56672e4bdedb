//! How long what a value says is kept.
//!
//! A value can be made unreadable for good, in every copy and backup at once, by the deletion of its data key. So a
//! data key seals only values that end together: of one class, and of one day.

use crate::ValueAddress;

/// Values that may end at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What money and the audit trail depend on. Never ends.
    Kept,
    /// What clients said of payers: the terms of charges, and answers that repeat them.
    Payers,
    /// What providers' events say.
    Webhooks,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Kept, Self::Payers, Self::Webhooks];

    /// The class of the values in a column.
    #[must_use]
    pub fn of(table: &str, column: &str) -> Self {
        match (table, column) {
            ("payments", "request") | ("idempotency_keys", "answer_body") => Self::Payers,
            ("webhook_events", "body") => Self::Webhooks,
            _ => Self::Kept,
        }
    }
}

impl ValueAddress<'_> {
    #[must_use]
    pub fn class(&self) -> Class {
        Class::of(self.table, self.column)
    }
}
