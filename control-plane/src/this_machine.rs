//! Which addresses never leave the machine.

use std::net::IpAddr;

/// Whether `host` is this machine itself, by address or by the one name that always is.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_and_localhost_are_this_machine() {
        for own in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in ["", "0.0.0.0", "10.0.0.1", "localhost.example", "[::2]"] {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
