//! Rows of providers' events and disputes.

use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use sqlx::FromRow;

use super::rows::Reader;
use crate::domain::provider::ProviderRef;
use crate::domain::store::StoreError;
use crate::domain::webhook::{Dispute, EventState, WebhookEvent};

#[derive(FromRow)]
pub(super) struct WebhookRow {
    provider: String,
    id: String,
    kind: String,
    body: Vec<u8>,
    created_at: Option<i64>,
    received_at: i64,
    state: String,
    attempts: i64,
    next_at: i64,
    reason: Option<String>,
}

impl TryFrom<WebhookRow> for WebhookEvent {
    type Error = StoreError;

    fn try_from(row: WebhookRow) -> Result<Self, StoreError> {
        let read = Reader { table: "webhook_events", row: &row.id };
        let reason = row.reason.unwrap_or_default();
        let state = match row.state.as_str() {
            "received" => EventState::Received,
            "done" => EventState::Done,
            "ignored" => EventState::Ignored { reason },
            "failed" => EventState::Failed { next_at: read.time("next_at", row.next_at)?, reason },
            _ => return Err(read.wrong("state")),
        };
        Ok(Self {
            provider: read.some("provider", Provider::from_name(&row.provider))?,
            kind: row.kind,
            body: row.body,
            created_at: row.created_at.map(|at| read.time("created_at", at)).transpose()?,
            received_at: read.time("received_at", row.received_at)?,
            state,
            attempts: read.number("attempts", row.attempts)?,
            id: row.id,
        })
    }
}

#[derive(FromRow)]
pub(super) struct DisputeRow {
    id: String,
    reason: Option<String>,
    status: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    opened_at: Option<i64>,
    closed_at: Option<i64>,
    as_of: i64,
}

impl TryFrom<DisputeRow> for Dispute {
    type Error = StoreError;

    fn try_from(row: DisputeRow) -> Result<Self, StoreError> {
        let read = Reader { table: "disputes", row: &row.id };
        let amount = |minor: i64| read.some("amount", u64::try_from(minor).ok().and_then(Amount::new));
        let currency = |code: String| read.some("currency", Currency::from_code(&code));
        Ok(Self {
            id: ProviderRef::new(row.id.as_str()),
            reason: row.reason,
            status: row.status,
            amount: row.amount.map(amount).transpose()?,
            currency: row.currency.map(currency).transpose()?,
            opened_at: row.opened_at.map(|at| read.time("opened_at", at)).transpose()?,
            closed_at: row.closed_at.map(|at| read.time("closed_at", at)).transpose()?,
            as_of: read.time("as_of", row.as_of)?,
        })
    }
}
