//! A parsed PayPal request: the command and its parameters.

use super::{
    authorizations::{self, void::void},
    context::{RequestContext, Success},
    errors::Result,
    orders::{authorize, capture, confirm, create, patch},
    refund_capture,
    request_ids::{CallKind, Resource},
};

#[derive(Debug)]
pub(crate) enum Command {
    CreateOrder(Box<create::Request>),
    RetrieveOrder(String),
    CaptureOrder(capture::Request),
    AuthorizeOrder(authorize::Request),
    ConfirmOrder(Box<confirm::Request>),
    PatchOrder(patch::Request),
    RetrieveAuthorization(String),
    CaptureAuthorization(authorizations::capture::Request),
    ReauthorizeAuthorization(authorizations::reauthorize::Request),
    VoidAuthorization(String),
    RetrieveCapture(String),
    RefundCapture(refund_capture::Request),
    RetrieveRefund(String),
    RetrieveDispute(String),
}

impl Command {
    /// The order in the URL.
    fn order(&self) -> Option<&str> {
        match self {
            Self::RetrieveOrder(id) => Some(id),
            Self::CaptureOrder(request) => Some(&request.order),
            Self::AuthorizeOrder(request) => Some(&request.order),
            Self::ConfirmOrder(request) => Some(&request.order),
            Self::PatchOrder(request) => Some(&request.order),
            _ => None,
        }
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Success> {
        if let Some(order) = self.order() {
            context.objects.forget_unapproved(order, context.now);
        }
        match self {
            Self::CreateOrder(request) => request.execute(context),
            Self::CaptureOrder(request) => request.execute(context),
            Self::AuthorizeOrder(request) => request.execute(context),
            Self::ConfirmOrder(request) => request.execute(context),
            Self::PatchOrder(request) => request.execute(context),
            Self::CaptureAuthorization(request) => request.execute(context),
            Self::ReauthorizeAuthorization(request) => request.execute(context),
            Self::VoidAuthorization(id) => void(context, id),
            Self::RefundCapture(request) => request.execute(context),
            Self::RetrieveOrder(id) => Ok(Success::ok(Resource::Order(id.clone()))),
            Self::RetrieveAuthorization(id) => Ok(Success::ok(Resource::Authorization(id.clone()))),
            Self::RetrieveCapture(id) => Ok(Success::ok(Resource::Capture(id.clone()))),
            Self::RetrieveRefund(id) => Ok(Success::ok(Resource::Refund(id.clone()))),
            Self::RetrieveDispute(id) => Ok(Success::ok(Resource::Dispute(id.clone()))),
        }
    }

    /// The kind under which the call's `PayPal-Request-Id` is stored; other calls take none.
    pub(crate) fn kind(&self) -> Option<CallKind> {
        match self {
            Self::CreateOrder(_) => Some(CallKind::CreateOrder),
            Self::CaptureOrder(_) => Some(CallKind::CaptureOrder),
            Self::AuthorizeOrder(_) => Some(CallKind::AuthorizeOrder),
            Self::CaptureAuthorization(_) => Some(CallKind::CaptureAuthorization),
            Self::ReauthorizeAuthorization(_) => Some(CallKind::ReauthorizeAuthorization),
            Self::VoidAuthorization(_) => Some(CallKind::VoidAuthorization),
            Self::RefundCapture(_) => Some(CallKind::RefundCapture),
            Self::RetrieveOrder(_)
            | Self::ConfirmOrder(_)
            | Self::PatchOrder(_)
            | Self::RetrieveAuthorization(_)
            | Self::RetrieveCapture(_)
            | Self::RetrieveRefund(_)
            | Self::RetrieveDispute(_) => None,
        }
    }

    /// PayPal requires a `PayPal-Request-Id` where a payment source is used.
    pub(crate) fn needs_request_id(&self) -> bool {
        match self {
            Self::CreateOrder(request) => request.has_source(),
            Self::CaptureOrder(request) => request.has_source(),
            Self::AuthorizeOrder(request) => request.has_source(),
            _ => false,
        }
    }

    /// A look-up returns the full object, whatever was preferred.
    pub(crate) fn is_retrieval(&self) -> bool {
        matches!(
            self,
            Self::RetrieveOrder(_)
                | Self::RetrieveAuthorization(_)
                | Self::RetrieveCapture(_)
                | Self::RetrieveRefund(_)
                | Self::RetrieveDispute(_)
        )
    }
}
