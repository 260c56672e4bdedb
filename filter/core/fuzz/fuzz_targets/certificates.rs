//! Fuzzes the reading of X.509 certificates.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::certificates::check(data));
