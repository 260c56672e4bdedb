//! Fuzzes the handling of whole requests.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::exchange::check(data));
