//! Differences between Stripe accounts.

use serde::{Deserialize, Serialize};

/// The account's settings, as in `/_sandbox/stripe/account`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Account {
    /// Accounts on API versions before 2025-03-31.basil show uncaptured amounts as refunds.
    pub(crate) releases_as_refunds: bool,
}
