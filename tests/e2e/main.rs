//! The gateway from outside: real Envoy with the real filter, control plane and provider sandbox. Responses are checked
//! against the sandbox's ledger, and rejections against the control plane's request counter.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod at_rest;
mod audiences;
mod audit_trail;
mod bodies;
mod browser;
mod captures;
mod card_numbers;
mod checkout_accessibility;
mod checkout_keyboard;
mod checkout_page;
mod checkout_paypal;
mod checkout_stubs;
mod checkout_tabs;
mod checkout_unknown;
mod client_secrets;
mod clients;
mod contracts;
mod control_plane_errors;
mod crowds;
mod currencies;
mod database;
mod description;
mod docs_page;
mod drain;
mod edge_errors;
mod envoy_admin;
mod envoy_errors;
mod event_clients;
mod event_socket;
mod event_stream;
mod event_tenure;
mod event_tickets;
mod event_wakeups;
mod faults;
mod filter_crash;
mod filter_replaced;
mod first_charge;
mod footprint;
mod graphql;
mod headers;
mod hostile_traffic;
mod idempotency;
mod inside_tls;
mod interruptions;
mod leftovers;
mod limits;
mod log_relay;
mod logs;
mod observability;
mod payer_action;
mod payment_methods;
mod recovery;
mod refunds;
mod rolling;
mod run_envoy;
mod silence;
mod strict_json;
mod tls;
mod trailers;
mod wallet_docs;
mod wallet_domains;
mod wallet_policies;
mod wallets;
mod webhooks;
mod without_filter;
