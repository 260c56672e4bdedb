//! Database rows, and their only conversion to domain values: a row that contradicts itself is never converted.

use std::str::FromStr;

use edge_core::client::ClientId;
use edge_core::idempotency::Fingerprint;
use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Metadata};
use jiff::Timestamp;
use payments::model::event::{Cause, Detail, Event, Initiator};
use payments::model::follow_up::FollowUp;
use payments::model::idempotency::{KeyRecord, StoredAnswer, Subject};
use payments::model::log::Position;
use payments::model::payment::{ChargeTerms, Payment, State, Status};
use payments::model::provider::ProviderRef;
use payments::model::refund::{Refund, RefundState, RefundStatus};
use payments::ports::store::{Problem, StoreError, Unreadable};
use serde::de::DeserializeOwned;

use crate::row::row;
use crate::stored_request::StoredRequest;
use crate::stored_state::StoredState;

row! {
    pub(super) struct PaymentRow {
        pub(super) id: String,
        client: String,
        provider: String,
        amount: i64,
        currency: String,
        pub(super) request: String,
        state: String,
        pub(super) detail: String,
        reference: Option<String>,
        captured: i64,
        refunded: i64,
        due_at: Option<i64>,
        tries: i64,
        version: i64,
        created_at: i64,
        updated_at: i64,
    }
}

row! {
    pub(super) struct RefundRow {
        pub(super) id: String,
        payment: String,
        client: String,
        amount: i64,
        currency: String,
        state: String,
        pub(super) detail: String,
        due_at: Option<i64>,
        tries: i64,
        version: i64,
        created_at: i64,
        updated_at: i64,
    }
}

row! {
    #[derive(Clone)]
    pub(super) struct EventRow {
        pub(super) payment: String,
        pub(super) refund: Option<String>,
        pub(super) version: i64,
        pub(super) from_state: Option<String>,
        pub(super) to_state: String,
        pub(super) at: i64,
        pub(super) client: String,
        pub(super) request_id: String,
        pub(super) detail: String,
    }
}

row! {
    pub(super) struct KeyRow {
        pub(super) scope: String,
        fingerprint: String,
        payment: Option<String>,
        refund: Option<String>,
        answer_status: Option<i64>,
        pub(super) answer_body: Option<String>,
    }
}

impl TryFrom<KeyRow> for KeyRecord {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "idempotency_keys", row: &row.scope };
        let payment = row.payment.as_deref().map(|id| read.parsed("payment", id)).transpose()?;
        let refund = row.refund.as_deref().map(|id| read.parsed("refund", id)).transpose()?;
        let answer = match (row.answer_status, row.answer_body) {
            (None, None) => None,
            (Some(status), Some(body)) => {
                let status = u16::try_from(status).ok();
                Some(StoredAnswer { status: read.some("answer_status", status)?, body })
            }
            _ => return Err(read.wrong("answer_status")),
        };
        Ok(Self {
            fingerprint: read.some("fingerprint", Fingerprint::from_hex(&row.fingerprint))?,
            subject: payment.map(Subject::Payment).or(refund.map(Subject::Refund)),
            answer,
        })
    }
}

impl TryFrom<PaymentRow> for Payment {
    type Error = StoreError;

    fn try_from(row: PaymentRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "payments", row: &row.id };
        let StoredState { state, paid_with, capture } = read.json("detail", &row.detail)?;
        let is_erased = row.request.is_empty();
        let request = if is_erased {
            read.same("request", &row.is_decided(), &true)?;
            row.without_personal_data(&read, capture.unwrap_or_else(|| capture_of(&state)))?
        } else {
            read.json::<StoredRequest>("request", &row.request)?.into()
        };
        let payment = Self {
            id: read.parsed("id", &row.id)?,
            client: read.some("client", ClientId::parse(&row.client))?,
            request,
            is_erased,
            state,
            reference: row.reference.as_ref().map(ProviderRef::new),
            refunded: read.minor_units("refunded", row.refunded)?,
            paid_with,
            follow_up: read.follow_up(row.due_at, row.tries)?,
            version: read.number("version", row.version)?,
            created_at: read.time("created_at", row.created_at)?,
            updated_at: read.time("updated_at", row.updated_at)?,
        };
        read.same("state", payment.state.name(), row.state.as_str())?;
        read.same("captured", &captured(&payment), &row.captured)?;
        read.same("due_at", &(payment.state.status() == Status::Pending), &row.due_at.is_some())?;
        Ok(payment)
    }
}

