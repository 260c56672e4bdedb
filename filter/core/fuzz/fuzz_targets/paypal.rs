//! Fuzzes the check of PayPal's webhook signatures.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::paypal::check(data));
