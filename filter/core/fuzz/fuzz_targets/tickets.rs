//! Fuzzes the reading of tickets.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::tickets::check(data));
