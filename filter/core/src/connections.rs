//! Limits on the open and new connections of one address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use crate::token_bucket::TokenBucket;
use crate::waiting::{PerKey, Slot, Slots};

/// The settings of the connection filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionSettings {
    /// The most connections of one address to one worker, 1 to 10,000; `None` for no limit.
    pub per_address: Option<usize>,
    /// New connections of one address per second, 1 to 10,000, after a burst of half of `per_address`.
    pub new_per_second: u32,
}

/// Why the connection filter does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionSettingsError {
    #[error("the plugin configuration is invalid: {0}")]
    Settings(serde_json::Error),
    #[error("`perAddress` must be from 1 to 10000, or null for any number")]
    PerAddress,
    #[error("`newPerSecond` must be from 1 to 10000")]
    NewPerSecond,
}

impl ConnectionSettings {
    /// Reads the plugin's configuration, a JSON object.
    ///
    /// # Errors
    /// Names the setting and its valid values.
    pub fn read(settings: &[u8]) -> Result<Self, ConnectionSettingsError> {
        let read: Self = serde_json::from_slice(settings).map_err(ConnectionSettingsError::Settings)?;
        match read.per_address {
            Some(max) if !(1..=10_000).contains(&max) => Err(ConnectionSettingsError::PerAddress),
            _ if !(1..=10_000).contains(&read.new_per_second) => Err(ConnectionSettingsError::NewPerSecond),
            _ => Ok(read),
        }
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 /64, which is one host's or one household's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Address {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Address {
    /// Parses Envoy's `source.address`: `192.0.2.1:4711` or `[2001:db8::1]:4711`.
    fn of_peer(peer: &[u8]) -> Option<Self> {
        let peer: SocketAddr = std::str::from_utf8(peer).ok()?.parse().ok()?;
        Some(match peer.ip().to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        })
    }
}

/// The connections of one worker: at most Envoy's own limit.
///
/// Short-lived connections are limited, too: each costs as much as a request, and as much as its requests would cost
/// before they are rejected. Addresses without an open connection are dropped from time to time.
#[derive(Debug)]
pub struct Connections {
    settings: ConnectionSettings,
    by_address: PerKey<Address, OpenConnections>,
}

/// The connections of one address.
#[derive(Debug)]
struct OpenConnections {
    open: Slots,
    new: TokenBucket,
}

impl OpenConnections {
    /// A client may open its pool at once, but not all that it may have open: over HTTP/2 each connection carries a
    /// hundred requests, and all of them would occupy a worker for a second.
    fn admit(&mut self, now_ms: u64, max: usize, new_per_second: u32) -> Option<Slot> {
        let slot = self.open.take()?;
        let every_us = 1_000_000 / u64::from(new_per_second.max(1));
        let burst = u64::try_from(max.div_ceil(2)).unwrap_or(u64::MAX);
        self.new.take(now_ms.saturating_mul(1_000), burst, every_us).then_some(slot)
    }
}

/// Whether a new connection is admitted.
#[derive(Debug)]
pub enum Admission {
    /// It is counted until the slot is dropped.
    Counted(Slot),
    /// It has no address, or there is no limit.
    Uncounted,
    /// Its address has too many open connections, or opens them too fast.
    Refused,
}

impl Connections {
    #[must_use]
    pub fn new(settings: ConnectionSettings) -> Self {
        Self { settings, by_address: PerKey::new() }
    }

    /// `peer`: Envoy's `source.address`.
    pub fn admit(&mut self, peer: Option<&[u8]>, now_ms: u64) -> Admission {
        let ConnectionSettings { per_address, new_per_second } = self.settings;
        let (Some(max), Some(address)) = (per_address, peer.and_then(Address::of_peer)) else {
            return Admission::Uncounted;
        };
        let is_idle = |opened: &OpenConnections| opened.open.taken() == 0;
        let new = || OpenConnections { open: Slots::new(max), new: TokenBucket::default() };
        let slot =
            self.by_address.with(&address, is_idle, new, |opened| opened.admit(now_ms, max, new_per_second));
        slot.map_or(Admission::Refused, Admission::Counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;
    use crate::waiting::KEYS_KEPT;

    fn with(max: usize) -> Connections {
        Connections::new(ConnectionSettings { per_address: Some(max), new_per_second: 10 })
    }

    #[test]
    fn each_address_has_its_own_limit_of_connections() {
        let mut connections = with(2);
        let mut now_ms = 0;
        let mut admit = |peer: &str| {
            now_ms += 1_000;
            connections.admit(Some(peer.as_bytes()), now_ms)
        };
        let first = admit("192.0.2.1:1000");
        let second = admit("192.0.2.1:1001");
        assert!(matches!((&first, &second), (Admission::Counted(_), Admission::Counted(_))));
        assert!(matches!(admit("192.0.2.1:1002"), Admission::Refused));
        assert!(matches!(admit("192.0.2.2:1000"), Admission::Counted(_)));
        drop(first);
        assert!(matches!(admit("192.0.2.1:1003"), Admission::Counted(_)));
    }

    #[test]
    fn new_connections_are_limited_in_rate_after_a_burst() {
        let mut connections = with(40);
        let mut taken = |peer: &str, now_ms: u64| {
            (0..100)
                .filter(|_| matches!(connections.admit(Some(peer.as_bytes()), now_ms), Admission::Counted(_)))
                .count()
        };
        assert_eq!(taken("192.0.2.1:1", 5_000), 20);
        assert_eq!(taken("192.0.2.1:1", 5_099), 0);
        assert_eq!(taken("192.0.2.1:1", 5_300), 3);
        assert_eq!(taken("192.0.2.2:1", 5_300), 20);
        assert_eq!(taken("192.0.2.1:1", 1_000), 0, "by a clock that was set back");
        assert_eq!(taken("192.0.2.1:1", 60_000), 20);
    }

    #[test]
    fn only_addresses_without_a_connection_are_dropped() {
        let mut connections = with(1);
        let mut admit = |address: usize| {
            let peer = SocketAddr::from((Ipv4Addr::from(u32::try_from(address).unwrap()), 1)).to_string();
            let admitted = connections.admit(Some(peer.as_bytes()), 0);
            (admitted, connections.by_address.len())
        };
        let held: Vec<_> = (0..3 * KEYS_KEPT).map(&mut admit).collect();
        for address in 3 * KEYS_KEPT..20 * KEYS_KEPT {
            let (admitted, known) = admit(address);
            assert!(matches!(admitted, Admission::Counted(_)) && known <= 6 * KEYS_KEPT, "{known}");
        }
        assert!(matches!(admit(7).0, Admission::Refused));
        drop(held);
    }

    #[test]
    fn an_ipv6_host_counts_as_one_address() {
        let same = |one: &str, other: &str| {
            let mut connections = with(1);
            let _slot = connections.admit(Some(one.as_bytes()), 0);
            matches!(connections.admit(Some(other.as_bytes()), 1_000), Admission::Refused)
        };
        assert!(same("[2001:db8::1]:1", "[2001:db8::ffff:1:2:3]:2"));
        assert!(!same("[2001:db8::1]:1", "[2001:db8:0:1::1]:1"));
        assert!(same("192.0.2.1:1", "[::ffff:192.0.2.1]:1"));
        assert!(!same("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1"));
    }

    #[test]
    fn peers_without_an_address_and_unlimited_peers_are_not_counted() {
        let mut connections = with(1);
        for peer in [None, Some(&b""[..]), Some(b"/run/gateway.sock"), Some(b"\xff")] {
            for _ in 0..3 {
                assert!(matches!(connections.admit(peer, 0), Admission::Uncounted), "{peer:?}");
            }
        }
        let settings = ConnectionSettings { per_address: None, new_per_second: 1 };
        let mut unlimited = Connections::new(settings);
        assert!(matches!(unlimited.admit(Some(b"192.0.2.1:1"), 0), Admission::Uncounted));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let error = |settings: &str| ConnectionSettings::read(settings.as_bytes()).unwrap_err().to_string();
        assert!(error(r#"{"perAddress":0,"newPerSecond":1}"#).contains("`perAddress`"));
        assert!(error(r#"{"perAddress":10001,"newPerSecond":1}"#).contains("`perAddress`"));
        assert!(error(r#"{"perAdress":1,"newPerSecond":1}"#).contains("perAdress"));
        assert!(error(r#"{"perAddress":1,"newPerSecond":0}"#).contains("`newPerSecond`"));
        assert!(error(r#"{"perAddress":1}"#).contains("newPerSecond"));
        assert!(error("").contains("plugin configuration"));
        let read = ConnectionSettings::read(br#"{"perAddress":null,"newPerSecond":7}"#).unwrap();
        assert_eq!(read, ConnectionSettings { per_address: None, new_per_second: 7 });
    }
}
