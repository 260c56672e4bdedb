//! A URL authority: host and port (RFC 3986, section 3.2), restricted to what every parser reads the same.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest name, without a trailing dot, and the longest label (RFC 1035, section 2.3.4).
const NAME_CHARS_MAX: usize = 253;
const LABEL_CHARS_MAX: usize = 63;

/// `host` or `host:port`, without user information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    pub(crate) host: Host<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    /// Without a trailing dot.
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl<'a> Authority<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                (Host::V6(address.parse().ok()?), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (Host::named(name)?, port)
            }
        };
        (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(Self { host })
    }
}

impl<'a> Host<'a> {
    /// A name whose last label is a number is an address to every parser (WHATWG URL, "ends in a number"), and only one
    /// form of it is accepted.
    fn named(text: &'a str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.len() > NAME_CHARS_MAX || !name.split('.').all(is_label) {
            return None;
        }
        let last = name.rsplit('.').next()?;
        let is_hex = last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
        if is_hex || last.bytes().all(|b| b.is_ascii_digit()) {
            return name.parse().ok().map(Self::V4);
        }
        Some(Self::Name(name))
    }

    /// Whether it is this machine, so that traffic to it crosses no network.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=LABEL_CHARS_MAX).contains(&label.len()) && label.bytes().all(allowed)
}

fn is_port(text: &str) -> bool {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn names_and_addresses_with_and_without_a_port_are_taken() {
        for text in [
            "shop.example",
            "SHOP.example.",
            "localhost:8080",
            "a",
            "control_plane",
            "xn--bcher-kva.example",
            "1.shop.example:443",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[2001:db8::1]:65535",
        ] {
            assert!(Authority::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_parsers_read_differently_is_rejected() {
        let long_label = "a".repeat(64);
        let long_name = "a.".repeat(128);
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a..",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:+80",
            "a:8x",
            "a:80:80",
            "[",
            "[]",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[1]",
            "[fe80::1%25lo]",
            "::1",
            "%41",
            "a%2eb",
            "a@",
            "@",
            "u@a",
            "u:p@a",
            "a b",
            "a,b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a\u{e9}",
            "1",
            "256.1.1.1",
            "1.2.3",
            "01.2.3.4",
            "0x7f.0.0.1",
            "1.2.3.0x4",
            "1.2.3.4.5",
            &long_label,
            &long_name,
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn this_machine_is_recognized_by_each_of_its_names() {
        let is_loopback = |text| Authority::parse(text).unwrap().host.is_loopback();
        for text in ["localhost", "LocalHost.", "127.0.0.1", "127.9.9.9:80", "[::1]:3000"] {
            assert!(is_loopback(text), "{text}");
        }
        for text in ["localhost.example", "128.0.0.1", "[::2]", "[::ffff:127.0.0.1]", "shop.example"] {
            assert!(!is_loopback(text), "{text}");
        }
    }
}
