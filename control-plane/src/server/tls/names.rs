//! The names of which a client certificate must have one.

use std::str::FromStr;

use rustls::pki_types::DnsName;

/// More names than there are kinds of peers: edges, scrapers, operators.
const NAMES_MAX: usize = 64;
/// RFC 1035 limits DNS names to 253 characters, SPIFFE its URIs to 2048 bytes; nobody needs such long ones.
const NAME_BYTES_MAX: usize = 512;

/// DNS names and URIs (`spiffe://…`) of peers that may connect. A name in a certificate matches only as a whole, so a
/// wildcard in a certificate matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNames(Vec<String>);

impl PeerNames {
    /// Whether the name, of a certificate's subject alternative names, may connect.
    pub(super) fn allow(&self, name: &str) -> bool {
        let is_uri = name.contains(':');
        self.0.iter().any(|own| if is_uri { own == name } else { own.eq_ignore_ascii_case(name) })
    }
}

impl FromStr for PeerNames {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let names: Vec<_> = list.split(',').map(|name| name.trim().to_owned()).collect();
        if names.len() > NAMES_MAX {
            return Err(format!("must have at most {NAMES_MAX} names"));
        }
        match names.iter().position(|name| !is_name(name)) {
            None => Ok(Self(names)),
            Some(at) => Err(format!(
                "entry {} must be a DNS name without wildcard or a URI, as in `envoy.example` or \
                 `spiffe://example/envoy`",
                at + 1
            )),
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_uri = name.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    let is_plain = name.len() <= NAME_BYTES_MAX && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain && (is_uri || DnsName::try_from(name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_as_a_whole_and_dns_names_in_any_case() {
        let names: PeerNames = "envoy.example, spiffe://example/Envoy".parse().unwrap();
        for allowed in ["envoy.example", "ENVOY.example", "spiffe://example/Envoy"] {
            assert!(names.allow(allowed), "{allowed}");
        }
        for other in ["envoy", "*.example", "a.envoy.example", "spiffe://example/envoy", ""] {
            assert!(!names.allow(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_by_its_place() {
        for wrong in ["", "a,", "a,*.example", "a,b c", "a,spiffe://", "a,://b"] {
            let problem = wrong.parse::<PeerNames>().unwrap_err();
            assert!(problem.contains(if wrong.is_empty() { "entry 1" } else { "entry 2" }), "{problem}");
        }
        assert!(vec!["a"; 65].join(",").parse::<PeerNames>().is_err());
    }
}
