//! Values are sealed in both databases: nothing of them is in the files, and what was altered or moved does not open.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test itself would"
)]

mod canaries;
mod customers;
mod database;
mod keys;
mod reseal;
mod samples;
mod tampering;

/// Each test once on each database.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::database::TestDatabase::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(database) = crate::database::TestDatabase::postgres().await {
                    super::$test(database).await;
                }
            })*
        }
    };
}
use on_both;
