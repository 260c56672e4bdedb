//! Rows of providers' events and disputes, and their statements, shared by both databases.
//!
//! The events table has four states. Two more are derived from other columns, so that a release that does not know them
//! leaves those events alone: a parked event has failed and is never due; a dismissed event is ignored for a reason
//! that begins with [`DISMISSED`].

use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use payments::model::provider::ProviderRef;
use payments::model::webhook::{
    Dismissal, Dispute, DisputeOutcome, DisputeStage, DisputeVerdict, EventState, WebhookEvent,
};
use payments::ports::store::{EventBacklog, StoreError};

use super::row::row;
use super::rows::ColumnReader;
use super::sealed_row::plain;

/// Due time of parked events: 9999-01-01, in microseconds since 1970.
pub(super) const NEVER: i64 = 253_370_764_800_000_000;
/// Prefix of a dismissal's reason; the [`Dismissal`] follows as JSON.
const DISMISSED: &str = "dismissed: ";

/// An explicit list, so that a column added by another release changes nothing here.
macro_rules! event_columns {
    () => {
        "provider, id, kind, body, body_sha256, created_at, received_at, state, attempts, next_at, reason"
    };
}

macro_rules! is_dismissed {
    () => {
        "(state = 'ignored' AND substr(coalesce(reason, ''), 1, 11) = 'dismissed: ')"
    };
}

const EVENT_COLUMNS: &str = event_columns!();

/// `$1`: provider, `$2`: event id, `$3`: kind, `$4`: body, `$5`: the body's SHA-256, `$6`: when the provider created
/// the event, `$7`: when it was received, which is also its due time.
pub(super) const RECEIVE: &str = "
    INSERT INTO webhook_events (provider, id, kind, body, body_sha256, created_at, received_at, state, next_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'received', $7) ON CONFLICT (provider, id) DO NOTHING";

/// `$1`: provider, `$2`: event id.
pub(super) const EVENT: &str =
    concat!("SELECT ", event_columns!(), " FROM webhook_events WHERE provider = $1 AND id = $2");

/// `$1`: provider, `$2`: event id, `$3`: end of the lease.
pub(super) const REOPEN: &str = concat!(
    "UPDATE webhook_events SET state = 'received', attempts = 0, reason = NULL, next_at = $3
     WHERE provider = $1 AND id = $2 AND NOT ",
    is_dismissed!(),
    " RETURNING ",
    event_columns!()
);

/// `$1`: [`NEVER`], `$2`: maximum number of events to count.
pub(super) const EVENT_BACKLOG: &str = "
    SELECT provider, state, count(*) AS counted, min(received_at) AS oldest
    FROM (SELECT provider, state, received_at FROM webhook_events
          WHERE state IN ('received', 'failed') AND next_at < $1 ORDER BY next_at LIMIT $2) AS tried
    GROUP BY provider, state
    UNION ALL
    SELECT provider, 'parked' AS state, count(*) AS counted, min(received_at) AS oldest
    FROM (SELECT provider, received_at FROM webhook_events
          WHERE state IN ('received', 'failed') AND next_at >= $1 ORDER BY next_at LIMIT $2) AS parked
    GROUP BY provider";

/// `$1`: payment, `$2`: its client.
pub(super) const DISPUTES: &str = "
    SELECT d.provider, d.id, d.reason, d.status, d.amount, d.currency, d.opened_at, d.closed_at, d.as_of,
           p.stage, p.outcome, p.outcome_code, p.changed_at, p.verified
    FROM disputes AS d JOIN payments ON payments.id = d.payment
    LEFT JOIN dispute_progress AS p ON p.provider = d.provider AND p.id = d.id
    WHERE d.payment = $1 AND payments.client = $2 ORDER BY d.opened_at, d.id";

/// The SQL condition for events in this state (one of [`EventState::NAMES`]).
fn is_in(state: &str) -> &'static str {
    match state {
        "received" => "state = 'received'",
        "done" => "state = 'done'",
        "ignored" => concat!("state = 'ignored' AND NOT ", is_dismissed!()),
        "dismissed" => is_dismissed!(),
        "failed" => "state = 'failed' AND next_at < 253370764800000000",
        "parked" => "state = 'failed' AND next_at >= 253370764800000000",
        _ => "1 = 0",
    }
}

/// Selects the newest events in this state, or in any. `$1`: provider or `NULL`, `$2`: limit.
pub(super) fn events_in(state: Option<&str>) -> String {
    let holds = state.map_or("1 = 1", is_in);
    format!(
        "SELECT {EVENT_COLUMNS} FROM webhook_events WHERE ($1 IS NULL OR provider = $1) AND {holds}
         ORDER BY received_at DESC, id LIMIT $2"
    )
}

/// An event's state as stored.
pub(super) struct Stored {
    pub(super) state: &'static str,
    pub(super) reason: Option<String>,
    /// `None` leaves the column unchanged.
    pub(super) next_at: Option<i64>,
}

impl Stored {
    pub(super) fn of(state: &EventState) -> Result<Self, serde_json::Error> {
        let next_at = match state {
            EventState::Failed { next_at, .. } => Some(next_at.as_microsecond()),
            EventState::Parked { .. } => Some(NEVER),
            _ => None,
        };
        let (name, reason) = match state {
            EventState::Parked { reason } => ("failed", Some(reason.clone())),
            EventState::Dismissed(dismissal) => {
                ("ignored", Some(format!("{DISMISSED}{}", serde_json::to_string(dismissal)?)))
            }
            state => (state.name(), state.reason().map(str::to_owned)),
        };
        Ok(Self { state: name, reason, next_at })
    }
}

