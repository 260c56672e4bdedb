//! How many connections one address may have.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use crate::waiting::{Place, PlacesPer};

/// What the part of the filter that counts connections is told when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionSettings {
    /// Connections of one address to one worker, 1 to 10,000; `None` for any number.
    pub per_address: Option<usize>,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionSettingsError {
    #[error("the plugin configuration is not right: {0}")]
    Settings(serde_json::Error),
    #[error("`perAddress` must be from 1 to 10000, or null for any number")]
    PerAddress,
}

impl ConnectionSettings {
    /// Reads the plugin's configuration, a JSON object.
    ///
    /// # Errors
    /// Names the setting and what would be right.
    pub fn read(settings: &[u8]) -> Result<Self, ConnectionSettingsError> {
        let read: Self = serde_json::from_slice(settings).map_err(ConnectionSettingsError::Settings)?;
        match read.per_address {
            Some(max) if !(1..=10_000).contains(&max) => Err(ConnectionSettingsError::PerAddress),
            _ => Ok(read),
        }
    }
}

/// What is counted as one address: of IPv6 a /64, which is one host's or one household's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Address {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Address {
    /// Reads what Envoy calls `source.address`: `192.0.2.1:4711` or `[2001:db8::1]:4711`.
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

/// The open connections of one worker. There are at most as many as Envoy takes from everybody.
#[derive(Debug)]
pub struct Connections(Option<PlacesPer<Address>>);

/// What becomes of a new connection.
#[derive(Debug)]
pub enum Admission {
    /// It is counted until the place is dropped.
    Counted(Place),
    /// It has no address, or is not to be counted.
    Uncounted,
    /// Its address has as many as it may.
    Refused,
}

impl Connections {
    #[must_use]
    pub fn new(settings: ConnectionSettings) -> Self {
        Self(settings.per_address.map(PlacesPer::new))
    }

    /// `peer`: Envoy's `source.address`.
    pub fn admit(&mut self, peer: Option<&[u8]>) -> Admission {
        let (Some(places), Some(address)) = (&mut self.0, peer.and_then(Address::of_peer)) else {
            return Admission::Uncounted;
        };
        places.take(&address).map_or(Admission::Refused, Admission::Counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn with(max: usize) -> Connections {
        Connections::new(ConnectionSettings { per_address: Some(max) })
    }

    #[test]
    fn an_address_has_as_many_connections_as_it_may_and_others_have_theirs() {
        let mut connections = with(2);
        let mut admit = |peer: &str| connections.admit(Some(peer.as_bytes()));
        let first = admit("192.0.2.1:1000");
        let second = admit("192.0.2.1:1001");
        assert!(matches!((&first, &second), (Admission::Counted(_), Admission::Counted(_))));
        assert!(matches!(admit("192.0.2.1:1002"), Admission::Refused));
        assert!(matches!(admit("192.0.2.2:1000"), Admission::Counted(_)));
        drop(first);
        assert!(matches!(admit("192.0.2.1:1003"), Admission::Counted(_)));
    }

    #[test]
    fn a_host_with_ipv6_is_one_address_whichever_of_its_own_it_takes() {
        let same = |one: &str, other: &str| {
            let mut connections = with(1);
            let _place = connections.admit(Some(one.as_bytes()));
            matches!(connections.admit(Some(other.as_bytes())), Admission::Refused)
        };
        assert!(same("[2001:db8::1]:1", "[2001:db8::ffff:1:2:3]:2"));
        assert!(!same("[2001:db8::1]:1", "[2001:db8:0:1::1]:1"));
        assert!(same("192.0.2.1:1", "[::ffff:192.0.2.1]:1"));
        assert!(!same("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1"));
    }

    #[test]
    fn what_has_no_address_is_not_counted_and_nothing_is_without_a_limit() {
        let mut connections = with(1);
        for peer in [None, Some(&b""[..]), Some(b"/run/gateway.sock"), Some(b"\xff")] {
            for _ in 0..3 {
                assert!(matches!(connections.admit(peer), Admission::Uncounted), "{peer:?}");
            }
        }
        let mut unlimited = Connections::new(ConnectionSettings { per_address: None });
        assert!(matches!(unlimited.admit(Some(b"192.0.2.1:1")), Admission::Uncounted));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let error = |settings: &str| ConnectionSettings::read(settings.as_bytes()).unwrap_err().to_string();
        assert!(error(r#"{"perAddress":0}"#).contains("`perAddress`"));
        assert!(error(r#"{"perAddress":10001}"#).contains("`perAddress`"));
        assert!(error(r#"{"perAdress":1}"#).contains("perAdress"));
        assert!(error("").contains("plugin configuration"));
        let read = ConnectionSettings::read(br#"{"perAddress":null}"#).unwrap();
        assert_eq!(read, ConnectionSettings { per_address: None });
    }
}
