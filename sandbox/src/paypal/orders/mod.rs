//! `/v2/checkout/orders`.

pub(crate) mod authorize;
mod breakdown;
pub(crate) mod capture;
pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod patch;
mod pay;
pub(crate) mod unit;

use serde::Deserialize;

use super::source::SourceRequest;

/// The body of a capture or authorization of an order.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PayRequest {
    pub(crate) payment_source: Option<SourceRequest>,
}
