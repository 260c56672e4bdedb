//! Fuzzes the check of the certificate URLs in PayPal's webhooks.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::certificate_url::check(data));
