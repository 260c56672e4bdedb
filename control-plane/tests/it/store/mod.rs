//! The stores: one suite for both, what shares a commit, and what only a server can do to one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test itself would"
)]

pub(crate) mod changes;
mod conformance;
mod crowded;
mod cut;
mod disk;
mod event_log;
mod failover;
mod faults;
mod key_rules;
mod keys;
mod lanes;
mod locked;
mod lost_primary;
mod missing_standby;
mod random;
mod readiness;
mod reconciling;
pub(crate) mod role;
mod shared;
mod test_store;
mod unreadable;
mod upgrade;
mod webhooks;

pub(crate) use test_store::{ENCRYPTION_KEYS, TestStore, settings};

/// Each test once on each store, in a database of its own.
macro_rules! on_both_stores {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::common::TestStore::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(test) = crate::common::TestStore::postgres().await {
                    super::$test(test).await;
                }
            })*
        }
    };
}
pub(crate) use on_both_stores;
