//! Rows of the statements that end data.

use crate::row::row;
use crate::sealed_row::plain;

row! {
    /// A row that is looked at: its key, whether it ends, and what keeps it although its time is over.
    pub(crate) struct BatchRow {
        pub(super) first: String,
        pub(super) second: Option<String>,
        pub(super) third: Option<String>,
        pub(super) ends: i64,
        pub(super) held: Option<String>,
        /// The data key of a value that ends only with the row.
        pub(super) data_key: Option<String>,
    }
}

plain! { BatchRow, }

impl BatchRow {
    pub(super) fn place(&self) -> Vec<String> {
        std::iter::once(&self.first).chain(&self.second).chain(&self.third).cloned().collect()
    }
}

row! {
    pub(crate) struct RunRow {
        pub(super) number: i64,
        pub(super) began_by: String,
        pub(super) began_at: i64,
        pub(super) held_until: i64,
        pub(super) place: String,
        pub(super) ended: String,
        pub(super) finished_at: Option<i64>,
    }
}

plain! { RunRow, }
