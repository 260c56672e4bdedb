//! A statement and its arguments, as data that each database runs in its own way.

use sqlx::{SqlSafeStr, SqlStr};

/// A value for `$1`, `$2` and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    Text(String),
    Number(i64),
    Bytes(Vec<u8>),
    /// Typed, because PostgreSQL needs the type of a NULL.
    OptionalText(Option<String>),
    OptionalNumber(Option<i64>),
    OptionalBytes(Option<Vec<u8>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) sql: SqlStr,
    /// The arguments in the order of their numbers.
    pub(crate) arguments: Vec<Argument>,
}

impl Query {
    pub(crate) fn new(sql: impl SqlSafeStr) -> Self {
        Self { sql: sql.into_sql_str(), arguments: Vec::new() }
    }

    pub(crate) fn with(mut self, argument: impl Into<Argument>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Vec<u8>> for Argument {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Option<&str>> for Argument {
    fn from(text: Option<&str>) -> Self {
        Self::OptionalText(text.map(str::to_owned))
    }
}

impl From<Option<i64>> for Argument {
    fn from(number: Option<i64>) -> Self {
        Self::OptionalNumber(number)
    }
}

impl From<Option<Vec<u8>>> for Argument {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        Self::OptionalBytes(bytes)
    }
}

/// Binds each of `$arguments` to `$to`, a query of either database.
macro_rules! bind_all {
    ($to:expr, $arguments:expr) => {{
        let mut bound = $to;
        for argument in $arguments {
            bound = match argument {
                $crate::sql::Argument::Text(text) => bound.bind(text),
                $crate::sql::Argument::Number(number) => bound.bind(number),
                $crate::sql::Argument::Bytes(bytes) => bound.bind(bytes),
                $crate::sql::Argument::OptionalText(text) => bound.bind(text),
                $crate::sql::Argument::OptionalNumber(number) => bound.bind(number),
                $crate::sql::Argument::OptionalBytes(bytes) => bound.bind(bytes),
            };
        }
        bound
    }};
}
pub(crate) use bind_all;
