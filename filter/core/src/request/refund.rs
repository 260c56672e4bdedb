use serde::{Deserialize, Serialize};

use crate::money::Amount;

/// `POST /payments/refund`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundRequest {
    /// The payment, `txn_…`.
    pub transaction_id: String,
    /// Left out: all that is not refunded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}
