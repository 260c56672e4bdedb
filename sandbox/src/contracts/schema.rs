//! The request bodies that PayPal's contract describes.

/// The body of one kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaypalSchema {
    CreateOrder,
    CaptureOrder,
    AuthorizeOrder,
    ConfirmOrder,
    PatchOrder,
    CaptureAuthorization,
    ReauthorizeAuthorization,
    RefundCapture,
}
