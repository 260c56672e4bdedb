//! The body of `POST /payments/refund`.

use serde::{Deserialize, Serialize};

use super::InvalidRequest;
use super::object::{AMOUNT, Body, Field};
use crate::id;
use crate::money::Amount;

/// `POST /payments/refund`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundRequest {
    /// The payment, `txn_…`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::described::PaymentId))]
    pub transaction_id: String,
    /// Left out: all that is not refunded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

impl RefundRequest {
    /// Reads the body strictly.
    ///
    /// # Errors
    /// Names the field at fault and what would be right.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let mut body = Body::read(body, &[&TRANSACTION_ID, &AMOUNT])?;
        let transaction_id = |id: &str| id::is_transaction(id).then(|| id.to_owned());
        Ok(Self {
            transaction_id: TRANSACTION_ID.required(body.text(&TRANSACTION_ID, transaction_id)?)?,
            amount: body.amount()?,
        })
    }
}

const TRANSACTION_ID: Field = Field {
    name: "transactionId",
    rule: "must be a transaction id, `txn_` followed by a UUID in lower case",
};
