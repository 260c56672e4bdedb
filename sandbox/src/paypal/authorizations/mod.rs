//! `/v2/payments/authorizations`.

pub(crate) mod capture;
pub(crate) mod reauthorize;
pub(crate) mod void;
