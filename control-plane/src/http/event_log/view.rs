//! An event of the log, as the API shows it.

use payments::ports::store::LoggedEvent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::event_view::EventView;
use crate::http::wire::{EventId, PaymentId};

/// An event in the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoggedEventView {
    /// Pass it as `after` to continue after this event.
    id: EventId,
    transaction_id: PaymentId,
    /// The version of the payment, or of the refund if there is a `refundId`: a payment's first event has version 0, a refund's 1.
    version: u32,
    #[serde(flatten)]
    event: EventView,
}

impl From<LoggedEvent> for LoggedEventView {
    fn from(LoggedEvent { position, event }: LoggedEvent) -> Self {
        Self {
            id: position.id().into(),
            transaction_id: event.payment.into(),
            version: event.version,
            event: event.into(),
        }
    }
}
