//! The tables with sealed columns, as data: for counting the rows of a key, and for sealing what is there.

use std::collections::{BTreeMap, BTreeSet};

use payments::ports::store::StoreError;
use sealing::{DataKeyId, format};
use sqlx::AssertSqlSafe;

use crate::row::row;
use crate::sealed_row::plain;
use crate::sql::{Database, Purpose, Query};

/// A table, some of whose columns are sealed.
#[derive(Debug)]
pub(crate) struct SealedTable {
    pub(crate) name: &'static str,
    /// Its key, in the order of an index.
    pub(crate) key: &'static [KeyColumn],
    /// What values are bound to, as SQL.
    pub(crate) row: &'static str,
    /// The column with the time of the values.
    pub(crate) at: &'static str,
    /// Rises from row to row as they are made. Where it is not the key, new rows come between old ones.
    pub(crate) rising: KeyColumn,
    pub(crate) columns: &'static [SealedColumn],
    /// Whether it has a column `client` that names the owner.
    pub(crate) has_client: bool,
    /// SQL that holds as long as stored values may be replaced by other forms of the same.
    pub(crate) may_change: &'static str,
}

#[derive(Debug)]
pub(crate) struct KeyColumn {
    pub(crate) name: &'static str,
    pub(crate) is_number: bool,
}

#[derive(Debug)]
pub(crate) struct SealedColumn {
    pub(crate) name: &'static str,
    pub(crate) is_bytes: bool,
}

const ALWAYS: &str = "TRUE";
/// The tree of the audit trail is over records as they are stored.
const UNTIL_THE_TRAIL_IS_SEALED: &str = "NOT EXISTS (SELECT 1 FROM audit_sealer)";

const fn text_key(name: &'static str) -> KeyColumn {
    KeyColumn { name, is_number: false }
}

const fn number(name: &'static str) -> KeyColumn {
    KeyColumn { name, is_number: true }
}

const fn text(name: &'static str) -> SealedColumn {
    SealedColumn { name, is_bytes: false }
}

pub(crate) static TABLES: [SealedTable; 5] = [
    SealedTable {
        name: "payments",
        key: &[text_key("id")],
        row: "id",
        at: "created_at",
        rising: text_key("id"),
        columns: &[text("request"), text("detail")],
        has_client: true,
        may_change: ALWAYS,
    },
    SealedTable {
        name: "refunds",
        key: &[text_key("id")],
        row: "id",
        at: "created_at",
        rising: text_key("id"),
        columns: &[text("detail")],
        has_client: true,
        may_change: ALWAYS,
    },
    SealedTable {
        name: "events",
        key: &[number("seq")],
        row: "coalesce(refund, payment) || '/' || version",
        at: "at",
        rising: number("seq"),
        columns: &[text("detail")],
        has_client: true,
        may_change: UNTIL_THE_TRAIL_IS_SEALED,
    },
    SealedTable {
        name: "idempotency_keys",
        key: &[text_key("scope")],
        row: "scope",
        at: "created_at",
        rising: number("created_at"),
        columns: &[text("answer_body")],
        has_client: true,
        may_change: ALWAYS,
    },
    SealedTable {
        name: "webhook_events",
        key: &[text_key("provider"), text_key("id")],
        row: "provider || '/' || id",
        at: "received_at",
        rising: number("received_at"),
        columns: &[SealedColumn { name: "body", is_bytes: true }],
        has_client: false,
        may_change: ALWAYS,
    },
];

/// Rows at each end of a table that [`count_some`] looks at.
const SOME_ROWS: u32 = 100;

/// The table of customers' payments, whose column names the key of the index.
pub const CUSTOMERS: &str = "payment_customers";

impl SealedTable {
    /// Whether its rows are records of the audit trail.
    pub(crate) fn is_trail(&self) -> bool {
        self.may_change == UNTIL_THE_TRAIL_IS_SEALED
    }
}

impl SealedColumn {
    /// SQL for the id of the data key that a value is sealed with; empty for a plain value, NULL for none. `$1` is the
    /// prefix of sealed values, as bytes.
    fn data_key<D: Database>(&self) -> String {
        let Self { name, is_bytes } = self;
        let (head, id) = (format::PREFIX.len(), DataKeyId::LENGTH);
        let key = format!("substr({name}, {}, {id})", head + 1);
        let (prefix, key) =
            if *is_bytes { ("$1".to_owned(), D::hex(&key)) } else { (format!("'{}'", format::PREFIX), key) };
        format!(
            "CASE WHEN {name} IS NULL THEN NULL WHEN substr({name}, 1, {head}) = {prefix} THEN {key} ELSE '' END"
        )
    }

    /// The id as read from that SQL.
    fn parsed(&self, key: &str) -> Option<DataKeyId> {
        if !self.is_bytes {
            return key.parse().ok();
        }
        String::from_utf8(hex(key)?).ok()?.parse().ok()
    }
}

/// Bytes of hex digits in either case, as the databases write them.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

row! {
    pub(crate) struct CountRow {
        first_key: Option<String>,
        second_key: Option<String>,
        counted: i64,
    }
}

plain! { CountRow, }

/// The number of rows by table and by the data keys that they need.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    rows: BTreeMap<(&'static str, BTreeSet<Option<DataKeyId>>), u64>,
}

impl Counts {
    /// Adds rows that need these keys; `None` for a plain value.
    pub(crate) fn add(&mut self, table: &'static str, keys: &[Option<DataKeyId>], rows: u64) {
        *self.rows.entry((table, keys.iter().copied().collect())).or_default() += rows;
    }

    fn of(&self, key: Option<DataKeyId>) -> impl Iterator<Item = (&'static str, u64)> {
        let rows = self.rows.iter().filter(move |((_, keys), _)| keys.contains(&key));
        rows.map(|((table, _), rows)| (*table, *rows))
    }

