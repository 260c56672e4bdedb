use payments::ports::store::LoggedEvent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::view::EventView;
use crate::http::wire::{EventId, PaymentId};

/// An event in the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoggedEventView {
    /// Continue behind the event with it.
    id: EventId,
    transaction_id: PaymentId,
    /// The version of the payment, or of the refund if there is a `refundId`: they count their own transitions from 0.
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
