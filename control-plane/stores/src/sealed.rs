//! The columns whose values are sealed: what each is bound to, and how it is written and opened. All reads and writes
//! of these columns come through here.

use std::borrow::Cow;

use payments::model::event::Event;
use payments::model::idempotency::StoredAnswer;
use payments::model::payment::Payment;
use payments::model::refund::Refund;
use payments::model::webhook::WebhookEvent;
use sealing::{BlindIndex, DataKeyId, SealError, Sealer, ValueAddress};
use serde::Serialize;

use crate::sealed_row::{COLUMNS_MAX, SealedRow, Stored};
use crate::stored_request::StoredRequest;
use crate::stored_state::WrittenState;

/// Why a change cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("a value cannot be sealed")]
    Seal(#[from] SealError),
}

const REQUEST: &str = "request";
const DETAIL: &str = "detail";
const ANSWER_BODY: &str = "answer_body";
const BODY: &str = "body";

/// `payments.request`.
pub(crate) fn request(payment: &Payment, sealer: &Sealer) -> Result<String, Unwritable> {
    json(&StoredRequest::from(&payment.request), "payments", REQUEST, &payment.id.to_string(), sealer)
}

/// `payments.detail`.
pub(crate) fn payment_state(payment: &Payment, sealer: &Sealer) -> Result<String, Unwritable> {
    json(&WrittenState::from(payment), "payments", DETAIL, &payment.id.to_string(), sealer)
}

/// `refunds.detail`.
pub(crate) fn refund_state(refund: &Refund, sealer: &Sealer) -> Result<String, Unwritable> {
    json(&refund.state, "refunds", DETAIL, &refund.id.to_string(), sealer)
}

/// `events.detail`.
pub(crate) fn event_detail(event: &Event, sealer: &Sealer) -> Result<String, Unwritable> {
    let subject = event.refund.map_or_else(|| event.payment.to_string(), |id| id.to_string());
    json(&event.detail, "events", DETAIL, &event_row(&subject, i64::from(event.version)), sealer)
}

/// `idempotency_keys.answer_body`.
pub(crate) fn answer(scope: &str, answer: &StoredAnswer, sealer: &Sealer) -> Result<String, Unwritable> {
    let place = ValueAddress { table: "idempotency_keys", column: ANSWER_BODY, row: scope };
    Ok(sealer.seal_text(place, answer.body.clone())?)
}

/// `webhook_events.body`.
pub(crate) fn webhook_body(event: &WebhookEvent, sealer: &Sealer) -> Result<Vec<u8>, Unwritable> {
    let row = webhook_row(event.provider.name(), &event.id);
    let place = ValueAddress { table: "webhook_events", column: BODY, row: &row };
    Ok(sealer.seal_bytes(place, event.body.clone())?)
}

fn json<T: Serialize>(
    value: &T,
    table: &'static str,
    column: &'static str,
    row: &str,
    sealer: &Sealer,
) -> Result<String, Unwritable> {
    Ok(sealer.seal_text(ValueAddress { table, column, row }, serde_json::to_string(value)?)?)
}

/// A record's number differs between databases and is known only once it is written; no two records have the same
/// subject and version.
fn event_row(subject: &str, version: i64) -> String {
    format!("{subject}/{version}")
}

fn webhook_row(provider: &str, id: &str) -> String {
    format!("{provider}/{id}")
}

/// A payment's entry in `payment_customers`.
pub(crate) struct Customer {
    pub(crate) index: BlindIndex,
    /// The data key of the index; `None` if values are plain.
    pub(crate) key: Option<DataKeyId>,
}

const CUSTOMER_REFERENCE: &str = "customerReference";

impl Customer {
    /// `None` for a payment without a customer reference.
    pub(crate) fn of(payment: &Payment, sealer: &Sealer) -> Result<Option<Self>, Unwritable> {
        let Some(reference) = &payment.request.customer_reference else { return Ok(None) };
        Ok(Some(Self::new(payment.client.as_str(), reference, sealer)?))
    }

    pub(crate) fn new(client: &str, reference: &str, sealer: &Sealer) -> Result<Self, SealError> {
        let (key, index) = sealer.index(&[CUSTOMER_REFERENCE, client], reference)?;
        Ok(Self { index, key })
    }

    /// The indexes under which payments with this reference may be entered.
    pub(crate) fn indexes(client: &str, reference: &str, sealer: &Sealer) -> Vec<BlindIndex> {
        sealer.indexes(&[CUSTOMER_REFERENCE, client], reference)
    }

    pub(crate) fn key_text(&self) -> String {
        self.key.map(|key| key.to_string()).unwrap_or_default()
    }
}

impl SealedRow for crate::rows::PaymentRow {
    const TABLE: &'static str = "payments";

    fn row(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        [Some((REQUEST, Stored::Text(&mut self.request))), Some((DETAIL, Stored::Text(&mut self.detail)))]
    }

    /// The terms that a decided payment cannot be without are in other columns.
    fn end(&mut self, column: &'static str) -> bool {
        let ends = column == REQUEST && self.is_decided();
        if ends {
            self.request.clear();
        }
        ends
    }
}

impl SealedRow for crate::rows::RefundRow {
    const TABLE: &'static str = "refunds";

    fn row(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        [Some((DETAIL, Stored::Text(&mut self.detail))), None]
    }
}

impl SealedRow for crate::rows::EventRow {
    const TABLE: &'static str = "events";

    fn row(&self) -> Cow<'_, str> {
        Cow::Owned(event_row(self.refund.as_deref().unwrap_or(&self.payment), self.version))
    }

    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        [Some((DETAIL, Stored::Text(&mut self.detail))), None]
    }
}

impl SealedRow for crate::rows::LogRow {
    const TABLE: &'static str = crate::rows::EventRow::TABLE;

    fn row(&self) -> Cow<'_, str> {
        self.event.row()
    }

    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        self.event.sealed()
    }
}

impl SealedRow for crate::audit_rows::TrailRow {
    const TABLE: &'static str = crate::rows::EventRow::TABLE;

    fn row(&self) -> Cow<'_, str> {
        self.event.row()
    }

    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        self.event.sealed()
    }
}

/// An answer ends with its row and not before: retention keeps the data key of an answer whose row it keeps.
impl SealedRow for crate::rows::KeyRow {
    const TABLE: &'static str = "idempotency_keys";

    fn row(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.scope)
    }

    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        [self.answer_body.as_mut().map(|body| (ANSWER_BODY, Stored::Text(body))), None]
    }
}

impl SealedRow for crate::webhook_rows::WebhookRow {
    const TABLE: &'static str = "webhook_events";

    fn row(&self) -> Cow<'_, str> {
        Cow::Owned(webhook_row(&self.provider, &self.id))
    }

    fn sealed(&mut self) -> [Option<(&'static str, Stored<'_>)>; COLUMNS_MAX] {
        [Some((BODY, Stored::Bytes(&mut self.body))), None]
    }

    /// Without its body, an event that is not processed would be lost.
    fn end(&mut self, _: &'static str) -> bool {
        let ends = self.is_processed();
        if ends {
            self.body.clear();
        }
        ends
    }
}
