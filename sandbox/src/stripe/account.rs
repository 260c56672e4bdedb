//! What differs between Stripe accounts.

use serde::{Deserialize, Serialize};

/// The settings of the account, as `/_sandbox/stripe/account` shows and takes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Account {
    /// Accounts on API versions before 2025-03-31.basil see what was authorized and not captured as a refund.
    pub(crate) releases_as_refunds: bool,
}
