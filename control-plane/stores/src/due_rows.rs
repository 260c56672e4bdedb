//! Due work: the statements, shared by both databases, and their rows.

use edge_core::provider::Provider;
use payments::model::work::{Claimed, Due, Lane, LaneBacklog, Work, WorkKind};
use payments::ports::store::StoreError;

use super::row::row;
use super::rows::ColumnReader;
use super::sealed_row::plain;
use super::unreadable::RowReader;

/// `$1`: provider, `$2`: latest due time, `$3`: limit.
pub(super) const fn overdue(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Payment => {
            "SELECT id, due_at FROM payments WHERE provider = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3"
        }
        // Refunds are few, and their rows do not name the provider.
        WorkKind::Refund => {
            "SELECT r.id, r.due_at FROM refunds AS r JOIN payments AS p ON p.id = r.payment
             WHERE p.provider = $1 AND r.due_at <= $2 ORDER BY r.due_at LIMIT $3"
        }
        WorkKind::Watch => {
            "SELECT payment AS id, due_at FROM watches
             WHERE provider = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3"
        }
        WorkKind::Event => {
            "SELECT id, next_at AS due_at FROM webhook_events
             WHERE provider = $1 AND state IN ('received', 'failed') AND next_at <= $2
             ORDER BY next_at LIMIT $3"
        }
    }
}

/// `$1`: provider, `$2`: work due after this time moves, `$3`: new due time. Parked events, due in the year 9999, stay.
pub(super) const fn bring_forward(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Payment => "UPDATE payments SET due_at = $3 WHERE provider = $1 AND due_at > $2",
        WorkKind::Refund => {
            "UPDATE refunds SET due_at = $3 WHERE due_at > $2
             AND EXISTS (SELECT 1 FROM payments AS p WHERE p.id = refunds.payment AND p.provider = $1)"
        }
        WorkKind::Watch => "UPDATE watches SET due_at = $3 WHERE provider = $1 AND due_at > $2",
        WorkKind::Event => {
            "UPDATE webhook_events SET next_at = $3
             WHERE provider = $1 AND state IN ('received', 'failed')
               AND next_at > $2 AND next_at < 253370764800000000"
        }
    }
}

/// Maximum rows of a lane to read in search of readable ones. More unreadable rows mean that the table itself is
/// damaged.
const UNREADABLE_MAX: u32 = 10_000;

/// The first `limit` pieces of due work that can be read; `fetch` reads the first `n` rows. Unreadable rows stay due
/// for good, so they must not displace readable ones.
pub(super) async fn first_readable<Fetched>(
    reader: &RowReader,
    lane: Lane,
    limit: u32,
    fetch: impl Fn(u32) -> Fetched,
) -> Result<Vec<Due>, StoreError>
where
    Fetched: Future<Output = Result<Vec<DueRow>, StoreError>>,
{
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut asked = limit;
    loop {
        let rows = fetch(asked).await?;
        let is_all = rows.len() < usize::try_from(asked).unwrap_or(usize::MAX);
        let mut due: Vec<Due> = reader.read(rows.into_iter().map(|row| InLane(lane, row)).collect())?.items;
        if is_all || due.len() >= wanted || asked >= UNREADABLE_MAX {
            due.truncate(wanted);
            return Ok(due);
        }
        asked = asked.saturating_mul(4).clamp(1, UNREADABLE_MAX.max(limit));
    }
}

/// `$1`: now.
pub(super) const BACKLOG: &str = "
    SELECT 'payment' AS kind, provider, count(*) AS counted, min(due_at) AS oldest
    FROM payments WHERE due_at <= $1 GROUP BY provider
    UNION ALL
    SELECT 'refund' AS kind, p.provider, count(*) AS counted, min(r.due_at) AS oldest
    FROM refunds AS r JOIN payments AS p ON p.id = r.payment WHERE r.due_at <= $1 GROUP BY p.provider
    UNION ALL
    SELECT 'watch' AS kind, provider, count(*) AS counted, min(due_at) AS oldest
    FROM watches WHERE due_at <= $1 GROUP BY provider
    UNION ALL
    SELECT 'event' AS kind, provider, count(*) AS counted, min(next_at) AS oldest
    FROM webhook_events WHERE state IN ('received', 'failed') AND next_at <= $1 GROUP BY provider";

/// `$1`: the id of a payment or refund.
pub(super) const fn provider_of(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Refund => {
            "SELECT p.provider FROM refunds AS r JOIN payments AS p ON p.id = r.payment WHERE r.id = $1"
        }
        WorkKind::Payment | WorkKind::Watch | WorkKind::Event => {
            "SELECT provider FROM payments WHERE id = $1"
        }
    }
}

/// Parses the provider that a row names.
pub(super) fn provider(name: Option<String>) -> Result<Option<Provider>, StoreError> {
    let read = ColumnReader { table: "payments", row: "" };
    name.map(|name| read.some("provider", Provider::from_name(&name))).transpose()
}

