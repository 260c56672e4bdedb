//! The one error shape that clients see, whether the edge, Envoy or the control plane answers.

use serde::{Deserialize, Serialize};

/// Every error code a client can meet, with the HTTP status it comes with.
///
/// The set is part of the published contract: codes are added, never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The body, query or path is not what the route takes; `param` names the field.
    InvalidRequest,
    IdempotencyKeyRequired,
    IdempotencyKeyInvalid,
    /// A card number was found; this gateway takes tokens only.
    CardDataNotAccepted,
    /// A wallet's encrypted payload was found; this gateway takes the provider's tokens only.
    WalletPayloadNotAccepted,
    Unauthenticated,
    /// The ticket is none of this gateway's, was altered, or is for something else.
    TicketInvalid,
    /// The ticket was good and its time is over; get a new one.
    TicketExpired,
    SignatureInvalid,
    /// The request did not come through the edge.
    EdgeAttestationRequired,
    Forbidden,
    /// The client has not listed this domain for its wallets.
    DomainNotAllowed,
    /// The provider declined; `declineCode` is the provider's reason.
    PaymentFailed,
    NotFound,
    TransactionNotFound,
    MethodNotAllowed,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyInProgress,
    /// The payment is not in a state that allows this.
    InvalidState,
    IdempotencyKeyReused,
    RefundExceedsCharge,
    RateLimited,
    /// A defect of ours; never a client's mistake.
    InternalError,
    /// The event log does not have the event to continue after.
    CursorUnknown,
    /// The control plane has reached its limit of event connections.
    StreamsExhausted,
    /// The provider refused our configuration (credentials, account), not the payer.
    ProviderRejected,
    /// The provider could not be reached and nothing was sent to it, or it was too busy.
    ProviderUnavailable,
    SignatureUnverifiable,
    IdempotencyUnavailable,
    /// The control plane could not be reached; nothing was executed.
    GatewayUnavailable,
    /// The control plane did not answer in time; repeat with the same idempotency key.
    GatewayTimeout,
}

impl ErrorCode {
    /// The code as clients see it, e.g. `INVALID_REQUEST`.
    #[must_use]
    pub fn name(self) -> String {
        let quoted = serde_json::to_string(&self).unwrap_or_default();
        quoted.trim_matches('"').to_owned()
    }

    /// The HTTP status that belongs to this code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::IdempotencyKeyRequired
            | Self::IdempotencyKeyInvalid
            | Self::CardDataNotAccepted
            | Self::WalletPayloadNotAccepted => 400,
            Self::Unauthenticated
            | Self::TicketInvalid
            | Self::TicketExpired
            | Self::SignatureInvalid
            | Self::EdgeAttestationRequired => 401,
            Self::PaymentFailed => 402,
            Self::Forbidden | Self::DomainNotAllowed => 403,
            Self::NotFound | Self::TransactionNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::IdempotencyInProgress | Self::InvalidState => 409,
            Self::CursorUnknown => 410,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::IdempotencyKeyReused | Self::RefundExceedsCharge => 422,
            Self::RateLimited => 429,
            Self::InternalError => 500,
            Self::ProviderRejected => 502,
            Self::ProviderUnavailable
            | Self::SignatureUnverifiable
            | Self::StreamsExhausted
            | Self::IdempotencyUnavailable
            | Self::GatewayUnavailable => 503,
            Self::GatewayTimeout => 504,
        }
    }
}

/// The member `error` of an error answer. Unknown fields are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    pub code: ErrorCode,
    /// For a person; says what would be right. Never holds a secret or a card number.
    pub message: String,
    /// The field of the request at fault, e.g. `amount` or `metadata.order`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub param: Option<String>,
    /// The provider's reason for a decline, e.g. `insufficient_funds`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decline_code: Option<String>,
    /// The provider's own code for any refusal, e.g. `balance_insufficient` or `PAYEE_ACCOUNT_RESTRICTED`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_code: Option<String>,
    /// Whether the same request can succeed later.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retryable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transaction_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
}

/// `{"success":false,"error":{…}}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// Always `false`.
    pub success: bool,
    pub error: ErrorDetail,
}

impl ErrorBody {
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            success: false,
            error: ErrorDetail {
                code,
                message: message.into(),
                param: None,
                decline_code: None,
                provider_code: None,
                retryable: None,
                transaction_id: None,
                request_id: None,
            },
        }
    }

    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.error.param = Some(param.into());
        self
    }
}
