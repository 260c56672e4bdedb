//! Values are sealed in both databases: nothing of them is in the files, and what was altered or moved does not open.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test itself would"
)]

mod canaries;
mod customers;
mod damage;
mod database;
mod keys;
mod reseal;
mod samples;
mod tampering;

use database::on_both;
