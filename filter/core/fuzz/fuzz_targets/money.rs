//! Fuzzes the reading of amounts and currencies.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::money::check(data));
