//! Rows as parameters of a statement: one array for each column, which `unnest` puts together again. PostgreSQL reads
//! them in a third of the time that it takes for the same rows in JSON.

use sqlx::postgres::{PgArguments, PgHasArrayType};
use sqlx::query::Query;
use sqlx::{Encode, Postgres, Type};

use crate::rows::bigint;

pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// The rows of one parameter of `commit.sql`. Defined by [`record!`].
pub(super) trait Record: Sized {
    /// Names and types, in their order.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// Binds the columns, in their order.
    fn bind<'q>(rows: &'q [Self], statement: Statement<'q>) -> Statement<'q>;
}

/// Defines a row whose fields are the columns.
macro_rules! record {
    ($(#[$meta:meta])* pub(super) struct $name:ident {
        $($(#[$field:meta])* $visibility:vis $column:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        pub(super) struct $name {
            $($(#[$field])* $visibility $column: $type,)*
        }

        impl $crate::postgres::record::Record for $name {
            const COLUMNS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($column), <$type as $crate::postgres::record::Value>::SQL)),*];

            fn bind<'q>(
                rows: &'q [Self],
                statement: $crate::postgres::record::Statement<'q>,
            ) -> $crate::postgres::record::Statement<'q> {
                use $crate::postgres::record::Value as _;
                statement$(.bind(rows.iter().map(|row| row.$column.parameter()).collect::<Vec<_>>()))*
            }
        }
    };
}
pub(super) use record;

/// A value of a column.
pub(super) trait Value {
    const SQL: &'static str;
    type Parameter<'a>: Encode<'a, Postgres> + Type<Postgres> + PgHasArrayType
    where
        Self: 'a;

    fn parameter(&self) -> Self::Parameter<'_>;
}

impl Value for String {
    const SQL: &'static str = "text";
    type Parameter<'a> = &'a str;

    fn parameter(&self) -> &str {
        self
    }
}

impl Value for &'static str {
    const SQL: &'static str = "text";
    type Parameter<'a> = &'a str;

    fn parameter(&self) -> &str {
        self
    }
}

impl Value for bool {
    const SQL: &'static str = "boolean";
    type Parameter<'a> = Self;

    fn parameter(&self) -> Self {
        *self
    }
}

impl Value for i32 {
    const SQL: &'static str = "int";
    type Parameter<'a> = Self;

    fn parameter(&self) -> Self {
        *self
    }
}

impl Value for i64 {
    const SQL: &'static str = "bigint";
    type Parameter<'a> = Self;

    fn parameter(&self) -> Self {
        *self
    }
}

impl Value for u32 {
    const SQL: &'static str = "bigint";
    type Parameter<'a> = i64;

    fn parameter(&self) -> i64 {
        i64::from(*self)
    }
}

impl Value for u16 {
    const SQL: &'static str = "bigint";
    type Parameter<'a> = i64;

    fn parameter(&self) -> i64 {
        i64::from(*self)
    }
}

/// An amount in minor units.
impl Value for u64 {
    const SQL: &'static str = "bigint";
    type Parameter<'a> = i64;

    fn parameter(&self) -> i64 {
        bigint(*self)
    }
}

impl<V: Value> Value for Option<V> {
    const SQL: &'static str = V::SQL;
    type Parameter<'a>
        = Option<V::Parameter<'a>>
    where
        V: 'a;

    fn parameter(&self) -> Option<V::Parameter<'_>> {
        self.as_ref().map(V::parameter)
    }
}
