//! Fuzzes the reading of the edge cache's answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::cache::check(data));
