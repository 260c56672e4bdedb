//! Fuzzes the search for card data.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edge_core_fuzz::card_data::check(data));
