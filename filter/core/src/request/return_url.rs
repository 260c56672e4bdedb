//! Where a payer's browser is sent after a step outside.

use super::{ChargeRequest, InvalidRequest};
use crate::authority::{Authority, Host};
use crate::request::object::Field;

pub(crate) const CHARS_MAX: usize = 2_048;

/// So that a list can be looked through for each charge.
const HOSTS_MAX: usize = 256;

pub(super) const RETURN_URL: Field = Field {
    name: "returnUrl",
    rule: "must be an https URL (http only to this machine) of printable ASCII without a user's name, at most 2048 \
           characters long",
};

/// Whether a payer may be sent there at all: over TLS, or on the payer's own machine, to a host that everybody reads
/// alike.
#[must_use]
pub fn is_return_url(url: &str) -> bool {
    // What browsers strip or turn into `/` (WHATWG URL) is not for both halves and a provider to agree on.
    let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
    url.len() <= CHARS_MAX
        && url.bytes().all(plain)
        && host_of(url).is_some_and(|(encrypted, host)| encrypted || host.is_loopback())
}

/// The host, and whether the way there is encrypted.
fn host_of(url: &str) -> Option<(bool, Host<'_>)> {
    let (scheme, rest) = url.split_once("://")?;
    let encrypted = match scheme {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    Some((encrypted, Authority::parse(authority)?.host))
}

/// The hosts that payers may be sent to; any, unless some are named.
#[derive(Clone, Debug, Default)]
pub struct ReturnUrlHosts(Vec<String>);

/// Why a list of hosts cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReturnUrlHostsError {
    #[error("entry {0} is not the name of a host, e.g. `shop.example`")]
    NotAName(usize),
    #[error("it has more than 256 entries")]
    TooMany,
}

impl ReturnUrlHosts {
    /// # Errors
    /// An entry that is no host name, or more than 256.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, ReturnUrlHostsError> {
        let read = |(n, name): (usize, &str)| match Authority::parse(name) {
            Some(Authority { host: Host::Name(host) }) if !name.contains(':') => {
                Ok(host.to_ascii_lowercase())
            }
            _ => Err(ReturnUrlHostsError::NotAName(n)),
        };
        let hosts = (1..).zip(names).map(read).collect::<Result<Vec<_>, _>>()?;
        if hosts.len() > HOSTS_MAX { Err(ReturnUrlHostsError::TooMany) } else { Ok(Self(hosts)) }
    }

    /// In lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Holds a charge against the list.
    ///
    /// # Errors
    /// Its `returnUrl` leads elsewhere.
    pub fn check(&self, charge: &ChargeRequest) -> Result<(), InvalidRequest> {
        match &charge.return_url {
            Some(url) if !self.0.is_empty() && !self.has(url) => Err(InvalidRequest::named(
                RETURN_URL.name,
                "leads to a host that this gateway does not send payers to",
            )),
            _ => Ok(()),
        }
    }

    fn has(&self, url: &str) -> bool {
        let Some((_, Host::Name(name))) = host_of(url) else { return false };
        self.0.iter().any(|host| host.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn payers_are_sent_over_tls_or_to_their_own_machine() {
        for url in [
            "https://shop.example",
            "https://shop.example/back?x=1#y",
            "https://shop.example:8443?x",
            "https://[2001:db8::1]/",
            "http://localhost:3000/back",
            "http://127.0.0.1",
            "http://[::1]:3000/",
        ] {
            assert!(is_return_url(url), "{url}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(2_048));
        for url in [
            "",
            "shop.example",
            "/back",
            "//shop.example",
            "http://shop.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "ftp://shop.example",
            "javascript://shop.example/%0aalert(1)",
            "HTTPS://shop.example",
            "https:/shop.example",
            "https:shop.example",
            "https://",
            "https:///back",
            "https://:80/",
            "https://?x",
            "https://paypal.com@evil.example/",
            "https://user:secret@shop.example/",
            "https://shop.example\\@evil.example/",
            "https://evil.example\\.shop.example/",
            "https://shop example/",
            "https://shop.example/a b",
            "https://shop.example/\u{e9}",
            "https://%73hop.example/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://shop.example:0/",
            &long,
        ] {
            assert!(!is_return_url(url), "{url}");
        }
    }

    fn to(url: &str) -> ChargeRequest {
        let body = format!(r#"{{"provider":"paypal","amount":1,"currency":"USD","returnUrl":"{url}"}}"#);
        ChargeRequest::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn only_hosts_of_the_list_are_led_to_where_there_is_one() {
        let hosts = ReturnUrlHosts::new(["shop.example", "Other.Example"]).unwrap();
        for url in ["https://shop.example/a", "https://SHOP.example.:8443", "https://other.example"] {
            assert_eq!(hosts.check(&to(url)), Ok(()), "{url}");
        }
        for url in ["https://evil.example", "https://www.shop.example", "http://localhost", "https://[::1]"] {
            let refused = hosts.check(&to(url)).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("returnUrl"), "{url}");
            assert_eq!(ReturnUrlHosts::default().check(&to(url)), Ok(()), "{url}");
        }
        let none = r#"{"provider":"paypal","amount":1,"currency":"USD"}"#;
        assert_eq!(hosts.check(&ChargeRequest::parse(none.as_bytes()).unwrap()), Ok(()));
    }

    #[test]
    fn a_list_names_hosts() {
        for wrong in ["", "https://shop.example", "shop.example:443", "127.0.0.1", "*.shop.example", "a b"] {
            let refused = ReturnUrlHosts::new(["ok.example", wrong]).unwrap_err();
            assert_eq!(refused, ReturnUrlHostsError::NotAName(2), "{wrong}");
        }
        let many = vec!["a"; HOSTS_MAX + 1];
        assert_eq!(ReturnUrlHosts::new(many).unwrap_err(), ReturnUrlHostsError::TooMany);
    }
}
