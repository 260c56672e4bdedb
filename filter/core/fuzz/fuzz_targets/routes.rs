//! Fuzzes the routing of methods and paths.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::routes::check(data));
