//! The table of data keys.

use jiff::Timestamp;
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::StoreError;
use sealing::{Class, DataKeyId, SecretKey, WrappedKey, Wrapping};

use crate::not_written;
use crate::row::row;
use crate::sealed_row::plain;
use crate::sql::{Database, Purpose, Query};

const READ: &str =
    "SELECT id, purpose, wrapped_by, wrapped, created_at, retired_at, values_since, values_until, erased_at
    FROM data_keys ORDER BY created_at, id";
/// `$1`: id, `$2`: purpose, `$3`: wrapped by, `$4`: wrapped, `$5`: now, `$6` and `$7`: of which time the values are.
const ADD: &str =
    "INSERT INTO data_keys (id, purpose, wrapped_by, wrapped, created_at, values_since, values_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

row! {
    pub(crate) struct KeyTableRow {
        pub(crate) id: String,
        pub(crate) purpose: String,
        pub(crate) wrapped_by: String,
        pub(crate) wrapped: Vec<u8>,
        pub(crate) created_at: i64,
        pub(crate) retired_at: Option<i64>,
        pub(crate) values_since: Option<i64>,
        pub(crate) values_until: Option<i64>,
        pub(crate) erased_at: Option<i64>,
    }
}

plain! { KeyTableRow, }

/// What a data key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPurpose {
    Values(Class),
    Index,
}

impl KeyPurpose {
    pub(crate) const ALL: [Self; 4] =
        [Self::Values(Class::Kept), Self::Values(Class::Payers), Self::Values(Class::Webhooks), Self::Index];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Values(Class::Kept) => "values",
            Self::Values(Class::Payers) => "payers",
            Self::Values(Class::Webhooks) => "webhooks",
            Self::Index => "index",
        }
    }
}

/// The time that the values of a key are of, if it seals what is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

/// A key of the table.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: DataKeyId,
    pub(crate) purpose: KeyPurpose,
    pub(crate) wrapped: WrappedKey,
    pub(crate) created_at: Timestamp,
    pub(crate) is_retired: bool,
    /// `None` of a key that seals, or has sealed, new values.
    pub(crate) span: Option<Span>,
    /// The key is gone, and what it has sealed has ended.
    pub(crate) is_erased: bool,
}

impl StoredKey {
    /// `None` for a row of a later release, or a damaged one.
    fn of(row: KeyTableRow) -> Option<Self> {
        let purpose = KeyPurpose::ALL.into_iter().find(|one| one.name() == row.purpose);
        let time = |at| Timestamp::from_microsecond(at).ok();
        let span = match (row.values_since.and_then(time), row.values_until.and_then(time)) {
            (Some(since), Some(until)) => Some(Span { since, until }),
            _ => None,
        };
        Some(Self {
            id: row.id.parse().ok()?,
            purpose: purpose?,
            wrapped: WrappedKey { by: row.wrapped_by, bytes: row.wrapped },
            created_at: Timestamp::from_microsecond(row.created_at).ok()?,
            is_retired: row.retired_at.is_some(),
            span,
            is_erased: row.erased_at.is_some(),
        })
    }
}

/// Reads the table, oldest keys first.
pub(crate) async fn stored_keys(database: &impl Database) -> Result<Vec<StoredKey>, StoreError> {
    let rows = database.all::<KeyTableRow>(Purpose::Money, Query::new(READ)).await?;
    Ok(rows.into_iter().filter_map(StoredKey::of).collect())
}

/// Makes a data key and stores it. It seals nothing before it is certainly stored.
pub(crate) async fn make_key(
    database: &impl Database,
    wrapping: &dyn Wrapping,
    purpose: KeyPurpose,
    span: Option<Span>,
) -> Result<(StoredKey, SecretKey), StoreError> {
    let (id, key) = DataKeyId::random().and_then(|id| Ok((id, SecretKey::random()?))).map_err(not_written)?;
    let wrapped = wrapping.wrap(id, &key).await.map_err(not_written)?;
    let created_at = SystemClock.now();
    let add = Query::new(ADD)
        .with(id.to_string())
        .with(purpose.name())
        .with(wrapped.by.as_str())
        .with(wrapped.bytes.clone())
        .with(created_at.as_microsecond())
        .with(span.map(|span| span.since.as_microsecond()))
        .with(span.map(|span| span.until.as_microsecond()));
    database.execute(Purpose::Money, add).await?;
    let (is_retired, is_erased) = (false, false);
    Ok((StoredKey { id, purpose, wrapped, created_at, is_retired, span, is_erased }, key))
}
