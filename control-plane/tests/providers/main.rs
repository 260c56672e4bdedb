//! The provider adapters against the provider sandbox: what they answer, and what its ledger says happened.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do"
)]

mod certainty;
mod circuits;
mod disputes;
mod journeys;
mod liability;
mod look_ups;
mod network;
mod outgoing;
mod paypal;
mod paypal_orders;
mod refusals;
mod sandbox_fixture;
mod scripted;
mod silence;
mod stripe;
mod token;
mod wallets;
