//! Data ends by its schedule, on both databases: keys are erased, rows deleted, and nothing that money depends on is.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test itself would"
)]

#[path = "../sealing/database.rs"]
#[expect(dead_code, reason = "the tests of sealing use all of it")]
mod database;
mod ended;
mod held;
mod named;
mod old;
mod partitions;
mod runs;
#[path = "../sealing/samples.rs"]
#[expect(dead_code, reason = "the tests of sealing use all of it")]
mod samples;

use database::on_both;
