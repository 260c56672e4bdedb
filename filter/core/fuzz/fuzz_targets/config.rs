//! Fuzzes the reading of the filter's configuration.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::config::check(data));
