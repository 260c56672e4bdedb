//! Fuzzes the reading of attestations.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::attestation::check(data));
