//! Fuzz targets for every parser at the edge that reads what a stranger wrote.
//!
//! A target asserts more than that nothing panics: what is accepted is in its one canonical form, survives a round
//! trip, and is read in the same way by an independent parser; what is refused has a named code and an explanation
//! without a caller's values; nothing passes as authentic that was not signed. Bounds on time and memory are
//! libFuzzer's (`tools/fuzz.sh`).
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a target fails by panicking")]

mod fixture;

pub mod attestation;
pub mod bodies;
pub mod cache;
pub mod card_data;
pub mod certificate_url;
pub mod certificates;
pub mod config;
pub mod exchange;
pub mod idempotency_key;
pub mod money;
pub mod paypal;
pub mod queries;
pub mod return_url;
pub mod routes;
pub mod stripe;
pub mod tickets;

/// A parser, what must hold for whatever it reads, and inputs to begin with.
#[derive(Clone, Copy)]
pub struct FuzzTarget {
    pub name: &'static str,
    /// Panics if a property does not hold.
    pub check: fn(&[u8]),
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// All of them. Each has a program of its name in `fuzz_targets`.
        pub const TARGETS: &[FuzzTarget] =
            &[$(FuzzTarget { name: stringify!($name), check: $name::check, seeds: $name::seeds }),*];
    };
}

targets![
    attestation,
    bodies,
    cache,
    card_data,
    certificate_url,
    certificates,
    config,
    exchange,
    idempotency_key,
    money,
    paypal,
    queries,
    return_url,
    routes,
    stripe,
    tickets,
];
