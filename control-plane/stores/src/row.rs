//! Structs that hold a row of either database.

/// Declares a struct and reads each of its fields from the column of the same name. sqlx's derive does the same, but
/// would build sqlx, its TLS and SQLite a second time, for the compiler.
macro_rules! row {
    ($(#[$meta:meta])* $visibility:vis struct $row:ident {
        $($(#[$field_meta:meta])* $field_visibility:vis $column:ident: $value:ty,)*
    }) => {
        $(#[$meta])*
        $visibility struct $row {
            $($(#[$field_meta])* $field_visibility $column: $value,)*
        }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $row
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($value: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)*
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($column: row.try_get(stringify!($column))?,)* })
            }
        }
    };
}

pub(crate) use row;
