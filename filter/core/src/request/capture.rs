//! The body of `POST /payments/{id}/capture`.

use serde::{Deserialize, Serialize};

use super::InvalidRequest;
use super::object::{AMOUNT, Body};
use crate::money::Amount;

/// `POST /payments/{id}/capture`; an empty body is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaptureRequest {
    /// Left out: all that is authorized. What is not captured is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

impl CaptureRequest {
    /// Reads the body strictly.
    ///
    /// # Errors
    /// Names the field at fault and what would be right.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { amount: Body::read(body, &[&AMOUNT])?.amount()? })
    }
}

/// `POST /payments/{id}/cancel`; an empty body is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {}

impl CancelRequest {
    /// Reads the body strictly.
    ///
    /// # Errors
    /// Names the field at fault and what would be right.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        if !body.is_empty() {
            Body::read(body, &[])?;
        }
        Ok(Self {})
    }
}
