//! Fuzzes the check of return URLs.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::return_url::check(data));
