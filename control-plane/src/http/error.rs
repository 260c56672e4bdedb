//! Maps errors to the API's error answers.

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge_core::card::CardData;
use edge_core::error::{ErrorBody, ErrorCode};
use edge_core::request::InvalidRequest;
use payments::causes::with_causes;
use payments::model::id::PaymentId;
use payments::model::idempotency::StoredAnswer;
use payments::model::provider::{Refusal, RefusalKind};
use payments::ports::store::StoreError;
use payments::usecases::OperationError;

use super::attested::Attested;
use super::observe::NO_STORE;

/// Seconds after which a stream that was refused is worth asking for again. Places become free as others' connections
/// end; those that are renewed or were cut come back within this time and keep theirs.
const STREAM_RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An error on its way out. The body is written by [`super::observe`], which knows the request id.
#[derive(Clone, Debug)]
pub(super) struct ApiError(pub(super) Box<ErrorBody>);

impl ApiError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorBody::new(code, message)))
    }

    pub(super) fn param(mut self, param: Option<String>) -> Self {
        self.0.error.param = param;
        self
    }

    fn transaction(mut self, id: PaymentId) -> Self {
        self.0.error.transaction_id = Some(id.to_string());
        self
    }

    pub(super) fn retryable(mut self, retryable: bool) -> Self {
        self.0.error.retryable = Some(retryable);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.0.error.code;
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        // Behind the edge, streams alone are limited.
        if matches!(code, ErrorCode::RateLimited | ErrorCode::StreamsExhausted) {
            response.headers_mut().insert(header::RETRY_AFTER, STREAM_RETRY_AFTER);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<InvalidRequest> for ApiError {
    fn from(invalid: InvalidRequest) -> Self {
        Self::new(ErrorCode::InvalidRequest, invalid.message).param(invalid.param)
    }
}

impl From<CardData> for ApiError {
    fn from(found: CardData) -> Self {
        Self::new(found.code(), found.message()).param(found.param)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let error = OperationError::Store(error);
        log(&error);
        Self::from(&error)
    }
}

/// Pure, so that the same error always gives the same answer. [`log`] gives operators the details.
impl From<&OperationError> for ApiError {
    fn from(error: &OperationError) -> Self {
        let message = error.to_string();
        match error {
            OperationError::ProviderNotConfigured(_) => Self::new(ErrorCode::ProviderRejected, message),
            OperationError::Unacceptable(unacceptable) => {
                Self::new(ErrorCode::InvalidRequest, message).param(Some(unacceptable.param.to_owned()))
            }
            OperationError::NotFound => Self::new(ErrorCode::TransactionNotFound, message),
            OperationError::InvalidState { payment, .. } | OperationError::Superseded { payment, .. } => {
                Self::new(ErrorCode::InvalidState, message).transaction(*payment)
            }
            OperationError::Busy { payment } | OperationError::Undecided { payment, .. } => {
                Self::new(ErrorCode::InvalidState, message).transaction(*payment).retryable(true)
            }
            OperationError::InProgress | OperationError::KeyTaken => {
                Self::new(ErrorCode::IdempotencyInProgress, message).retryable(true)
            }
            OperationError::OrderTaken => Self::new(ErrorCode::InvalidState, message).retryable(true),
            OperationError::CaptureExceeds { payment, .. } => Self::new(ErrorCode::InvalidRequest, message)
                .param(Some("amount".to_owned()))
                .transaction(*payment),
            OperationError::RefundExceeds { payment, .. } => {
                Self::new(ErrorCode::RefundExceedsCharge, message).transaction(*payment)
            }
            OperationError::Refused { payment, refusal } => Self::refused(refusal).transaction(*payment),
            OperationError::NotSent { payment, uncertainty } => {
                let message = if uncertainty.is_expired {
                    super::view::EXPIRED
                } else {
                    "the provider did not execute it, so no money moved; try again"
                };
                Self::new(ErrorCode::ProviderUnavailable, message).transaction(*payment).retryable(true)
            }
            OperationError::GivenUp { payment, .. } => {
                let message = format!("{message}; send it under a new idempotency key to try it again");
                Self::new(ErrorCode::ProviderUnavailable, message).transaction(*payment).retryable(false)
            }
            OperationError::InDoubt(_) => {
                let message = "the database did not confirm that the request is recorded, so it may be carried out; \
                               send it again under the same key to learn";
                Self::new(ErrorCode::GatewayTimeout, message).retryable(true)
            }
            OperationError::NotRecorded(_) => {
                let message = "the database takes no changes now, so this request was not carried out; send it again \
                               under the same key";
                Self::new(ErrorCode::GatewayUnavailable, message).retryable(true)
            }
            OperationError::Store(problem) => Self::store(problem),
            OperationError::Crashed => Self::internal(),
        }
    }
}

impl ApiError {
    /// The record of the request's idempotency key was not read, so it is not known what became of an earlier request.
    pub(super) fn unknown_key(problem: StoreError) -> Self {
        let is_damaged = matches!(problem, StoreError::Inconsistent(_));
        let error = Self::from(problem);
        if is_damaged { Self::new(ErrorCode::InternalError, DAMAGED_KEY) } else { error }
    }

    fn store(problem: &StoreError) -> Self {
        match problem {
            StoreError::Unavailable(_) => {
                Self::new(ErrorCode::GatewayUnavailable, "the database cannot be reached; try again")
                    .retryable(true)
            }
            StoreError::NotWritten(_) => {
                Self::new(ErrorCode::GatewayUnavailable, "the database takes no changes now; try again")
                    .retryable(true)
            }
            StoreError::TimedOut => {
                let message =
                    "the database took longer than it may for this; ask for fewer or for a shorter time";
                Self::new(ErrorCode::GatewayUnavailable, message).retryable(true)
            }
            StoreError::NoConnection => {
                let message =
                    "too much is asked of the database at the same time, or it cannot be reached; try again";
                Self::new(ErrorCode::GatewayUnavailable, message).retryable(true)
            }
            StoreError::Overloaded => {
                Self::new(ErrorCode::GatewayUnavailable, "more is asked for than can be recorded; try again")
                    .retryable(true)
            }
            StoreError::Inconsistent(_) => Self::internal(),
        }
    }
}

/// Logs the details of an error that the client's answer omits.
pub(super) fn log(error: &OperationError) {
    match error {
        OperationError::Refused { payment, refusal } if refusal.kind == RefusalKind::Configuration => {
            let (code, reason) = (refusal.code.as_deref(), refusal.message.as_str());
            if is_unknown_there(refusal) {
                tracing::error!(
                    payment.id = %payment, provider.code = code, reason,
                    "the provider does not know the object: credentials of another account or mode, or a sandbox that forgot it"
                );
            } else {
                tracing::error!(
                    payment.id = %payment, provider.code = code, reason,
                    "the provider refused our configuration"
                );
            }
        }
        OperationError::NotSent { payment, uncertainty } => {
            tracing::warn!(payment.id = %payment, reason = uncertainty.reason, "the provider could not be called");
        }
        OperationError::Store(problem)
        | OperationError::InDoubt(problem)
        | OperationError::NotRecorded(problem) => {
            tracing::error!(error = with_causes(problem), "the store failed");
        }
        OperationError::Crashed => tracing::error!("an operation ended unexpectedly"),
        _ => {}
    }
}

const DAMAGED_KEY: &str = "what is stored of this idempotency key cannot be read; the request may have been carried out: \
    look the payment up before you send the request under another key";

/// Stripe's code for an unknown object, e.g. an earlier payment after the credentials were changed.
const UNKNOWN_THERE: &str = "resource_missing";

fn is_unknown_there(refusal: &Refusal) -> bool {
    refusal.code.as_deref() == Some(UNKNOWN_THERE)
}

impl ApiError {
    fn refused(refusal: &Refusal) -> Self {
        let Refusal { kind, message, .. } = refusal;
        let mut error = match kind {
            RefusalKind::Declined => Self::new(ErrorCode::PaymentFailed, message).retryable(false),
            // What the payer brought cannot pay: a token that is used up, a failed authentication.
            RefusalKind::Invalid { .. } if refusal.decline_code.is_some() => {
                Self::new(ErrorCode::PaymentFailed, message).retryable(false)
            }
            RefusalKind::Invalid { param } => {
                Self::new(ErrorCode::InvalidRequest, message).param(param.clone())
            }
            RefusalKind::State | RefusalKind::Expired => Self::new(ErrorCode::InvalidState, message),
            RefusalKind::RefundExceeds => Self::new(ErrorCode::RefundExceedsCharge, message),
            RefusalKind::Configuration => {
                let message = if is_unknown_there(refusal) {
                    "the provider does not know what this request refers to: it does not exist in the account or the mode \
                     (test or live) of this gateway's credentials"
                } else {
                    "the provider refused this gateway's configuration"
                };
                Self::new(ErrorCode::ProviderRejected, message)
            }
        };
        error.0.error.decline_code = refusal.reason().cloned();
        error.0.error.provider_code.clone_from(&refusal.code);
        error
    }

    /// The error as it is stored and sent.
    pub(super) fn answer(mut self, request_id: &str) -> StoredAnswer {
        self.0.error.request_id = Some(request_id.to_owned());
        StoredAnswer::json(self.0.error.code.status(), &self.0)
    }

    fn internal() -> Self {
        Self::new(ErrorCode::InternalError, "an error on our side; read the payment before you repeat it")
    }
}

/// Requires attestation, so that a request that bypassed the edge learns nothing, not even about an unknown path.
pub(super) async fn not_found(_: Attested) -> ApiError {
    ApiError::new(ErrorCode::NotFound, "no such path")
}

pub(super) async fn method_not_allowed(_: Attested) -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "this path does not take this method")
}

