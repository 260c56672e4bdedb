//! Rows as they are read: the columns whose values are sealed are opened before anything else sees them.

use std::borrow::Cow;

use payments::ports::store::{Problem, StoreError, Unreadable};
use sealing::{OpenError, Sealer, ValueAddress};

/// A stored value that may be sealed.
pub(crate) enum Stored<'a> {
    Text(&'a mut String),
    Bytes(&'a mut Vec<u8>),
}

impl Stored<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    fn open(self, place: ValueAddress<'_>, sealer: &Sealer) -> Result<(), OpenError> {
        match self {
            Self::Text(text) => *text = sealer.open_text(place, std::mem::take(text))?,
            Self::Bytes(bytes) => *bytes = sealer.open_bytes(place, std::mem::take(bytes))?,
        }
        Ok(())
    }
}

/// The most sealed columns of a row.
pub(crate) const COLUMNS_MAX: usize = 2;

/// A row, some of whose columns may be sealed. By default, none are.
pub(crate) trait SealedRow {
    const TABLE: &'static str = "";

    /// What the values are bound to.
    fn row(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    /// The sealed columns with their values.
    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        [None, None]
    }

    /// Leaves out what a column said, whose key was erased. `false`: it cannot have ended, because retention ends
    /// nothing of the column, or ends it only with the row, or something is left to do for the row.
    fn end(&mut self, _column: &'static str) -> bool {
        false
    }

    /// Opens all of them, and leaves out those that have ended.
    fn open(&mut self, sealer: &Sealer) -> Result<(), StoreError> {
        let row = self.row().into_owned();
        let mut problems = Vec::new();
        for (column, value) in self.sealed().into_iter().flatten() {
            let place = ValueAddress { table: Self::TABLE, column, row: &row };
            problems.extend(value.open(place, sealer).err().map(|problem| (column, problem)));
        }
        for (column, problem) in problems {
            if matches!(problem, OpenError::Erased(_)) && self.end(column) {
                continue;
            }
            let (table, column, problem) = (Self::TABLE, column.to_owned(), told(problem));
            return Err(StoreError::Inconsistent(Unreadable { table, row, column, problem }));
        }
        Ok(())
    }
}

fn told(problem: OpenError) -> Problem {
    match problem {
        OpenError::UnknownKey(key) => Problem::UnknownKey(key.to_string()),
        OpenError::Erased(key) | OpenError::ErasedOfOthers(key) => Problem::ErasedKey(key.to_string()),
        OpenError::NotAuthentic | OpenError::Malformed => Problem::NotAuthentic,
        OpenError::Plain => Problem::NotSealed,
    }
}

/// Says of rows, beside their declaration, that they have no sealed columns.
macro_rules! plain {
    ($($row:ty,)*) => {
        $(impl $crate::sealed_row::SealedRow for $row {})*
    };
}
plain! {
    (String,),
    (i64,),
}

pub(crate) use plain;
