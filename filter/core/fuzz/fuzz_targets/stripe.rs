//! Fuzzes the check of Stripe's webhook signatures.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::stripe::check(data));
