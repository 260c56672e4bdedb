//! The error for an invalid transition.

/// The payment or refund is not in a state that allows this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment is {from}, so it cannot be {wanted}")]
pub struct InvalidTransition {
    pub from: &'static str,
    pub wanted: &'static str,
}
