//! The sandbox over HTTP. Every response is also checked against the providers' published response schemas, if the
//! folder with these is present.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected stops there"
)]

mod control;
mod faults;
mod frozen_failures;
mod paypal_approvals;
mod paypal_authorizations;
mod paypal_orders;
mod paypal_patch_refusals;
mod paypal_patches;
mod paypal_payer_return;
mod paypal_reauthorizations;
mod paypal_refunds;
mod paypal_request_ids;
mod paypal_scripts;
mod paypal_wallets;
mod rejected_calls;
mod releases_as_refunds;
mod shop;
mod stale_reads;
mod stripe_authentication;
mod stripe_captures;
mod stripe_charges;
mod stripe_declines;
mod stripe_idempotency;
mod stripe_lists;
mod stripe_refunds;
mod stripe_scripts;
mod stripe_tokens;
mod support;
mod webhook_delivery;
mod webhook_events;
mod webhook_scripts;
mod webhook_signatures;