row! {
    pub(super) struct WebhookRow {
        pub(super) provider: String,
        pub(super) id: String,
        kind: String,
        pub(super) body: Vec<u8>,
        // `NULL` in events written by an earlier release.
        body_sha256: Option<Vec<u8>>,
        created_at: Option<i64>,
        received_at: i64,
        state: String,
        attempts: i64,
        next_at: i64,
        reason: Option<String>,
    }
}

impl WebhookRow {
    /// Whether the body may have ended, as retention holds (`event_is_needed`).
    pub(super) fn is_processed(&self) -> bool {
        !matches!(self.state.as_str(), "received" | "failed")
    }
}

impl TryFrom<WebhookRow> for WebhookEvent {
    type Error = StoreError;

    fn try_from(row: WebhookRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "webhook_events", row: &row.id };
        let reason = row.reason.unwrap_or_default();
        let state = match (row.state.as_str(), reason.strip_prefix(DISMISSED)) {
            ("received", _) => EventState::Received,
            ("done", _) => EventState::Done,
            ("ignored", Some(dismissal)) => {
                let dismissal = serde_json::from_str::<Dismissal>(dismissal).ok();
                EventState::Dismissed(read.some("reason", dismissal)?)
            }
            ("ignored", None) => EventState::Ignored { reason },
            ("failed", _) if row.next_at >= NEVER => EventState::Parked { reason },
            ("failed", _) => EventState::Failed { next_at: read.time("next_at", row.next_at)?, reason },
            _ => return Err(read.wrong("state")),
        };
        Ok(Self {
            provider: read.some("provider", Provider::from_name(&row.provider))?,
            kind: row.kind,
            body: row.body,
            body_sha256: row
                .body_sha256
                .map(|sha256| read.some("body_sha256", sha256.try_into().ok()))
                .transpose()?,
            created_at: row.created_at.map(|at| read.time("created_at", at)).transpose()?,
            received_at: read.time("received_at", row.received_at)?,
            state,
            attempts: read.number("attempts", row.attempts)?,
            id: row.id,
        })
    }
}

row! {
    pub(super) struct BacklogRow {
        provider: String,
        state: String,
        counted: i64,
        oldest: i64,
    }
}

plain! { BacklogRow, }

impl TryFrom<BacklogRow> for EventBacklog {
    type Error = StoreError;

    fn try_from(row: BacklogRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "webhook_events", row: "backlog" };
        let state = EventState::NAMES.into_iter().find(|name| *name == row.state);
        Ok(Self {
            provider: read.some("provider", Provider::from_name(&row.provider))?,
            state: read.some("state", state)?,
            count: read.number("count", row.counted)?,
            oldest: read.time("received_at", row.oldest)?,
        })
    }
}

row! {
    pub(super) struct DisputeRow {
        provider: String,
        id: String,
        reason: Option<String>,
        status: Option<String>,
        amount: Option<i64>,
        currency: Option<String>,
        opened_at: Option<i64>,
        closed_at: Option<i64>,
        as_of: i64,
        // `NULL` in disputes written by an earlier release.
        stage: Option<String>,
        outcome: Option<String>,
        outcome_code: Option<String>,
        changed_at: Option<i64>,
        verified: Option<bool>,
    }
}

plain! { DisputeRow, }

impl TryFrom<DisputeRow> for Dispute {
    type Error = StoreError;

    fn try_from(row: DisputeRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "disputes", row: &row.id };
        let amount = |minor: i64| read.some("amount", u64::try_from(minor).ok().and_then(Amount::new));
        let currency = |code: String| read.some("currency", Currency::from_code(&code));
        let time = |column, at: Option<i64>| at.map(|at| read.time(column, at)).transpose();
        let stage = match row.stage {
            Some(name) => {
                read.some("stage", DisputeStage::ALL.into_iter().find(|stage| stage.name() == name))?
            }
            None if row.closed_at.is_some() => DisputeStage::Closed,
            None => DisputeStage::Open,
        };
        let outcome = match (row.outcome, row.outcome_code) {
            (Some(name), Some(code)) => {
                let verdict = DisputeVerdict::ALL.into_iter().find(|verdict| verdict.name() == name);
                Some(DisputeOutcome::new(read.some("outcome", verdict)?, code))
            }
            _ => None,
        };
        let provider = read.some("provider", Provider::from_name(&row.provider))?;
        Ok(Self {
            id: ProviderRef::new(row.id.as_str()),
            // Earlier releases recorded disputes from their events, of which only Stripe signs the whole body.
            is_verified: row.verified.unwrap_or(provider == Provider::Stripe),
            reason: row.reason,
            status: row.status,
            amount: row.amount.map(amount).transpose()?,
            currency: row.currency.map(currency).transpose()?,
            stage,
            outcome,
            opened_at: time("opened_at", row.opened_at)?,
            closed_at: time("closed_at", row.closed_at)?,
            as_of: read.time("as_of", row.as_of)?,
            changed_at: time("changed_at", row.changed_at)?,
        })
    }
}