/// `$1`: payment, `$2`: its provider, `$3`: time of the next look-up.
pub(super) const SET_WATCH: &str = "INSERT INTO watches (payment, provider, due_at) VALUES ($1, $2, $3)
    ON CONFLICT (payment) DO UPDATE SET due_at = excluded.due_at";
/// `$1`: the payment.
pub(super) const END_WATCH: &str = "DELETE FROM watches WHERE payment = $1";

/// The statements that claim and postpone one kind of work. `$1` is its id and `$2` its provider, which only events
/// need.
pub(super) struct Statements {
    /// `$3`: now, `$4`: end of the lease.
    pub(super) claim: &'static str,
    pub(super) due: &'static str,
    /// `$3`: new due time, `$4`: tries.
    pub(super) postpone: &'static str,
}

pub(super) const fn statements(work: &Work) -> Statements {
    match work {
        Work::Payment(_) => Statements {
            claim: "UPDATE payments SET due_at = $4 WHERE id = $1 AND $2 = '' AND due_at <= $3",
            due: "SELECT due_at FROM payments WHERE id = $1 AND $2 = '' AND due_at IS NOT NULL",
            postpone: "UPDATE payments SET due_at = $3, tries = $4
                       WHERE id = $1 AND $2 = '' AND due_at IS NOT NULL",
        },
        Work::Refund(_) => Statements {
            claim: "UPDATE refunds SET due_at = $4 WHERE id = $1 AND $2 = '' AND due_at <= $3",
            due: "SELECT due_at FROM refunds WHERE id = $1 AND $2 = '' AND due_at IS NOT NULL",
            postpone: "UPDATE refunds SET due_at = $3, tries = $4
                       WHERE id = $1 AND $2 = '' AND due_at IS NOT NULL",
        },
        Work::Watch(_) => Statements {
            claim: "UPDATE watches SET due_at = $4 WHERE payment = $1 AND $2 = '' AND due_at <= $3",
            due: "SELECT due_at FROM watches WHERE payment = $1 AND $2 = ''",
            // The pauses follow from the age of the watch, so its look-ups need not be counted.
            postpone: "UPDATE watches SET due_at = $3 WHERE payment = $1 AND $2 = '' AND $4 >= 0",
        },
        Work::Event { .. } => Statements {
            claim: "UPDATE webhook_events SET next_at = $4
                    WHERE id = $1 AND provider = $2 AND state IN ('received', 'failed') AND next_at <= $3",
            due: "SELECT next_at FROM webhook_events
                  WHERE id = $1 AND provider = $2 AND state IN ('received', 'failed')
                    AND next_at < 253370764800000000",
            postpone: "UPDATE webhook_events SET next_at = $3, attempts = $4
                       WHERE id = $1 AND provider = $2 AND state IN ('received', 'failed')",
        },
    }
}

/// The arguments `$1` and `$2` of [`Statements`].
pub(super) fn name(work: &Work) -> (String, &'static str) {
    match work {
        Work::Payment(id) | Work::Watch(id) => (id.to_string(), ""),
        Work::Refund(id) => (id.to_string(), ""),
        Work::Event { provider, id } => (id.clone(), provider.name()),
    }
}

/// Why work could not be claimed: it is not due yet, or is resolved if it has no due time.
pub(super) fn not_taken(due: Option<i64>) -> Result<Claimed, StoreError> {
    let read = ColumnReader { table: "due work", row: "" };
    due.map_or(Ok(Claimed::Resolved), |at| read.time("due_at", at).map(Claimed::NotDue))
}

row! {
    pub(super) struct DueRow {
        id: String,
        due_at: i64,
    }
}

plain! { DueRow, }

/// A row and the lane it was read from.
pub(super) struct InLane(Lane, DueRow);

plain! { InLane, }

impl TryFrom<InLane> for Due {
    type Error = StoreError;

    fn try_from(InLane(lane, row): InLane) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "due work", row: &row.id };
        let work = match lane.kind {
            WorkKind::Payment => Work::Payment(read.parsed("id", &row.id)?),
            WorkKind::Refund => Work::Refund(read.parsed("id", &row.id)?),
            WorkKind::Watch => Work::Watch(read.parsed("id", &row.id)?),
            WorkKind::Event => Work::Event { provider: lane.provider, id: row.id.clone() },
        };
        Ok(Self { work, at: read.time("due_at", row.due_at)? })
    }
}

row! {
    pub(super) struct BacklogRow {
        kind: String,
        provider: String,
        counted: i64,
        oldest: i64,
    }
}

plain! { BacklogRow, }

impl TryFrom<BacklogRow> for LaneBacklog {
    type Error = StoreError;

    fn try_from(row: BacklogRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "due work", row: &row.kind };
        let lane = Lane {
            kind: read.some("kind", WorkKind::from_name(&row.kind))?,
            provider: read.some("provider", Provider::from_name(&row.provider))?,
        };
        let count = u32::try_from(row.counted).unwrap_or(u32::MAX);
        Ok(Self { lane, count, oldest: read.time("due_at", row.oldest)? })
    }
}
