//! Key management services that wrap data keys, so that the key which opens everything never leaves them.

#[cfg(feature = "aws-kms")]
mod aws;
mod vault;

use std::time::Duration;

#[cfg(feature = "aws-kms")]
pub(crate) use aws::AwsKms;
pub(crate) use vault::{InvalidVault, VaultTransit};

/// Time limit for one request. A service asks rarely: at its start, and for a new key once a day.
const PATIENCE: Duration = Duration::from_secs(5);
