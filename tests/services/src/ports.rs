//! Free ports for programs that cannot choose one themselves.

use std::net::{Ipv4Addr, TcpListener};

/// Below Linux's range for outgoing connections: with thousands of those from other tests, one would soon occupy a port
/// that a program has not bound yet.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// All are held until all are known, so that they differ.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let free = |()| loop {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, rand::random_range(PORTS))) {
            return listener;
        }
    };
    [(); N].map(free).map(|listener| listener.local_addr().unwrap().port())
}

#[must_use]
pub fn free_port() -> u16 {
    let [port] = free_ports();
    port
}
