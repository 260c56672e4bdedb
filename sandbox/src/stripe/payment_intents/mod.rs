//! `/v1/payment_intents`.

pub(crate) mod authenticate;
pub(crate) mod cancel;
pub(crate) mod capture;
pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod retrieve;
pub(crate) mod update;