    /// Rows that cannot be read without these keys, by table: a row that needs several of them is counted once.
    pub(crate) fn of_keys(&self, keys: &BTreeSet<DataKeyId>) -> impl Iterator<Item = (&'static str, u64)> {
        let needs = move |key: &Option<DataKeyId>| key.is_some_and(|key| keys.contains(&key));
        let rows = self.rows.iter().filter(move |((_, of_row), _)| of_row.iter().any(needs));
        rows.map(|((table, _), rows)| (*table, *rows))
    }

    /// Rows with a plain value, by table.
    pub(crate) fn plain(&self) -> BTreeMap<&'static str, u64> {
        let mut plain = BTreeMap::new();
        for (table, rows) in self.of(None) {
            *plain.entry(table).or_default() += rows;
        }
        plain
    }

    /// Rows with a plain value, or one of these keys, by table: a row with several of them is counted once.
    pub(crate) fn plain_or_of(&self, keys: &BTreeSet<DataKeyId>) -> BTreeMap<&'static str, u64> {
        self.with(|key| key.is_none_or(|key| keys.contains(&key)))
    }

    /// Rows that need a data key which is none of these, by table: a row that needs several of them is counted once.
    pub(crate) fn of_others(&self, known: &BTreeSet<DataKeyId>) -> BTreeMap<&'static str, u64> {
        self.with(|key| key.is_some_and(|key| !known.contains(&key)))
    }

    /// The keys that rows need and that are none of these.
    pub(crate) fn others(&self, known: &BTreeSet<DataKeyId>) -> BTreeSet<DataKeyId> {
        let needed = self.rows.keys().flat_map(|(_, keys)| keys.iter().flatten());
        needed.filter(|key| !known.contains(*key)).copied().collect()
    }

    fn with(&self, is_one: impl Fn(Option<DataKeyId>) -> bool) -> BTreeMap<&'static str, u64> {
        let mut found = BTreeMap::new();
        for ((table, of_row), rows) in &self.rows {
            if of_row.iter().any(|key| is_one(*key)) {
                *found.entry(*table).or_default() += rows;
            }
        }
        found
    }

    /// Rows that have values to seal, by table.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for ((table, _), rows) in &self.rows {
            *all.entry(*table).or_default() += rows;
        }
        all
    }
}

/// Whether the audit trail is being sealed, so that its records keep the form in which they are stored.
pub(crate) async fn is_trail_kept(database: &impl Database) -> Result<bool, StoreError> {
    let held = Query::new("SELECT CAST(1 AS bigint) FROM audit_sealer");
    Ok(database.one::<(i64,)>(Purpose::Operators, held).await?.is_some())
}

/// Counts the rows. Reads every row, so it takes long in a large database.
pub(crate) async fn count<D: Database>(database: &D) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for table in &TABLES {
        count_in(database, table, table.name, &mut counts).await?;
    }
    count_customers(database, &mut counts).await?;
    Ok(counts)
}

/// Counts the first and the last rows of each table, by its key: an instant, whatever the size of the database.
pub(crate) async fn count_some<D: Database>(database: &D) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for table in &TABLES {
        let columns = table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        for order in ["ASC", "DESC"] {
            let keys: Vec<_> = table.key.iter().map(|key| format!("{} {order}", key.name)).collect();
            let rows = format!(
                "(SELECT {columns} FROM {} ORDER BY {} LIMIT {SOME_ROWS}) AS some_rows",
                table.name,
                keys.join(", ")
            );
            count_in(database, table, &rows, &mut counts).await?;
        }
    }
    Ok(counts)
}

/// Adds the rows of a table, or of a part of it.
async fn count_in<D: Database>(
    database: &D,
    table: &'static SealedTable,
    rows: &str,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let mut keys = table.columns.iter().map(SealedColumn::data_key::<D>);
    let first = keys.next().unwrap_or_default();
    let second = keys.next().unwrap_or_else(|| "CAST(NULL AS TEXT)".to_owned());
    let sql = format!(
        "SELECT {first} AS first_key, {second} AS second_key, count(*) AS counted FROM {rows} GROUP BY 1, 2"
    );
    let query = Query::new(AssertSqlSafe(sql));
    let has_bytes = table.columns.iter().any(|column| column.is_bytes);
    let query = if has_bytes { query.with(format::PREFIX.as_bytes().to_vec()) } else { query };
    for row in database.all::<CountRow>(Purpose::Operators, query).await? {
        let keys = table.columns.iter().zip([row.first_key, row.second_key]);
        let keys: Vec<_> = keys
            .filter_map(|(column, key)| match key?.as_str() {
                "" => Some(None),
                // A value that names no key is damaged, and no key opens it.
                key => column.parsed(key).map(Some),
            })
            .collect();
        if !keys.is_empty() {
            counts.add(table.name, &keys, u64::try_from(row.counted).unwrap_or(0));
        }
    }
    Ok(())
}

async fn count_customers(database: &impl Database, counts: &mut Counts) -> Result<(), StoreError> {
    const SQL: &str = "SELECT index_key AS first_key, CAST(NULL AS TEXT) AS second_key, count(*) AS counted
        FROM payment_customers GROUP BY index_key";
    for row in database.all::<CountRow>(Purpose::Operators, Query::new(SQL)).await? {
        let key = row.first_key.unwrap_or_default();
        let key = if key.is_empty() { Some(None) } else { key.parse().ok().map(Some) };
        if let Some(key) = key {
            counts.add(CUSTOMERS, &[key], u64::try_from(row.counted).unwrap_or(0));
        }
    }
    Ok(())
}