/// The last resort against a defect. It runs outside the layer that writes error bodies, so it writes its own.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    let body = serde_json::to_string(&*ApiError::internal().0).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    let headers = [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, NO_STORE)];
    (StatusCode::INTERNAL_SERVER_ERROR, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_the_provider_does_not_know_is_told_by_its_likely_causes() {
        let told = |code: &str| {
            let (kind, message) = (RefusalKind::Configuration, "No such charge: ch_1".to_owned());
            let refusal =
                Refusal { kind, code: Some(code.to_owned()), decline_code: None, message, reference: None };
            ApiError::refused(&refusal).0.error.message
        };
        assert!(told("resource_missing").contains("the account or the mode (test or live)"));
        assert!(!told("resource_missing").contains("configuration"));
        assert!(told("api_key_expired").contains("configuration"));
    }

    #[test]
    fn what_was_certainly_not_recorded_is_not_told_as_a_doubt() {
        let refused = || StoreError::NotWritten("read-only".into());
        let error = ApiError::from(&OperationError::NotRecorded(refused())).0.error;
        assert_eq!((error.code.status(), error.retryable), (503, Some(true)));
        assert!(error.message.contains("was not carried out"), "{}", error.message);
        // The write may have succeeded and is carried out then, so the message must not deny it.
        let uncertainty = OperationError::unwritten(StoreError::Unavailable("the answer is lost".into()));
        let error = ApiError::from(&uncertainty).0.error;
        assert_eq!((error.code.status(), error.retryable), (504, Some(true)));
        assert!(error.message.contains("may be carried out"), "{}", error.message);
        // For a commit after the call, the message must not claim either.
        let error = ApiError::from(&OperationError::Store(refused())).0.error;
        assert_eq!((error.code.status(), error.retryable), (503, Some(true)));
        assert!(!error.message.contains("carried out"), "{}", error.message);
    }

    #[test]
    fn a_client_is_told_why_its_list_was_not_read() {
        for (problem, why) in [
            (StoreError::TimedOut, "took longer than it may"),
            (StoreError::NoConnection, "at the same time"),
        ] {
            let error = ApiError::from(&OperationError::Store(problem)).0.error;
            assert_eq!((error.code.status(), error.retryable), (503, Some(true)));
            assert!(error.message.contains(why), "{}", error.message);
        }
    }
}