/// The states in which nothing is left to do with the terms of a payment, as retention holds (`payment_is_needed`).
const DECIDED: [&str; 4] = ["completed", "captured", "canceled", "failed"];

impl PaymentRow {
    /// Whether the request may have ended. The conversion compares both columns with the sealed state.
    pub(super) fn is_decided(&self) -> bool {
        self.due_at.is_none() && DECIDED.contains(&self.state.as_str())
    }

    /// The terms of a payment whose request has ended: what money depends on is beside it.
    fn without_personal_data(
        &self,
        read: &ColumnReader<'_>,
        capture: CaptureMode,
    ) -> Result<ChargeTerms, StoreError> {
        let amount = u64::try_from(self.amount).ok().and_then(Amount::new);
        Ok(ChargeTerms {
            provider: read.some("provider", Provider::from_name(&self.provider))?,
            amount: read.some("amount", amount)?,
            currency: read.some("currency", Currency::from_code(&self.currency))?,
            payment_method_id: None,
            wallet: None,
            verification: None,
            capture,
            description: None,
            metadata: Metadata::default(),
            return_url: None,
            customer_reference: None,
        })
    }
}

/// How the amount of a payment was to be captured that an earlier release has written last, as far as its state shows.
fn capture_of(state: &State) -> CaptureMode {
    match state {
        State::Authorized(_) | State::Captured { .. } => CaptureMode::Manual,
        _ => CaptureMode::Automatic,
    }
}

/// Minor units as a database integer. Amounts have at most twelve digits; the database's own checks refuse anything
/// larger.
pub(super) fn bigint(minor: u64) -> i64 {
    i64::try_from(minor).unwrap_or(i64::MAX)
}

/// The minor units that a refund may draw on, as stored beside the state.
pub(super) fn captured(payment: &Payment) -> i64 {
    payment.captured().map_or(0, |(_, amount)| bigint(amount.minor()))
}

/// The due time and the number of tries, as stored.
pub(super) fn due(follow_up: Option<FollowUp>) -> (Option<i64>, u32) {
    (follow_up.map(|due| due.at.as_microsecond()), follow_up.map_or(0, |due| due.tries))
}

/// The ids of the payment and of the refund that an idempotency key is for, as stored: at most one of them.
pub(super) fn subject_ids(subject: Option<Subject>) -> (Option<String>, Option<String>) {
    match subject {
        Some(Subject::Payment(id)) => (Some(id.to_string()), None),
        Some(Subject::Refund(id)) => (None, Some(id.to_string())),
        None => (None, None),
    }
}

impl TryFrom<RefundRow> for Refund {
    type Error = StoreError;

    fn try_from(row: RefundRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "refunds", row: &row.id };
        let amount = u64::try_from(row.amount).ok().and_then(Amount::new);
        let refund = Self {
            id: read.parsed("id", &row.id)?,
            payment: read.parsed("payment", &row.payment)?,
            client: read.some("client", ClientId::parse(&row.client))?,
            amount: read.some("amount", amount)?,
            currency: read.some("currency", Currency::from_code(&row.currency))?,
            state: refund_state(&read, &row.detail, read.time("created_at", row.created_at)?)?,
            follow_up: read.follow_up(row.due_at, row.tries)?,
            version: read.number("version", row.version)?,
            created_at: read.time("created_at", row.created_at)?,
            updated_at: read.time("updated_at", row.updated_at)?,
        };
        read.same("state", refund.state.name(), row.state.as_str())?;
        read.same("due_at", &(refund.state.status() == RefundStatus::Pending), &row.due_at.is_some())?;
        Ok(refund)
    }
}

