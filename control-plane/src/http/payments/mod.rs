//! `/payments`: one file per operation.

mod cancel;
mod capture;
mod charge;
mod events;
mod get;
mod list;
mod proof;
mod refund;

pub use self::charge::charge_terms;

use edge_core::error::ErrorCode;
use payments::model::id::PaymentId;
use payments::usecases::call::Renders;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(charge::charge))
        .routes(routes!(refund::refund))
        .routes(routes!(get::get))
        .routes(routes!(events::events))
        .routes(routes!(proof::proof))
        .routes(routes!(capture::capture))
        .routes(routes!(cancel::cancel))
}

/// The answer renderers of all operations.
pub(super) const RENDERS: Renders = Renders {
    charge: charge::answer,
    capture: capture::answer,
    cancel: cancel::answer,
    refund: refund::answer,
};

/// Parses a payment id. A malformed id is answered like an unknown one.
fn payment_id(id: &str) -> Result<PaymentId, ApiError> {
    id.parse().map_err(|_| ApiError::new(ErrorCode::TransactionNotFound, "no such payment"))
}
