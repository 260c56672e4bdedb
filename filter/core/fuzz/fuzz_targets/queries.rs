//! Fuzzes the reading of queries and of the `Accept` header.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::queries::check(data));
