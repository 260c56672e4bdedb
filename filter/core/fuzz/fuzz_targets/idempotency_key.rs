//! Fuzzes the reading of the `Idempotency-Key` header.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::idempotency_key::check(data));
