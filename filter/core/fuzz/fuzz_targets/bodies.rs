//! Fuzzes the reading of request bodies.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::bodies::check(data));