/// Earlier releases did not store `since`, the time from which a refund is wanted: it is the refund's creation time.
fn refund_state(
    read: &ColumnReader<'_>,
    detail: &str,
    created_at: Timestamp,
) -> Result<RefundState, StoreError> {
    let mut detail: serde_json::Value = read.json("detail", detail)?;
    if let Some(fields) = detail.as_object_mut().filter(|fields| fields.contains_key("attempt")) {
        fields.entry("since").or_insert_with(|| created_at.to_string().into());
    }
    serde_json::from_value(detail).map_err(|_| read.wrong("detail"))
}

/// A row of the event log.
pub(super) struct LogRow {
    transaction: i64,
    seq: i64,
    pub(super) event: EventRow,
}

impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for LogRow
where
    EventRow: sqlx::FromRow<'r, R>,
    &'static str: sqlx::ColumnIndex<R>,
    i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let (transaction, seq) = (row.try_get("transaction_id")?, row.try_get("seq")?);
        Ok(Self { transaction, seq, event: EventRow::from_row(row)? })
    }
}

impl LogRow {
    pub(super) fn position(&self, epoch: u32) -> Result<Position, StoreError> {
        let row = self.seq.to_string();
        let read = ColumnReader { table: "events", row: &row };
        let transaction = u64::try_from(self.transaction).map_err(|_| read.wrong("xid"))?;
        let sequence = u64::try_from(self.seq).map_err(|_| read.wrong("seq"))?;
        Ok(Position { epoch, transaction, sequence })
    }
}

/// An event's row with its position in the log.
pub(super) struct PlacedRow {
    pub(super) position: Position,
    pub(super) event: EventRow,
}

impl EventRow {
    /// When it happened; of a sealed row, too.
    pub(super) fn at(&self) -> Result<Timestamp, StoreError> {
        ColumnReader { table: "events", row: &self.payment }.time("at", self.at)
    }
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "events", row: &row.payment };
        let detail: Detail = read.json("detail", &row.detail)?;
        Ok(Self {
            payment: read.parsed("payment", &row.payment)?,
            refund: row.refund.as_deref().map(|id| read.parsed("refund", id)).transpose()?,
            version: read.number("version", row.version)?,
            from: row.from_state,
            to: row.to_state,
            at: read.time("at", row.at)?,
            cause: Cause {
                client: read.some("client", ClientId::parse(&row.client))?,
                initiator: Initiator::read(row.request_id),
                address: detail.address,
            },
            detail,
        })
    }
}

/// Reads column values, and names row and column in the error for a bad one.
pub(super) struct ColumnReader<'a> {
    pub(super) table: &'static str,
    pub(super) row: &'a str,
}

impl ColumnReader<'_> {
    pub(super) fn wrong(&self, column: &str) -> StoreError {
        let (row, column) = (self.row.to_owned(), column.to_owned());
        StoreError::Inconsistent(Unreadable { table: self.table, row, column, problem: Problem::Invalid })
    }

    pub(super) fn some<T>(&self, column: &str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.wrong(column))
    }

    fn follow_up(&self, due_at: Option<i64>, tries: i64) -> Result<Option<FollowUp>, StoreError> {
        let Some(at) = due_at else { return Ok(None) };
        Ok(Some(FollowUp { at: self.time("due_at", at)?, tries: self.number("tries", tries)? }))
    }

    pub(super) fn parsed<T: FromStr>(&self, column: &str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.wrong(column))
    }

    fn json<T: DeserializeOwned>(&self, column: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|_| self.wrong(column))
    }

    pub(super) fn number(&self, column: &str, value: i64) -> Result<u32, StoreError> {
        u32::try_from(value).map_err(|_| self.wrong(column))
    }

    fn minor_units(&self, column: &str, value: i64) -> Result<u64, StoreError> {
        u64::try_from(value).map_err(|_| self.wrong(column))
    }

    pub(super) fn time(&self, column: &str, microseconds: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(microseconds).map_err(|_| self.wrong(column))
    }

    fn same<T: PartialEq + ?Sized>(&self, column: &str, meant: &T, stored: &T) -> Result<(), StoreError> {
        if meant == stored { Ok(()) } else { Err(self.wrong(column)) }
    }
}
