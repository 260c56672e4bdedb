//! Checks that the process can listen on its addresses.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};

use super::CheckReport;

const ABOUT: &str = "ports";

/// A setting and its address.
pub(super) type NamedAddress = (&'static str, SocketAddr);

/// Reports addresses of one process that conflict with each other.
pub(super) fn clashes(places: &[NamedAddress], report: &mut CheckReport) {
    for (n, (key, address)) in places.iter().enumerate() {
        for (other, taken) in places.iter().take(n).filter(|(_, taken)| excludes(*taken, *address)) {
            report.bad(
                ABOUT,
                format!("{key}: {address} is taken by {other} ({taken}); give each its own port"),
            );
        }
    }
}

/// Port 0 never conflicts: it stands for any free port.
fn excludes(a: SocketAddr, b: SocketAddr) -> bool {
    let is_every = |address: IpAddr| address.is_unspecified();
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || is_every(a.ip()) || is_every(b.ip()))
}

/// Listens on each address briefly.
pub(super) fn try_each(places: &[NamedAddress], report: &mut CheckReport) {
    for (key, address) in places {
        match TcpListener::bind(address) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => report.warn(
                ABOUT,
                format!("{key}: something listens on {address} already; if it is not this gateway, the start will fail"),
            ),
            Err(error) => report.bad(ABOUT, format!("{key}: cannot listen on {address}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_exclude_each_other_are_told_and_others_are_not() {
        for (a, b, excluded) in [
            ("127.0.0.1:8081", "127.0.0.1:8081", true),
            ("0.0.0.0:8081", "127.0.0.1:8081", true),
            ("127.0.0.1:8081", "[::]:8081", true),
            ("127.0.0.1:8081", "127.0.0.2:8081", false),
            ("127.0.0.1:8081", "127.0.0.1:8082", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            assert_eq!(excludes(a.parse().unwrap(), b.parse().unwrap()), excluded, "{a} {b}");
        }
    }
}
